"""Draws columns of text as people read statements: numbers right, one line per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_GAP = "  "
_LEAST = 6
_LONGEST_PIPED = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Cells that are text already.

    Attributes:
        headings: one per column.
        right: indexes of the columns whose cells are numbers.
        rows: the cells.
        totals: rows below a rule.
        whole: indexes of further columns that are never cut: half a date says nothing.
    """

    headings: Sequence[str]
    right: frozenset[int]
    rows: Sequence[Sequence[str]]
    totals: Sequence[Sequence[str]] = ()
    whole: frozenset[int] = frozenset()


def draw(grid: Grid, width: int | None, rule: str = "─", ellipsis: str = "…") -> Iterator[tuple[str, str]]:
    """Give (role, line) pairs, roles `heading`, `row`, `rule`, `total`.

    Text columns give way to fit `width`, the widest first, down to a few letters; numbers
    never do. Without a width only absurdly long text is cut.
    """
    widths = _fitted(grid, width)
    yield "heading", _line(grid.headings, widths, grid.right, ellipsis)
    for row in grid.rows:
        yield "row", _line(row, widths, grid.right, ellipsis)
    if grid.totals:
        yield "rule", rule * (sum(widths) + len(_GAP) * (len(widths) - 1))
    for row in grid.totals:
        yield "total", _line(row, widths, grid.right, ellipsis)


def _fitted(grid: Grid, width: int | None) -> list[int]:
    lines = [grid.headings, *grid.rows, *grid.totals]
    widths = [max(cells(line[i]) for line in lines) for i in range(len(grid.headings))]
    if width is None:
        return [size if i in grid.right else min(size, _LONGEST_PIPED) for i, size in enumerate(widths)]
    free = [i for i in range(len(widths)) if i not in grid.right | grid.whole]
    while free and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widest = max(free, key=lambda i: widths[i])
        if widths[widest] <= _LEAST:
            break
        widths[widest] -= 1
    return widths


def _line(row: Sequence[str], widths: Sequence[int], right: frozenset[int], ellipsis: str) -> str:
    shown = []
    for i, (text, size) in enumerate(zip(row, widths, strict=True)):
        cut = shortened(text, size, ellipsis)
        pad = " " * (size - cells(cut))
        shown.append(pad + cut if i in right else cut + pad)
    return _GAP.join(shown).rstrip()


def cells(text: str) -> int:
    """Count the terminal cells of a text; East Asian wide characters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shortened(text: str, size: int, ellipsis: str = "…") -> str:
    """Cut a text to that many cells, ending in an ellipsis when something is gone."""
    if cells(text) <= size:
        return text
    kept = ""
    for character in text:
        if cells(kept + character) > size - 1:
            break
        kept += character
    return kept + ellipsis
