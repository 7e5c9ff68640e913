"""What a decision puts into each cell of the CMS-1500 (02/12), page by page. Drawing it is `drawing`'s work."""

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from claimbus.events import Case, ClaimDocument, Decision, Line
from claimbus.events.visit_completed import Address, Clinician, Coverage, Patient, Subscriber
from claimbus.values import Program

from claimbus_documents.cms1500.tables import CellRow
from claimbus_documents.fields import Fields, causes_of, with_hyphen
from claimbus_documents.lines import check_lines
from claimbus_documents.printing import folded
from claimbus_documents.refusal import Refusal
from claimbus_documents.rules import DocumentTables

Totals = Literal["last", "each"]
Cells = Iterator[tuple[str, str | None]]
"""Names of cells, and what stands in each."""

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


def fill_form(decision: Decision, tables: DocumentTables, totals: Totals = "last") -> Form:
    """The form's pages, six service lines each. `totals`: on the last page, or of each page on itself.

    `tables` are those of the date of service. Raises `Refusal` with each field that is required and missing, that is
    not what it must be, or that the form cannot hold unchanged.
    """
    filler = _Filler(decision, tables)
    pages = filler.pages(totals)
    if filler.fields.problems:
        raise Refusal(decision, filler.fields.problems)
    return Form(pages, tuple(dict.fromkeys([*filler.cuts, *filler.blanks])), tables.cms1500.cells)


class _Filler:
    """Fills the form of one decision; keeps what did not fit, and why cells stay empty."""

    def __init__(self, decision: Decision, tables: DocumentTables) -> None:
        self._decision = decision
        self._claim: ClaimDocument = decision.claim
        self._cells = tables.cms1500.cells
        self._programs = tables.cms1500.programs
        self._letters = [cell.removeprefix("21.") for cell in self._cells if re.fullmatch(r"21\.[A-Z]", cell)]
        self.fields = Fields(tables.identifiers)
        self.cuts: list[str] = []
        self.blanks: list[str] = []

    def pages(self, totals: Totals) -> tuple[Page, ...]:
        lines = list(enumerate(self._decision.lines))
        chunks = [lines[first : first + LINES_ON_A_PAGE] for first in range(0, len(lines), LINES_ON_A_PAGE)]
        header = dict(self._header())
        self._check()
        self._check_required(header, of_lines=False)
        pages: list[Page] = []
        for chunk in chunks:
            total = self._total([line for _, line in chunk], totals, last=chunk is chunks[-1])
            placed = [self._place(cell, text) for cell, text in {**header, _TOTAL: total}.items() if text]
            for row, (place, line) in enumerate(chunk):
                cells = dict(self._service(line))
                self._check_required(cells, of_lines=True, place=place)
                placed += [self._place(cell, text, row=row, place=place) for cell, text in cells.items() if text]
            pages.append(Page(tuple(placed)))
        return tuple(pages)

    # --- what stands in each cell

    def _header(self) -> Cells:
        """Cells above and below the service lines."""
        claim = self._claim
        ranked = sorted(enumerate(claim.coverage), key=lambda placed: placed[1].rank)
        place, primary = ranked[0]
        program = self._programs.get(primary.program.value)
        yield "payer.name", primary.payer_name
        if program is not None:
            grouped = program.grouped_item1 if primary.group_number else ""
            yield grouped or program.item1, _MARK
        yield "1a", self.fields.member_id(f"claim.coverage.{place}.member_id", primary)
        yield "2", _last_first(claim.patient)
        yield from _birth_and_sex("3", claim.patient)
        yield from self._address("5", "claim.patient.address", claim.patient.address)
        yield from self._insured(ranked, medicare=program is not None and program.medicare)
        yield from self._related_to(claim.case)
        yield from self._signatures()
        yield from _dates(claim.case)
        yield from self._source()
        yield from self._diagnoses()
        if self._decision.frequency_code != "1":
            yield "22.code", self._decision.frequency_code
            yield "22.number", claim.payer_control_number
        yield "23", claim.prior_authorization
        yield "26", claim.control_number
        yield from self._billing()

    def _insured(self, ranked: Sequence[tuple[int, Coverage]], *, medicare: bool) -> Cells:
        claim, (place, primary) = self._claim, ranked[0]
        further = [placed for placed in ranked[1:] if placed[1].program is not Program.SELF_PAY]
        relationship = self.fields.relationship(f"claim.coverage.{place}.relationship", primary.relationship)
        if relationship is None or relationship.category is None:
            self.blanks.append(f"item 6 is blank: claim.coverage.{place}.relationship is unknown")
        else:
            yield f"6.{relationship.category}", _MARK
        if medicare:
            yield "11", "NONE"
            if further:
                why = "it is unknown whether the second coverage is a Medigap policy"
                self.blanks.append(f"items 9 to 9d are blank: {why}")
            self.blanks.append("item 32 is blank: the decision names no place where the service was given")
            return
        is_patient = relationship is not None and relationship.is_self
        holder: Patient | Subscriber | None = claim.patient if is_patient else primary.subscriber
        if holder is None:
            self.blanks.append(f"items 4, 7 and 11a are blank: claim.coverage.{place}.subscriber is unknown")
        else:
            field = "claim.patient" if is_patient else f"claim.coverage.{place}.subscriber"
            yield "4", _last_first(holder)
            yield from self._address("7", f"{field}.address", holder.address)
            yield from _birth_and_sex("11a", holder)
        yield "11", primary.group_number
        yield "11c", primary.payer_name
        yield ("11d.yes" if further else "11d.no"), _MARK
        if further:
            yield from self._second(*further[0])
        if len(further) > 1:
            self.blanks.append(f"item 9 tells of one other coverage; {len(further) - 1} more are not on the form")

    def _second(self, place: int, coverage: Coverage) -> Cells:
        at = f"claim.coverage.{place}"
        relationship = self.fields.relationship(f"{at}.relationship", coverage.relationship)
        member_id = self.fields.member_id(f"{at}.member_id", coverage)
        holder = self._claim.patient if relationship and relationship.is_self else coverage.subscriber
        yield "9", _last_first(holder) if holder else None
        yield "9a", coverage.group_number or member_id
        yield "9d", coverage.payer_name

    def _related_to(self, case: Case | None) -> Cells:
        if case is None:
            self.blanks.append("item 10 is blank: claim.case is unknown")
            return
        items = {"employment": "10a", "auto": "10b", "other": "10c"}
        causes = causes_of(case)
        for cause, item in items.items():
            yield (f"{item}.yes" if cause in causes else f"{item}.no"), _MARK
        if "auto" in causes:
            yield "10b.state", self.fields.state("claim.case.accident_state", case.accident_state)
        if not items.keys() >= set(causes):
            self.blanks.append("item 10 has no box for one of claim.case.related_to; send employment, auto or other")

    def _signatures(self) -> Cells:
        claim = self._claim
        if claim.release_of_information is not None:
            yield "12", _ON_FILE
        else:
            self.blanks.append("item 12 is blank: claim.release_of_information is unknown")
        if claim.benefits_assigned == "Y":
            yield "13", _ON_FILE
        elif claim.benefits_assigned is None:
            self.blanks.append("item 13 is blank: claim.benefits_assigned is unknown")
        assigned = {"A": "27.yes", "C": "27.no"}.get(claim.accept_assignment or "")
        if assigned:
            yield assigned, _MARK
        else:
            self.blanks.append("item 27 is blank: claim.accept_assignment is neither A nor C")
        if claim.signature_on_file:
            yield "31", _ON_FILE
        else:
            self.blanks.append("item 31 is blank: claim.signature_on_file is not true")

    def _source(self) -> Cells:
        """Item 17 takes one provider: the referring one, and where there is none the supervising one."""
        referring, supervising = self._claim.referring_provider, self._claim.supervising_provider
        provider, qualifier = (referring, _REFERRING) if referring is not None else (supervising, _SUPERVISING)
        if provider is None:
            return
        role = "supervising" if referring is None else "referring"
        yield "17.qualifier", qualifier
        yield "17.name", _first_last(provider)
        yield "17b", self.fields.npi(f"claim.{role}_provider.npi", provider.npi)
        if referring is not None and supervising is not None:
            self.blanks.append(
                "item 17 names the referring provider; the form has no place for the supervising one as well"
            )

    def _diagnoses(self) -> Cells:
        claim, letters = self._claim, self._letters
        if claim.diagnoses:
            yield "21.indicator", _ICD_10
        for letter, code in zip(letters, claim.diagnoses, strict=False):
            yield f"21.{letter}", code.replace(".", "")
        if len(claim.diagnoses) > len(letters):
            left_off = len(claim.diagnoses) - len(letters)
            self.blanks.append(f"item 21 takes {len(letters)} diagnoses; {left_off} are not on the form")

    def _billing(self) -> Cells:
        billing, at = self._claim.billing_provider, "claim.billing_provider"
        if billing is None:
            return
        tax_id = self.fields.tax_id(f"{at}.tax_id", billing.tax_id)
        if tax_id is not None:
            yield "25", tax_id.number
            yield f"25.{tax_id.kind.lower()}", _MARK
        yield "33.name", billing.name
        address = billing.address
        if address is not None:
            state = self.fields.state(f"{at}.address.state", address.state)
            postal_code = self.fields.postal_code(f"{at}.address.postal_code", address.postal_code)
            city = [_plain(address.city), state, with_hyphen(postal_code)]
            yield "33.street", _street(address)
            yield "33.city", " ".join(filter(None, city)) if address.city else None
        yield "33a", self.fields.npi(f"{at}.npi", billing.npi)

    def _service(self, line: Line) -> Cells:
        claim = self._claim
        day, rendering = claim.service_date.strftime(_SHORT_YEAR), claim.rendering_provider
        pointers = [pointer for pointer in line.diagnosis_pointers if pointer > 0]
        yield "24A.from", day
        yield "24A.to", day
        yield "24B", claim.place_of_service
        yield "24D.code", line.code
        yield "24D.modifiers", " ".join(line.modifiers)
        yield "24E", "".join(_LETTERS[pointer - 1 : pointer] or "?" for pointer in pointers)
        yield "24F", None if line.charge is None else _amount(line.charge)
        yield "24G", str(line.units)
        yield "24J", self.fields.npi("claim.rendering_provider.npi", rendering.npi) if rendering else None

    def _total(self, lines: Sequence[Line], totals: Totals, *, last: bool) -> str:
        if totals == "each":
            return _amount(sum((line.charge or Decimal(0) for line in lines), Decimal(0)))
        return _amount(self._claim.total_charge or Decimal(0)) if last else _CONTINUED

    def _address(self, item: str, field: str, address: Address | None) -> Cells:
        if address is None:
            return
        yield f"{item}.street", _street(address)
        yield f"{item}.city", _plain(address.city)
        yield f"{item}.state", self.fields.state(f"{field}.state", address.state)
        yield f"{item}.zip", with_hyphen(self.fields.postal_code(f"{field}.postal_code", address.postal_code))

    # --- what stops the form

    def _check(self) -> None:
        fields, decision, most = self.fields, self._decision, len(self._letters)
        check_lines(fields, decision)
        primary = min(self._claim.coverage, key=lambda coverage: coverage.rank)
        if primary.program is Program.SELF_PAY:
            fields.refuse("claim.coverage.0.program", "is self_pay: there is no payer to send a claim to")
        for place, line in enumerate(decision.lines):
            entries = (
                ("modifiers", line.modifiers, MOST_MODIFIERS),
                ("diagnosis_pointers", line.diagnosis_pointers, MOST_POINTERS),
            )
            for name, given, limit in entries:
                if len(given) > limit:
                    what = f"has {len(given)} entries, and a line of the CMS-1500 takes {limit}"
                    fields.correct(f"lines.{place}.{name}", what)
            if any(pointer > most for pointer in line.diagnosis_pointers):
                fields.correct(f"lines.{place}.diagnosis_pointers", f"points beyond the {most} diagnoses of the form")

    def _check_required(self, cells: Mapping[str, str | None], *, of_lines: bool, place: int = 0) -> None:
        """`place` is the service line's in the claim, from 0."""
        refused = {problem.field for problem in self.fields.problems}
        for cell in self._cells.values():
            field = _field_of(cell, place)
            wanted = cell.required and is_of_lines(cell.cell) is of_lines and cell.cell != _TOTAL
            if wanted and field not in refused and not _shown(cells.get(cell.cell)):
                self.fields.refuse(field, f"is missing for item {cell.cell} of the CMS-1500: {self.fields.fix}")

    def _place(self, name: str, text: str, *, row: int = 0, place: int = 0) -> Placed:
        """`row` of item 24 on its page holds the claim's line at `place`, both from 0."""
        cell = self._cells[name]
        shown, lost = folded(text)
        field = _field_of(cell, place)
        where = f"{field} (item {name})"
        if lost:
            self.cuts.append(f"{where}: {lost} characters have no likeness on the form and are printed as ?")
        if len(shown) > cell.width:
            if cell.cut:
                self.cuts.append(f"{where}: {len(shown)} characters, and the box takes {cell.width}: cut")
            else:
                self.fields.correct(field, f"has {len(shown)} characters, and item {name} takes {cell.width}")
            shown = shown[: cell.width].rstrip()
        column = cell.column + (cell.width - len(shown) if cell.align == "right" else 0)
        return Placed(name, cell.line + row * LINE_STEP, column, shown)


# --- the shapes of the form


def _dates(case: Case | None) -> Cells:
    if case is not None and case.onset_date is not None:
        yield "14.date", case.onset_date.strftime(_YEAR)
        yield "14.qualifier", _ONSET
    if case is not None and case.accident_date is not None:
        yield "15.qualifier", _ACCIDENT
        yield "15.date", case.accident_date.strftime(_YEAR)


def _last_first(person: Patient | Subscriber) -> str | None:
    return ", ".join(_plain(name) for name in (person.last_name, person.first_name) if name and name.strip()) or None


def _first_last(person: Clinician) -> str | None:
    names = (person.first_name, person.last_name, person.credential)
    return " ".join(_plain(name) for name in names if name and name.strip()) or None


def _birth_and_sex(item: str, person: Patient | Subscriber) -> Cells:
    yield f"{item}.birth", person.birth_date.strftime(_YEAR) if person.birth_date else None
    box = {"M": "male", "F": "female"}.get((person.sex or "").strip().upper()[:1])
    if box:
        yield f"{item}.{box}", _MARK


def _street(address: Address) -> str | None:
    return " ".join(_plain(line) for line in (address.line1, address.line2) if line and line.strip()) or None


def _plain(text: str | None) -> str:
    """Without the punctuation that the NUCC manual keeps out of names and addresses."""
    return _PUNCTUATION.sub("", text or "").strip()


def _amount(dollars: Decimal) -> str:
    """Dollars and cents with a blank for the point that is printed on the form."""
    return f"{dollars:.2f}".replace(".", " ")


def _field_of(cell: CellRow, place: int) -> str:
    """`place` is the service line's in the claim, from 0."""
    return cell.field.replace("lines.0.", f"lines.{place}.")


def is_of_lines(cell: str) -> bool:
    """Whether a cell is one of item 24, which each service line has."""
    return cell.startswith("24")


def _shown(text: str | None) -> bool:
    return bool(text and folded(text)[0].strip("? "))
