"""Small drawings beside numbers, as SVG text: a line, a bar, a square of a colour."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape


def sparkline(values: Sequence[Decimal], title: str, *, width: int = 96, height: int = 24) -> str:
    """Draw a line of amounts without axes, its last point marked."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = high - low
    across = (width - 8) / (len(values) - 1)

    def y(value: Decimal) -> float:
        return height / 2 if span == 0 else 3 + (height - 6) * float((high - value) / span)

    points = " ".join(f"{4 + across * at:.1f},{y(value):.1f}" for at, value in enumerate(values))
    return (
        f'<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(title)}"><polyline points="{points}"/>'
        f'<circle cx="{width - 4}" cy="{y(values[-1]):.1f}" r="2.5"/></svg>'
    )


def bar(part: Decimal, whole: Decimal, style: str = "s1", *, width: int = 120) -> str:
    """Draw one horizontal bar for a share that stands beside it in words; readers skip it."""
    share = float(min(max(part / whole, Decimal(0)), Decimal(1))) if whole > 0 else 0.0
    return (
        f'<svg class="bar" viewBox="0 0 {width} 8" width="{width}" height="8" aria-hidden="true">'
        f'<rect class="track" width="{width}" height="8"/>'
        f'<rect class="{style}" width="{width * share:.1f}" height="8"/></svg>'
    )


def swatch(style: str) -> str:
    """Draw the square that ties a name in a table to its colour in a chart."""
    square = f'<rect class="{style}" width="8" height="8"/>'
    return f'<svg class="swatch" viewBox="0 0 8 8" width="8" height="8" aria-hidden="true">{square}</svg>'


def strip(
    average: Sequence[float | None], highest: Sequence[float | None], title: str, *, height: int = 40
) -> str:
    """Draw hours side by side: the highest of each light, its average dark; what was not measured is empty.

    A measured hour has at least a line at the bottom, so that rest and a gap look different.
    """
    wide, floor = len(highest), height - 2
    days = "".join(f'<path class="day" d="M{at} 0V{height}"/>' for at in range(24, wide, 24))
    return (
        f'<svg class="strip" viewBox="0 0 {wide} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}">{days}'
        f'<path class="most" d="{_steps(highest, floor)}"/><path class="mean" d="{_steps(average, floor)}"/>'
        f'<path class="measured" d="{_stretches(highest, height - 1)}"/></svg>'
    )


def _steps(values: Sequence[float | None], floor: int) -> str:
    """Give the outline of columns of equal height side by side, each column from the floor up."""
    parts, last = [], 0
    for at, value in enumerate([*values, None]):
        tall = 0 if value is None else round(min(max(value, 0.0), 1.0) * floor)
        if tall != last:
            parts.append(f"M{at} {floor}V{floor - tall}" if not last else f"H{at}V{floor - tall}")
            last = tall
    return "".join(parts)


def _stretches(values: Sequence[float | None], y: int) -> str:
    """Give lines under the hours that were measured."""
    parts, begun = [], -1
    for at, value in enumerate([*values, None]):
        if value is not None and begun < 0:
            begun = at
        if value is None and begun >= 0:
            parts.append(f"M{begun} {y}H{at}")
            begun = -1
    return "".join(parts)
