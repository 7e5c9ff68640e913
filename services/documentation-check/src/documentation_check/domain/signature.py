"""The treatment note's signature (Pub 100-02 ch.15 s220.3 E) and, where a practice asks for one, the cosignature."""

from datetime import timedelta

from claimbus.events import Signature, VisitCompleted

from documentation_check.domain.answer import (
    Answer,
    failed,
    is_blank,
    passed,
    unknown,
    unknown_without_documentation,
)
from documentation_check.domain.evaluation import is_evaluated
from documentation_check.domain.tables import Terms

_TWO_DAYS = timedelta(days=2)


def check_signature_present(visit: VisitCompleted, _: Terms) -> Answer:
    if visit.documentation is None:
        return unknown_without_documentation()
    signature = visit.documentation.signature
    if signature is None or _is_empty(signature):
        return failed("The note bears no signature (documentation.signature).", field="documentation.signature")
    if signature.signed_at is None:
        return unknown(
            "A signer is named, but not when the note was signed: it may still wait for the signature.",
            "documentation.signature.signed_at",
        )
    return passed("The note is signed.", signed_at=signature.signed_at.isoformat())


def check_signature_credential(visit: VisitCompleted, _: Terms) -> Answer | None:
    if visit.documentation is None:
        return unknown_without_documentation()
    signature = visit.documentation.signature
    if signature is None or _is_empty(signature):
        return None
    if is_blank(signature.credential):
        field = "documentation.signature.credential"
        return failed(f"The signature bears no professional credential ({field}).", field=field)
    return passed("The signature bears a credential.")


def check_signer_entitled(visit: VisitCompleted, terms: Terms) -> Answer | None:
    """An assistant may sign a treatment note; an evaluation or a re-evaluation is the therapist's own."""
    if visit.documentation is None:
        return unknown_without_documentation()
    signature = visit.documentation.signature
    if signature is None or _is_empty(signature):
        return None
    field = "documentation.signature.credential"
    role = terms.role_of(signature.credential, visit.discipline)
    inputs = {"role": role, "discipline": visit.discipline}
    if role is None:
        return unknown(
            f"Whether the signer may bill {visit.discipline} cannot be told from the credential.", field, **inputs
        )
    if role == "therapist":
        return passed(f"A therapist entitled to bill {visit.discipline} signed.", **inputs)
    if role != "assistant":
        return failed(
            f"The signer's credential does not entitle to bill {visit.discipline} ({field}).", field=field, **inputs
        )
    if is_evaluated(visit, terms):
        return failed(
            f"An assistant signed an evaluation or a re-evaluation; that is the therapist's work ({field}).",
            field=field,
            **inputs,
        )
    return passed("An assistant signed a treatment note, as an assistant may.", **inputs)


def check_signed_after_visit(visit: VisitCompleted, _: Terms) -> Answer | None:
    if visit.documentation is None:
        return unknown_without_documentation()
    signature = visit.documentation.signature
    if signature is None or _is_empty(signature):
        return None
    signed_at, ended_at = signature.signed_at, visit.ended_at
    if signed_at is None:
        return unknown("When the note was signed is not known.", "documentation.signature.signed_at")
    if ended_at is not None:
        inputs = {"signed_at": signed_at.isoformat(), "ended_at": ended_at.isoformat()}
        if signed_at < ended_at:
            return failed("The note was signed before the visit ended (documentation.signature.signed_at).", **inputs)
        return passed("The note was signed after the visit ended.", **inputs)
    # Without the hour, two days' difference is certain in every time zone.
    apart = signed_at.date() - visit.service_date
    inputs = {"signed_at": signed_at.isoformat(), "service_date": visit.service_date.isoformat()}
    if apart <= -_TWO_DAYS:
        return failed("The note was signed days before the visit (documentation.signature.signed_at).", **inputs)
    if apart >= _TWO_DAYS:
        return passed("The note was signed on a later day than the visit.", **inputs)
    return unknown("When the visit ended is not known.", "ended_at", **inputs)


def check_cosignature(visit: VisitCompleted, _: Terms) -> Answer:
    documentation = visit.documentation
    if documentation is None:
        return unknown_without_documentation()
    cosignature = documentation.cosignature
    if cosignature is not None and cosignature.signed_at is not None:
        return passed("The note is cosigned.", cosigned_at=cosignature.signed_at.isoformat())
    if documentation.cosign_required is False:
        return passed("No cosignature is required.", cosign_required=False)
    if documentation.cosign_required is None:
        return unknown("Whether the note needs a cosignature is not known.", "documentation.cosign_required")
    if cosignature is None or _is_empty(cosignature):
        return failed(
            "The cosignature that this note requires is missing (documentation.cosignature).", cosign_required=True
        )
    return unknown(
        "A cosigner is named, but not when the note was cosigned.",
        "documentation.cosignature.signed_at",
        cosign_required=True,
    )


def _is_empty(signature: Signature) -> bool:
    return signature.signed_at is None and is_blank(signature.name) and is_blank(signature.credential)
