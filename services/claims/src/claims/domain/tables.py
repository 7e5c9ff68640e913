"""Rows of the tables that claims decides by, and the value that one day's rows make."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from claimbus.identifiers import Identifiers
from claimbus.rules import DatedRow, FindingRow, PayerRules, ProfileSettings
from claimbus.values import Count, FindingId, Money, Percent, Program, WholeCents

from claims.domain.checks.icd10cm import DiagnosisBook
from claims.domain.findings import ClaimFinding

FilingIndicator = Literal[
    "09", "11", "12", "13", "14", "15", "16", "17", "AM", "BL", "CH", "CI", "DS", "FI", "HM", "LM", "MA", "MB", "MC",
    "OF", "TV", "VA", "WC", "ZZ",
]  # fmt: skip


class ClaimSettings(ProfileSettings):
    """What a payer wants on a claim: the section `claims` of its profile."""

    discipline_modifier: bool
    """GP, GO or GN on therapy lines."""
    kx: bool
    """The therapy threshold and its modifier."""
    ptp_edits: Literal["block", "review", "none"]
    """How a pair of the NCCI table that is not rescued weighs."""
    mue: Literal["block", "review", "none"]
    """How units above the medically unlikely edit weigh."""
    distinct_modifier: Literal["59", "x"]
    """What tells a distinct service: 59, or the X modifier that fits."""
    habilitative_modifier: Literal["none", "habilitative", "both"]
    """Whether it wants 96 for habilitative services, 96 and 97 for both kinds, or neither."""
    advance_notice: bool
    """Takes GA, GX, GY and GZ."""
    telehealth: Literal["by-date", "as-sent"]
    """Whether therapists may furnish telehealth by Medicare's dated authority, or as the payer has it."""
    fees: Literal["medicare-pfs", "none"]
    """The fee schedule that its allowed amounts follow; none: not known."""
    fee_percent: Percent
    """Of that schedule, as the contract pays."""
    assistant_reduction: bool
    """Pays less for what an assistant furnished."""
    filing_months: Count
    """Months from the date of service in which it takes a claim; 0 where days count instead, or nothing is known."""
    filing_days: Count
    authorization: Literal["required", "as-stated"]
    """Whether every visit needs an authorization, or those of which the visit says so."""
    filing_indicator: FilingIndicator
    """What kind of payer it is (SBR09)."""
    accept_assignment: Literal["A", "B", "C"]
    """Whether the practice accepts this payer's assignment: yes, for laboratory only, no (CLM07)."""
    benefits_assigned: Literal["Y", "N", "W"]
    """Whether the patient lets the payer pay the practice; W: does not apply (CLM08)."""
    release_of_information: Literal["Y", "I", "none"]
    """By the patient's consent, as the law allows, or not at all because nobody is told (CLM09)."""
    signature_on_file: bool
    """Of the provider (CLM06)."""
    supervising_provider: Literal["as-sent", "assistant", "always"]
    """When a claim must name the supervising provider: never, where an assistant took part in a line, always."""
    charges: Mapping[str, WholeCents]
    """The practice's charge for one unit of a code, where the visit gives none."""


class ThresholdRow(DatedRow):
    """US dollars of allowed PT and SLP a year above which KX is needed."""

    amount: Money


class InitialEvaluationRow(DatedRow):
    """Codes of an initial evaluation of a discipline."""

    discipline: str
    codes: tuple[str, ...]


class ClaimFindingRow(FindingRow):
    """A finding of claims, with what it means for lines that it does not name."""

    denies_all_units: bool = False
    """Every unit of the code goes unpaid on that day, on whichever line it stands."""
    endangers_nothing: bool = False
    """It is about what was never billed, or about other visits: no amount of this claim depends on it."""
    is_consequence: bool = False
    """It follows from other findings, and goes when they are fixed."""


class RequiredFieldRow(ClaimFindingRow):
    """A field that a claim cannot be sent without, and what its lack means."""

    path: str
    """From the visit; `coverage` is the payer of rank 1."""
    programs: tuple[Program, ...] = ()
    """For which it is required; empty: for every payer."""


class ClaimTextRow(ClaimFindingRow):
    """Names, lines of an address or numbers that a claim must be able to carry, and what it means where it cannot.

    With `longest` they are numbers: all of a number must be of X12's basic set. Without, names: some of a name must be.
    """

    record: str
    """Where the fields are, from the visit; `coverage` is the payer of rank 1."""
    fields: Mapping[str, Count]
    """Fewest characters of each."""
    longest: Count | None = None
    needed: tuple[str, ...] = ()
    """Of the fields, where the record is there; of a clinician, where anything is known."""
    every_coverage: bool = False


class HarmlessRow(DatedRow):
    """A finding of another service that no amount of the claim depends on."""

    id: FindingId


class LimitRow(DatedRow):
    """Most of a thing that one claim can carry; pointers are those of a line. Dollars are whole ones."""

    of: Literal["lines", "diagnoses", "pointers", "coverages", "causes", "line_dollars", "claim_dollars"]
    most: Count


class CodeRow(DatedRow):
    """A place of service."""

    code: str
    about: str = ""


class AccidentRow(DatedRow):
    """A cause that `case.related_to` may name, and what a claim then needs."""

    cause: str
    programs: tuple[Program, ...] = ()
    """Whose claims come from it."""
    accident_date: Literal["needed", "asked"]
    accident_state: Literal["needed", "none"]


class RvuRow(DatedRow):
    """Relative value units of a code in the physician fee schedule; a code that it does not price has none."""

    code: str
    status: str
    payable: bool
    """Whether the schedule prices it: status A or R, and units above zero."""
    mult_proc: str
    """Multiple-procedure indicator; 5 is therapy."""
    work: Decimal = Decimal(0)
    pe: Decimal = Decimal(0)
    """Practice expense outside a facility, which is what therapy is paid by in every setting."""
    pe_facility: Decimal = Decimal(0)
    """For comparison; no therapy is paid by it."""
    mp: Decimal = Decimal(0)
    rvu_year: int
    """Of the fee schedule that the units are from; for dates of another year they are an estimate."""


class ConversionFactorRow(DatedRow):
    """US dollars for one relative value unit."""

    amount: Decimal
    qualifying_apm: Decimal | None = None
    """What participants in an advanced alternative payment model are paid by; not used."""


class MpprRow(DatedRow):
    """Multiple-procedure reduction: percent taken off the practice expense of every unit but one."""

    mult_proc: str
    pe_cut: Decimal


class AssistantReductionRow(DatedRow):
    """What a service that an assistant furnished is paid: percent `paid` of the percent that the program pays."""

    paid: Decimal
    program_share: Decimal


class PtpRow(DatedRow):
    """NCCI procedure-to-procedure edit: `column2` is denied beside `column1` on one day."""

    column1: str
    column2: str
    modifier_indicator: Literal["0", "1", "9"]
    """0: no modifier helps; 1: a modifier may tell distinct services; 9: void, never in force."""
    rationale: str


class MueRow(DatedRow):
    """Most units of a code in a day, by setting; null where no figure is known."""

    code: str
    practitioner: int | None = None
    outpatient_hospital: int | None = None
    adjudication: Literal["1", "2", "3"] | None = None
    """1: by claim line; 2 and 3: by date of service, all lines of the code together."""
    rationale: str = ""


class DistinctLinesRow(DatedRow):
    """On which codes of a pair, by column, a modifier for a distinct service counts."""

    columns: tuple[Literal[1, 2], ...]


ModifierKind = Literal[
    "discipline", "assistant", "necessity", "distinct", "notice", "telehealth", "habilitative", "other"
]


class ModifierRow(DatedRow):
    """A modifier that exists."""

    modifier: str
    kind: ModifierKind
    about: str


class ConflictRow(DatedRow):
    """Two modifiers that must not stand on one line."""

    first: str
    second: str


class NoticeRow(DatedRow):
    """What an EHR may say of an advance notice; without a modifier no notice is at issue."""

    text: str
    modifier: str = ""


class NoticeEffectRow(ClaimFindingRow):
    """What follows from a notice's modifier on a line."""

    modifier: str


class TelehealthRow(DatedRow):
    """The modifier of a medium, a place of service, or therapists' authority."""

    about: Literal["audio_video", "audio_only", "place", "authority"]
    code: str = ""


@dataclass(frozen=True)
class Edits:
    """NCCI edits in force on one day."""

    pairs: Mapping[str, Mapping[str, PtpRow]]
    """By column 1, then column 2."""
    pairs_version: str
    distinct_columns: tuple[int, ...]
    most_units: Mapping[str, MueRow]
    """By code."""
    most_units_version: str


@dataclass(frozen=True)
class ModifierBook:
    """What is known of modifiers on one day."""

    known: Mapping[str, ModifierRow]
    ever: frozenset[str]
    """Those of any day."""
    conflicts: Mapping[str, Mapping[str, ConflictRow]]
    """Each pair in both directions."""
    notices: Mapping[str, NoticeRow]
    """By what the EHR says."""
    notice_effects: Mapping[str, NoticeEffectRow]
    """By modifier."""
    media: Mapping[str, TelehealthRow]
    """By `telehealth` of the visit."""
    telehealth_places: frozenset[str]
    telehealth_authority: TelehealthRow | None


@dataclass(frozen=True)
class ClaimForm:
    """What a claim may hold on one day, and how it is checked."""

    most_lines: LimitRow
    most_diagnoses: LimitRow
    most_pointers: LimitRow
    most_coverages: LimitRow
    most_causes: LimitRow
    most_line_dollars: LimitRow
    most_claim_dollars: LimitRow
    places: frozenset[str]
    causes: Mapping[str, AccidentRow]


@dataclass(frozen=True, kw_only=True)
class ClaimRules(PayerRules[ClaimSettings]):
    """All that a claim is decided by on one date of service."""

    kx_threshold: ThresholdRow | None
    required_fields: tuple[RequiredFieldRow, ...]
    texts: tuple[ClaimTextRow, ...]
    identifiers: Identifiers
    form: ClaimForm
    diagnosis_codes: DiagnosisBook
    edits: Edits
    modifiers: ModifierBook
    rvus: Mapping[str, RvuRow]
    """By code."""
    conversion_factor: ConversionFactorRow | None
    mppr: Mapping[str, MpprRow]
    """By multiple-procedure indicator."""
    assistant_reduction: AssistantReductionRow | None
    initial_evaluations: Mapping[str, tuple[str, ...]]
    """Codes by discipline."""
    findings: Mapping[ClaimFinding, FindingRow]
    """Those that the code names; rows of a field or of a notice are findings too."""
    denies_all_units: Set[FindingId]
    """Findings for which every unit of the code goes unpaid, on whichever line it stands."""
    endangers_nothing: Set[FindingId]
    """Findings of any service that no amount of the claim depends on."""
    consequences: Set[FindingId]
    """Findings that follow from others, and go when those are fixed."""
