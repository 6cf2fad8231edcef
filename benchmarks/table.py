"""The table that `make bench` prints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One goal and how near it is.

    Attributes:
        work: what was measured.
        ours: our figure, with its unit.
        floor: what it is taken against, "" for an absolute goal.
        reached: the ratio, or the figure itself for an absolute goal.
        goal: what it may be at most; None only informs.
        unit: of `reached`, `x` for ratios.
        cpu: ratio of the processor time, which a busy machine disturbs less; None if it says nothing.
    """

    work: str
    ours: str
    floor: str
    reached: float
    goal: float | None
    unit: str = "x"
    cpu: float | None = None

    @property
    def verdict(self) -> str:
        """Give ok, over, or nothing where there is no goal."""
        if self.goal is None:
            return ""
        return "ok" if self.reached <= self.goal else "over"

    def cells(self) -> tuple[str, ...]:
        """Give the line as texts."""
        digits = 0 if self.reached >= 100 else 2
        goal = "" if self.goal is None else f"<= {self.goal:g} {self.unit}"
        reached = f"{self.reached:.{digits}f} {self.unit}"
        cpu = "" if self.cpu is None else f"{self.cpu:.2f} x"
        return (self.work, self.ours, self.floor, cpu, reached, goal, self.verdict)


HEADS = ("work", "ours", "floor", "cpu", "reached", "goal", "")
TEXTS = {0, len(HEADS) - 1}
"""Columns of words; the others hold numbers."""


def show(lines: Iterable[Line]) -> str:
    """Give the table as text, numbers to the right."""
    rows = [HEADS, *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    shown = []
    for row in rows:
        cells = [
            text.ljust(w) if i in TEXTS else text.rjust(w)
            for i, (text, w) in enumerate(zip(row, widths, strict=True))
        ]
        shown.append("  ".join(cells).rstrip())
    return "\n".join(shown)
