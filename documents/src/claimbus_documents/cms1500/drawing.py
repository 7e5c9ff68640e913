"""The CMS-1500 (02/12) as PDF: data only, for pre-printed stock, or a plain-paper proof with boxes of our own.

Payers scan the form by its red ink, so a picture of it would be refused: what is printed here goes onto forms that are
bought in red.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass

from reportlab.lib.pagesizes import LETTER
from reportlab.pdfgen.canvas import Canvas

from claimbus_documents.cms1500.form import LINE_STEP, LINES_ON_A_PAGE, Form, Page, Placed, is_of_lines
from claimbus_documents.cms1500.tables import CellRow

_WIDTH, _HEIGHT = LETTER
"""Points; 72 an inch."""
_FONT, _SIZE = "Courier", 12
"""Courier of 12 points is exactly 7.2 points wide: 10 characters an inch."""
_COLUMN, _LINE = 7.2, 12.0
_BASELINE = 2.5
"""Points from a line's lower edge to its baseline."""
_TITLE = "Claim data for the CMS-1500 (02/12)"
_NOT_THE_FORM = "NOT A CMS-1500"
_WHAT_IT_IS = ("Plain-paper proof of claim data. Boxes and labels are Claimbus' own.", "Payers do not take this page.")
_GREY, _PALE = 0.45, 0.93


class OffPaperError(ValueError):
    """An offset pushes a text off the paper."""


@dataclass(frozen=True)
class Layout:
    """How to draw. Offsets in points move all data right and down: what a printer needs to hit the boxes."""

    offset_x: float = 0.0
    offset_y: float = 0.0
    proof: bool = False


def draw_forms(forms: Iterable[Form], layout: Layout | None = None) -> bytes:
    """One PDF of all pages, the same bytes for the same forms.

    Raises `OffPaperError` when an offset pushes a text off the paper.
    """
    layout = layout or Layout()
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=LETTER, invariant=1, pageCompression=1)
    canvas.setTitle(f"{_NOT_THE_FORM}: {_TITLE}" if layout.proof else _TITLE)
    for form in forms:
        for number, page in enumerate(form.pages, 1):
            if layout.proof:
                _draw_boxes(canvas, form, number)
            _draw_data(canvas, page, layout)
            canvas.showPage()
    canvas.save()
    return target.getvalue()


def _draw_data(canvas: Canvas, page: Page, layout: Layout) -> None:
    canvas.setFillGray(0)
    canvas.setFont(_FONT, _SIZE)
    for placed in page.placed:
        x, y = _position(placed, layout)
        if not (x >= 0 and x + len(placed.text) * _COLUMN <= _WIDTH and y >= 0 and y + _SIZE <= _HEIGHT):
            raise OffPaperError(f"item {placed.cell} would stand off the paper; use a smaller offset")
        canvas.drawString(x, y, placed.text)


def _position(placed: Placed, layout: Layout) -> tuple[float, float]:
    """Points from the lower left corner to where the text's baseline begins."""
    x = (placed.column - 1) * _COLUMN + layout.offset_x
    y = _HEIGHT - placed.line * _LINE + _BASELINE - layout.offset_y
    return x, y


# --- the proof


def _draw_boxes(canvas: Canvas, form: Form, number: int) -> None:
    """A box for every cell that may hold something, unmoved by offsets, so that they show what an offset does."""
    _draw_disclaimer(canvas, f"page {number} of {len(form.pages)} of this claim")
    canvas.setLineWidth(0.4)
    canvas.setStrokeGray(_GREY)
    canvas.setFillGray(_GREY)
    canvas.setFont("Helvetica", 5)
    for cell in form.cells.values():
        for row in range(LINES_ON_A_PAGE if is_of_lines(cell.cell) else 1):
            canvas.rect(*_box(cell, row), stroke=1, fill=0)
        _draw_label(canvas, cell, below_another=any(_is_right_above(upper, cell) for upper in form.cells.values()))


def _box(cell: CellRow, row: int = 0) -> tuple[float, float, float, float]:
    """Left, lower edge, width and height, in points."""
    line = cell.line + row * LINE_STEP
    return (cell.column - 1) * _COLUMN - 1, _HEIGHT - line * _LINE, cell.width * _COLUMN + 2, _LINE


def _draw_label(canvas: Canvas, cell: CellRow, *, below_another: bool) -> None:
    """Above the box; a diagnosis letter on its left; on its right where another box stands above."""
    x, y, width, height = _box(cell)
    if cell.cell == f"21.{cell.label}":
        canvas.drawRightString(x - 2, y + 3, cell.label)
    elif below_another:
        canvas.drawString(x + width + 3, y + 3, cell.label)
    else:
        canvas.drawString(x, y + height + 1.5, cell.label)


def _is_right_above(upper: CellRow, cell: CellRow) -> bool:
    beside = upper.column >= cell.column + cell.width or cell.column >= upper.column + upper.width
    return upper.line == cell.line - 1 and not beside


def _draw_disclaimer(canvas: Canvas, which: str) -> None:
    canvas.saveState()
    canvas.setFillGray(_PALE)
    canvas.setFont("Helvetica-Bold", 60)
    canvas.translate(_WIDTH / 2, _HEIGHT / 2)
    canvas.rotate(50)
    canvas.drawCentredString(0, 0, _NOT_THE_FORM)
    canvas.restoreState()
    canvas.setFillGray(0)
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawString(28, _HEIGHT - 32, _NOT_THE_FORM)
    canvas.setFont("Helvetica", 7)
    for row, text in enumerate(_WHAT_IT_IS):
        canvas.drawString(28, _HEIGHT - 43 - 9 * row, text)
    canvas.drawString(28, 18, f"{_NOT_THE_FORM}: {which}")
