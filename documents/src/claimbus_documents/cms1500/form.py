"""What a decision puts into each cell of the CMS-1500 (02/12), page by page. Drawing it is `cms1500`'s work."""

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from claimbus.events import ClaimDenialRisk, ClaimDocument, ClaimReady, Line
from claimbus.events.visit_completed import Address, Case, Clinician, Coverage, Patient, Subscriber
from claimbus.values import Program

from claimbus_documents.amounts import amount_problems
from claimbus_documents.errors import DocumentError
from claimbus_documents.printing import folded
from claimbus_documents.tables import CellRow, DocumentTables, FormProgramRow, tables_on

Decision = ClaimReady | ClaimDenialRisk
Totals = Literal["last", "each"]

LINES_ON_A_PAGE = 6
"""Service lines of item 24."""
LINE_STEP = 2
"""Lines of print from one service line to the next: the upper one is shaded and takes supplements."""
MOST_MODIFIERS = 4
MOST_POINTERS = 4
_ICD_10 = "0"
_ONSET, _ACCIDENT = "431", "439"
"""Qualifiers of items 14 and 15 (NUCC manual)."""
_REFERRING, _SUPERVISING = "DN", "DQ"
_ON_FILE = "SIGNATURE ON FILE"
_LETTERS = string.ascii_uppercase
_CONTINUED = "CONTINUED"
_MARK = "X"
_YEAR = "%m %d %Y"
_SHORT_YEAR = "%m %d %y"
_PUNCTUATION = re.compile(r"[.,#]")
_TOTAL = "28"


class Placed(NamedTuple):
    """A text that begins at a line and a column of the form."""

    cell: str
    line: int
    column: int
    text: str


class Page(NamedTuple):
    placed: tuple[Placed, ...]


class Form(NamedTuple):
    """All pages of one claim, and what a person must know of them: what was cut, and what was left blank."""

    pages: tuple[Page, ...]
    remarks: tuple[str, ...]
    cells: Mapping[str, CellRow]
    """All cells of the form on that day, filled or not."""


def fill_form(decision: Decision, totals: Totals = "last") -> Form:
    """The form's pages, six service lines each. `totals`: on the last page, or of each page on itself.

    Raises `DocumentError` naming each field that is required and missing, or that the form cannot hold unchanged.
    """
    tables = tables_on(decision.claim.service_date)
    blank: list[str] = []
    values = dict(_header(decision, tables, blank))
    problems = [*_problems(decision, tables), *_missing(decision, values, tables)]
    chunks = [
        list(enumerate(decision.lines))[first : first + LINES_ON_A_PAGE]
        for first in range(0, len(decision.lines), LINES_ON_A_PAGE)
    ]
    fitter = _Fitter(tables)
    pages: list[Page] = []
    for chunk in chunks:
        last = chunk is chunks[-1]
        placed = [fitter.place(cell, text) for cell, text in values.items() if text]
        placed.append(fitter.place(_TOTAL, _total(decision, [line for _, line in chunk], totals, last=last)))
        for row, (place, line) in enumerate(chunk):
            cells = dict(_service(line, decision.claim))
            problems += _missing_of_line(place, cells, tables)
            placed += [fitter.place(cell, text, row=row, place=place) for cell, text in cells.items() if text]
        pages.append(Page(tuple(placed)))
    problems += fitter.problems
    if problems:
        raise DocumentError(dict.fromkeys(problems))
    return Form(tuple(pages), tuple(dict.fromkeys([*fitter.remarks, *blank])), tables.cells)


# --- what stands in each cell


def _header(decision: Decision, tables: DocumentTables, blank: list[str]) -> Iterator[tuple[str, str | None]]:
    """Cells above and below the service lines; `blank` takes why some stay empty."""
    claim = decision.claim
    ranked = sorted(claim.coverage, key=lambda one: one.rank)
    primary, others = ranked[0], ranked[1:]
    program = tables.programs.get(primary.program.value)
    yield "payer.name", primary.payer_name
    if program is not None:
        grouped = program.grouped_item1 if primary.group_number else ""
        yield grouped or program.item1, _MARK
    yield "1a", primary.member_id
    yield "2", _last_first(claim.patient)
    yield from _birth_and_sex("3", claim.patient)
    yield from _address("5", claim.patient.address)
    yield from _insured(claim, primary, others, program, tables, blank)
    yield from _related_to(claim.case, blank)
    yield from _signatures(claim, blank)
    yield from _dates(claim.case)
    yield from _source(claim, blank)
    yield from _diagnoses(claim, tables, blank)
    if decision.frequency_code != "1":
        yield "22.code", decision.frequency_code
        yield "22.number", claim.payer_control_number
    yield "23", claim.prior_authorization
    yield "26", claim.control_number
    yield from _billing(claim)


def _insured(
    claim: ClaimDocument,
    primary: Coverage,
    others: Sequence[Coverage],
    program: FormProgramRow | None,
    tables: DocumentTables,
    blank: list[str],
) -> Iterator[tuple[str, str | None]]:
    relationship = tables.relationship(primary.relationship)
    if relationship is None:
        blank.append("item 6 is blank: claim.coverage.0.relationship is unknown")
    else:
        yield f"6.{relationship}", _MARK
    if program is not None and program.medicare:
        yield "11", "NONE"
        if others:
            blank.append("items 9 to 9d are blank: it is unknown whether the second coverage is a Medigap policy")
        blank.append("item 32 is blank: the decision names no place where the service was given")
        return
    holder: Patient | Subscriber | None = claim.patient if relationship == "self" else primary.subscriber
    if holder is None:
        blank.append("items 4, 7 and 11a are blank: claim.coverage.0.subscriber is unknown")
    else:
        yield "4", _last_first(holder)
        yield from _address("7", holder.address)
        yield from _birth_and_sex("11a", holder)
    yield "11", primary.group_number
    yield "11c", primary.payer_name
    yield ("11d.yes" if others else "11d.no"), _MARK
    if others:
        second = others[0]
        second_holder = claim.patient if tables.relationship(second.relationship) == "self" else second.subscriber
        yield "9", _last_first(second_holder) if second_holder else None
        yield "9a", second.group_number or second.member_id
        yield "9d", second.payer_name
    if len(others) > 1:
        blank.append(f"item 9 tells of one other coverage; {len(others) - 1} more are not on the form")


def _related_to(case: Case | None, blank: list[str]) -> Iterator[tuple[str, str | None]]:
    if case is None:
        blank.append("item 10 is blank: claim.case is unknown")
        return
    known = {"employment": "10a", "auto": "10b", "other": "10c"}
    for cause, item in known.items():
        yield (f"{item}.yes" if cause in case.related_to else f"{item}.no"), _MARK
    if "auto" in case.related_to:
        yield "10b.state", case.accident_state
    if not known.keys() >= set(case.related_to):
        blank.append("item 10 has no box for one of claim.case.related_to; send employment, auto or other")


def _signatures(claim: ClaimDocument, blank: list[str]) -> Iterator[tuple[str, str | None]]:
    if claim.release_of_information is not None:
        yield "12", _ON_FILE
    else:
        blank.append("item 12 is blank: claim.release_of_information is unknown")
    if claim.benefits_assigned == "Y":
        yield "13", _ON_FILE
    elif claim.benefits_assigned is None:
        blank.append("item 13 is blank: claim.benefits_assigned is unknown")
    assigned = {"A": "27.yes", "C": "27.no"}.get(claim.accept_assignment or "")
    if assigned:
        yield assigned, _MARK
    else:
        blank.append("item 27 is blank: claim.accept_assignment is neither A nor C")
    if claim.signature_on_file:
        yield "31", _ON_FILE
    else:
        blank.append("item 31 is blank: claim.signature_on_file is not true")


def _dates(case: Case | None) -> Iterator[tuple[str, str | None]]:
    if case is not None and case.onset_date is not None:
        yield "14.date", case.onset_date.strftime(_YEAR)
        yield "14.qualifier", _ONSET
    if case is not None and case.accident_date is not None:
        yield "15.qualifier", _ACCIDENT
        yield "15.date", case.accident_date.strftime(_YEAR)


def _source(claim: ClaimDocument, blank: list[str]) -> Iterator[tuple[str, str | None]]:
    """Item 17 takes one provider: the referring one, and where there is none the supervising one."""
    referring, supervising = claim.referring_provider, claim.supervising_provider
    provider, qualifier = (referring, _REFERRING) if referring is not None else (supervising, _SUPERVISING)
    if provider is None:
        return
    yield "17.qualifier", qualifier
    yield "17.name", _first_last(provider)
    yield "17b", provider.npi
    if referring is not None and supervising is not None:
        blank.append("item 17 names the referring provider; the form has no place for the supervising one as well")


def _diagnoses(claim: ClaimDocument, tables: DocumentTables, blank: list[str]) -> Iterator[tuple[str, str | None]]:
    letters = _letters(tables)
    if claim.diagnoses:
        yield "21.indicator", _ICD_10
    for letter, code in zip(letters, claim.diagnoses, strict=False):
        yield f"21.{letter}", code.replace(".", "")
    if len(claim.diagnoses) > len(letters):
        left_off = len(claim.diagnoses) - len(letters)
        blank.append(f"item 21 takes {len(letters)} diagnoses; {left_off} are not on the form")


def _billing(claim: ClaimDocument) -> Iterator[tuple[str, str | None]]:
    billing = claim.billing_provider
    if billing is None:
        return
    yield "25", (billing.tax_id or "").replace("-", "")
    # The contract's billing provider is a practice by name; what it sends is read as an employer's number.
    yield "25.ein", _MARK
    yield "33.name", billing.name
    address = billing.address
    if address is not None:
        yield "33.street", _street(address)
        city = [address.city, address.state, _zip(address.postal_code)]
        yield "33.city", " ".join(_plain(one) for one in city if one) if address.city else None
    yield "33a", billing.npi


def _service(line: Line, claim: ClaimDocument) -> Iterator[tuple[str, str | None]]:
    day = claim.service_date.strftime(_SHORT_YEAR)
    yield "24A.from", day
    yield "24A.to", day
    yield "24B", claim.place_of_service
    yield "24D.code", line.code
    yield "24D.modifiers", " ".join(line.modifiers)
    yield "24E", "".join(_LETTERS[pointer - 1 : pointer] or "?" for pointer in line.diagnosis_pointers if pointer > 0)
    yield "24F", None if line.charge is None else _amount(line.charge)
    yield "24G", str(line.units)
    yield "24J", claim.rendering_provider.npi if claim.rendering_provider else None


def _total(decision: Decision, lines: Sequence[Line], totals: Totals, *, last: bool) -> str:
    if totals == "each":
        return _amount(sum((line.charge or Decimal(0) for line in lines), Decimal(0)))
    if not last:
        return _CONTINUED
    return _amount(decision.claim.total_charge or Decimal(0))


# --- the shapes of the form


def _last_first(person: Patient | Subscriber) -> str | None:
    return ", ".join(_plain(name) for name in (person.last_name, person.first_name) if name and name.strip()) or None


def _first_last(person: Clinician) -> str | None:
    names = (person.first_name, person.last_name, person.credential)
    return " ".join(_plain(name) for name in names if name and name.strip()) or None


def _birth_and_sex(item: str, person: Patient | Subscriber) -> Iterator[tuple[str, str | None]]:
    date_cell = f"{item}.birth"
    yield date_cell, person.birth_date.strftime(_YEAR) if person.birth_date else None
    box = {"M": "male", "F": "female"}.get((person.sex or "").strip().upper()[:1])
    if box:
        yield f"{item}.{box}", _MARK


def _address(item: str, address: Address | None) -> Iterator[tuple[str, str | None]]:
    if address is None:
        return
    yield f"{item}.street", _street(address)
    yield f"{item}.city", _plain(address.city)
    yield f"{item}.state", address.state
    yield f"{item}.zip", _zip(address.postal_code)


def _street(address: Address) -> str | None:
    return " ".join(_plain(one) for one in (address.line1, address.line2) if one and one.strip()) or None


def _plain(text: str | None) -> str:
    """Without the punctuation that the NUCC manual keeps out of names and addresses."""
    return _PUNCTUATION.sub("", text or "").strip()


def _zip(postal_code: str | None) -> str | None:
    digits = (postal_code or "").strip()
    return f"{digits[:5]}-{digits[5:]}" if re.fullmatch(r"\d{9}", digits) else digits or None


def _amount(dollars: Decimal) -> str:
    """Dollars and cents with a blank for the point that is printed on the form."""
    return f"{dollars:.2f}".replace(".", " ")


def _letters(tables: DocumentTables) -> Sequence[str]:
    return [cell.removeprefix("21.") for cell in tables.cells if re.fullmatch(r"21\.[A-Z]", cell)]


# --- what stops the form


def _problems(decision: Decision, tables: DocumentTables) -> Iterator[str]:
    claim = decision.claim
    if not decision.lines:
        yield "lines: nothing of this visit can be billed"
    primary = min(claim.coverage, key=lambda one: one.rank)
    if primary.program is Program.SELF_PAY:
        yield "claim.coverage.0.program: self_pay has no payer that takes a CMS-1500"
    yield from amount_problems(decision.lines, claim.total_charge)
    most = min(len(claim.diagnoses), len(_letters(tables)))
    for place, line in enumerate(decision.lines):
        if len(line.modifiers) > MOST_MODIFIERS:
            yield f"lines.{place}.modifiers: {len(line.modifiers)} of them; a line of the form takes {MOST_MODIFIERS}"
        if len(line.diagnosis_pointers) > MOST_POINTERS:
            count = len(line.diagnosis_pointers)
            yield f"lines.{place}.diagnosis_pointers: {count} of them; a line of the form takes {MOST_POINTERS}"
        for pointer in line.diagnosis_pointers:
            if not 1 <= pointer <= most:
                yield f"lines.{place}.diagnosis_pointers: {pointer} points at none of the {most} diagnoses of the form"
    if decision.frequency_code != "1" and not (claim.payer_control_number or "").strip():
        yield f"claim.payer_control_number is missing; a claim of frequency {decision.frequency_code} needs it"


def _missing(decision: Decision, values: Mapping[str, str | None], tables: DocumentTables) -> Iterator[str]:
    if decision.claim.total_charge is None and decision.lines:
        yield "claim.total_charge is missing; item 28 of the CMS-1500 needs it"
    for cell in tables.cells.values():
        if cell.required and not is_of_lines(cell.cell) and cell.cell != _TOTAL and not _shown(values.get(cell.cell)):
            yield f"{cell.field} is missing; item {cell.cell} of the CMS-1500 needs it"


def _missing_of_line(place: int, cells: Mapping[str, str | None], tables: DocumentTables) -> Iterator[str]:
    for cell in tables.cells.values():
        if cell.required and is_of_lines(cell.cell) and not _shown(cells.get(cell.cell)):
            yield f"{_field_of(cell, place)} is missing; item {cell.cell} of the CMS-1500 needs it"


def _field_of(cell: CellRow, place: int) -> str:
    """`place` is the service line's in the claim, from 0."""
    return cell.field.replace("lines.0.", f"lines.{place}.")


def is_of_lines(cell: str) -> bool:
    """Whether a cell is one of item 24, which each service line has."""
    return cell.startswith("24")


def _shown(text: str | None) -> bool:
    return bool(text and folded(text)[0].strip("? "))


class _Fitter:
    """Puts texts into their cells, and keeps what did not fit."""

    def __init__(self, tables: DocumentTables) -> None:
        self._cells = tables.cells
        self.remarks: list[str] = []
        self.problems: list[str] = []

    def place(self, name: str, text: str, *, row: int = 0, place: int = 0) -> Placed:
        """`row` of item 24 on its page holds the claim's line at `place`, both from 0."""
        cell = self._cells[name]
        shown, lost = folded(text)
        where = f"{_field_of(cell, place)} (item {name})"
        if lost:
            self.remarks.append(f"{where}: {lost} characters have no likeness on the form and are printed as ?")
        if len(shown) > cell.width:
            told = f"{where}: {len(shown)} characters, and the box takes {cell.width}"
            if cell.cut:
                self.remarks.append(f"{told}: cut")
            else:
                self.problems.append(f"{told}; cut, it would say something else")
            shown = shown[: cell.width].rstrip()
        column = cell.column + (cell.width - len(shown) if cell.align == "right" else 0)
        return Placed(name, cell.line + row * LINE_STEP, column, shown)
