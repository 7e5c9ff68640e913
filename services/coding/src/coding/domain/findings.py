"""Ids of the findings that coding makes."""

from enum import StrEnum


class CodingFinding(StrEnum):
    """Each has its row in `rules/findings.toml`."""

    NO_CODE = "coding.no-code"
    DISAGREEMENT = "coding.disagreement"
    NOT_PERFORMED = "coding.not-performed"
    NOTE_CONTRADICTS = "coding.note-contradicts"
    SERVICE_NOT_LISTED = "coding.service-not-listed"
    MACHINE_SUGGESTION = "coding.machine-suggestion"
    LEVEL_UNSUPPORTED = "evaluation.level-unsupported"
    COMPONENT_MISSING = "evaluation.component-missing"
    CODE_UNDECIDED = "evaluation.code-undecided"
    KIND_DIFFERS = "evaluation.kind-differs"
    DISCIPLINE_DIFFERS = "evaluation.discipline-differs"
