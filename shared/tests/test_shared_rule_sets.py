"""The tables of a rule set are stored once, and found by whoever reads a fact."""

import pytest
from claimbus.events import RuleSet
from claimbus.events.subjects import rule_set_subject
from claimbus.messaging.errors import Drift
from claimbus.messaging.rule_sets import RuleSets, store_rule_set
from claimbus.messaging.topology import RULES
from nats.aio.client import Client

UNITS = RuleSet(version="2026.11", sha256="a" * 64, tables={"unit-codes": "2026.11"})


async def stored(client: Client) -> int:
    return int((await client.jetstream().stream_info(RULES)).state.messages)


async def test_a_rule_set_is_stored_once_whoever_stores_it_again(client: Client) -> None:
    for _ in range(3):
        await store_rule_set(client, "units", UNITS)
    assert await stored(client) == 1
    await store_rule_set(client, "units", UNITS.model_copy(update={"sha256": "b" * 64}))
    await store_rule_set(client, "coding", UNITS)
    assert await stored(client) == 3


async def test_a_fact_finds_the_tables_of_its_digest(client: Client) -> None:
    await store_rule_set(client, "units", UNITS)
    rule_sets = RuleSets()
    assert await rule_sets.complete(client, "units", UNITS.reference) == UNITS
    await client.jetstream().purge_stream(RULES)
    assert await rule_sets.complete(client, "units", UNITS.reference) == UNITS, "read once"


async def test_an_older_fact_brings_its_tables_along(client: Client) -> None:
    assert await RuleSets().complete(client, "units", UNITS) == UNITS


@pytest.mark.parametrize("body", [None, b"", b"{}", b'{"version": "1", "sha256": "other", "tables": {}}'])
async def test_what_is_not_stored_or_cannot_be_read_holds_nothing_back(client: Client, body: bytes | None) -> None:
    if body is not None:
        await client.jetstream().publish(rule_set_subject("units", UNITS.sha256), body)
    assert await RuleSets().complete(client, "units", UNITS.reference) == UNITS.reference


async def test_without_the_stream_a_service_says_what_to_run(client: Client) -> None:
    await client.jetstream().delete_stream(RULES)
    with pytest.raises(Drift, match="claimbus provision"):
        await store_rule_set(client, "units", UNITS)
