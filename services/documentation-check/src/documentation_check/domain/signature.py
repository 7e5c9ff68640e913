"""The treatment note's signature (Pub 100-02 ch.15 s220.3 E) and, where a practice asks for one, the cosignature."""

from datetime import timedelta

from claimbus.events import Signature, VisitCompleted

from documentation_check.domain.answer import DOCUMENTATION_NOT_SENT, PASSED, Answer, failed, is_blank, unknown
from documentation_check.domain.evaluation import is_evaluated
from documentation_check.domain.tables import Terms

_SIGNATURE = "documentation.signature"
_SIGNED_AT = f"{_SIGNATURE}.signed_at"
_CREDENTIAL = f"{_SIGNATURE}.credential"
_TWO_DAYS = timedelta(days=2)


def check_signature_present(visit: VisitCompleted, _: Terms) -> Answer:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    signature = visit.documentation.signature
    if signature is None or _is_empty(signature):
        return failed(field=_SIGNATURE)
    return unknown(_SIGNED_AT) if signature.signed_at is None else PASSED


def check_signature_credential(visit: VisitCompleted, _: Terms) -> Answer | None:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    signature = visit.documentation.signature
    if signature is None or _is_empty(signature):
        return None
    return failed(field=_CREDENTIAL) if is_blank(signature.credential) else PASSED


def check_signer_entitled(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """An assistant may sign a treatment note; an evaluation or a re-evaluation is for the therapist alone."""
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    signature = visit.documentation.signature
    if signature is None or _is_empty(signature):
        return None
    role = terms.role_of(signature.credential, visit.discipline)
    inputs = {"role": role, "discipline": visit.discipline}
    if role is None:
        return unknown(_CREDENTIAL, inputs=inputs)
    if role == "therapist":
        return PASSED
    if role != "assistant":
        return failed(field=_CREDENTIAL, inputs=inputs)
    if is_evaluated(visit, terms):
        return failed("evaluation-by-assistant", field=_CREDENTIAL, inputs=inputs)
    return PASSED


def check_signed_after_visit(visit: VisitCompleted, _: Terms) -> Answer | None:
    if visit.documentation is None:
        return DOCUMENTATION_NOT_SENT
    signature = visit.documentation.signature
    if signature is None or _is_empty(signature):
        return None
    signed_at, ended_at = signature.signed_at, visit.ended_at
    if signed_at is None:
        return unknown(_SIGNED_AT)
    if ended_at is not None:
        if signed_at < ended_at:
            return failed(inputs={"signed_at": signed_at.isoformat(), "ended_at": ended_at.isoformat()})
        return PASSED
    # Without the hour, two days' difference is certain in every time zone.
    apart = signed_at.date() - visit.service_date
    inputs = {"signed_at": signed_at.isoformat(), "service_date": visit.service_date.isoformat()}
    if apart <= -_TWO_DAYS:
        return failed("days-before", inputs=inputs)
    return PASSED if apart >= _TWO_DAYS else unknown("ended_at", variant="end-not-sent", inputs=inputs)


def check_cosignature(visit: VisitCompleted, _: Terms) -> Answer:
    documentation = visit.documentation
    if documentation is None:
        return DOCUMENTATION_NOT_SENT
    cosignature = documentation.cosignature
    if cosignature is not None and cosignature.signed_at is not None:
        return PASSED
    if documentation.cosign_required is False:
        return PASSED
    if documentation.cosign_required is None:
        return unknown("documentation.cosign_required")
    if cosignature is None or _is_empty(cosignature):
        return failed(inputs={"cosign_required": True})
    return unknown("documentation.cosignature.signed_at", variant="time-missing", inputs={"cosign_required": True})


def _is_empty(signature: Signature) -> bool:
    return signature.signed_at is None and is_blank(signature.name) and is_blank(signature.credential)
