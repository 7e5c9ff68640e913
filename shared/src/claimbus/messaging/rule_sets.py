"""The tables of every rule set, stored once.

A fact carries version and digest alone, and whoever needs the tables reads them here. A service stores its rule set
before it publishes a fact, so that a reader of the fact finds it.
"""

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError
from pydantic import ValidationError

from claimbus.events import Derived, RuleSet
from claimbus.events.subjects import rule_set_subject
from claimbus.messaging.direct_get import read_last
from claimbus.messaging.errors import Drift
from claimbus.messaging.publish import WRONG_SEQUENCE
from claimbus.messaging.topology import PUBLISH_TIMEOUT, RULES
from claimbus.services import publisher_of
from claimbus.telemetry.logs import log


async def store_rule_set(client: Client, service: str, rule_set: RuleSet) -> None:
    """Store the tables of a digest unless they are there. Raises `Drift` where there is no stream for them."""
    headers = {"Nats-Expected-Last-Subject-Sequence": "0"}
    subject = rule_set_subject(service, rule_set.sha256)
    body = rule_set.model_dump_json().encode()
    try:
        await JetStreamContext(client).publish(subject, body, timeout=PUBLISH_TIMEOUT, headers=headers)
    except NoStreamResponseError:
        raise Drift(f"stream {RULES} does not exist; run: claimbus provision") from None
    except APIError as exc:
        if exc.err_code not in WRONG_SEQUENCE:
            raise


class RuleSets:
    """Rule sets of other services, each read once."""

    def __init__(self) -> None:
        self._known: dict[str, RuleSet] = {}

    async def of_facts(self, client: Client, *facts: Derived) -> tuple[RuleSet, ...]:
        """The rule sets of facts, with their tables."""
        return tuple([await self.complete(client, publisher_of(type(fact)), fact.rule_set) for fact in facts])

    async def complete(self, client: Client, service: str, reference: RuleSet) -> RuleSet:
        """The rule set of a fact with its tables; without them, and logged, where they are not stored.

        A fact of schema 1.0 brought its tables along. A decision is never held back for the names of tables: version
        and digest still say what it was made by. Raises nats-py's errors.
        """
        if reference.tables:
            return reference
        if reference.sha256 not in self._known:
            found = await read_last(client, RULES, rule_set_subject(service, reference.sha256))
            try:
                stored = RuleSet.model_validate_json(found.body) if found else None
            except ValidationError:
                stored = None
            if stored is None or stored.sha256 != reference.sha256:
                log().warning("rule-set.not-stored", service=service)
                return reference
            self._known[reference.sha256] = stored
        return self._known[reference.sha256]
