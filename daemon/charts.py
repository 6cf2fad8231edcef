"""Charts as SVG text: drawn here, coloured by the stylesheet, readable without either.

Shapes carry classes and never colours, so that one drawing serves light, dark and print.
Every name is escaped here. Amounts become ratios before they become pixels: what is shown
in words elsewhere is exact, a drawing need not be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from html import escape

from domain.text import shortened

MOST_SERIES = 6
"""Colours that people with any colour vision can tell apart; the rest is one grey `other`."""

MINUS = "\N{MINUS SIGN}"
OTHER_STYLE, NOBODY_STYLE = "other", "nobody"
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_EXACT = Context(prec=40)
_LABEL_HEIGHT = 16.0
_LEAST_HEIGHT = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One colour of a chart.

    Attributes:
        name: its direct label; hostile text.
        style: class of its shapes: `s1` to `s6`, `other` or `nobody`.
        values: one per time.
    """

    name: str
    style: str
    values: tuple[Decimal, ...]

    @property
    def total(self) -> Decimal:
        """Give the sum of its values."""
        return sum(self.values, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """How large a drawing is, and what of it is margin.

    Attributes:
        left: for the amounts.
        right: for the direct labels.
        letters: how many of a label fit there.
        ticks: names of times that fit below.
    """

    width: int
    height: int
    left: int
    right: int
    letters: int
    ticks: int
    top: int = 12
    bottom: int = 28


WIDE = Frame(width=1072, height=300, left=64, right=176, letters=20, ticks=8)
NARROW = Frame(width=344, height=264, left=48, right=104, letters=11, ticks=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A chart of stacked columns.

    Attributes:
        title: one sentence with the finding; what a screen reader says.
        times: what each column is called below.
        marked: positions whose name should be shown; empty picks them evenly.
        series: from the bottom to the top.
        open_times: positions of columns that are not complete, drawn lighter.
    """

    title: str
    times: tuple[str, ...]
    series: tuple[Series, ...]
    marked: tuple[int, ...] = ()
    open_times: frozenset[int] = frozenset()

    def last(self, count: int) -> Columns:
        """Give the chart of the last columns only."""
        cut = max(len(self.times) - count, 0)
        return Columns(
            title=self.title,
            times=self.times[cut:],
            series=tuple(Series(name=s.name, style=s.style, values=s.values[cut:]) for s in self.series),
            marked=tuple(at - cut for at in self.marked if at >= cut),
            open_times=frozenset(at - cut for at in self.open_times if at >= cut),
        )


def nice_top(most: Decimal, parts: int = 5) -> Decimal:
    """Give the least round step of which `parts` reach an amount; 1 for nothing."""
    if most <= 0:
        return Decimal(1)
    raw = _EXACT.divide(most, Decimal(parts))
    power = Decimal(1).scaleb(raw.adjusted())
    return next(step * power for step in _STEPS if step * power >= raw)


def columns(chart: Columns, frame: Frame) -> str:
    """Draw stacked columns with labels at the right end: credits hang below the line of zero."""
    ups, downs = _extent(chart)
    step = nice_top(ups - downs)
    high, low = _ceiling(ups, step), -_ceiling(-downs, step)
    scale = _Scale(frame=frame, low=low, high=high if high > low else low + step)
    parts = [*_grid(scale, step), *_bars(chart, scale), *_times(chart, frame), *_labels(chart, scale)]
    return (
        f'<svg class="chart" viewBox="0 0 {frame.width} {frame.height}" role="img" '
        f'aria-label="{escape(chart.title)}">{"".join(parts)}</svg>'
    )


def _ceiling(amount: Decimal, step: Decimal) -> Decimal:
    return (amount / step).to_integral_value(ROUND_CEILING) * step if amount > 0 else Decimal(0)


def _extent(chart: Columns) -> tuple[Decimal, Decimal]:
    """Give how high and how low the columns reach."""
    ups, downs = [Decimal(0)], [Decimal(0)]
    for values in zip(*(series.values for series in chart.series), strict=True):
        ups.append(sum((value for value in values if value > 0), Decimal(0)))
        downs.append(sum((value for value in values if value < 0), Decimal(0)))
    return max(ups), min(downs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Amounts as heights."""

    frame: Frame
    low: Decimal
    high: Decimal

    def y(self, amount: Decimal) -> float:
        """Give where an amount is."""
        plot = self.frame.height - self.frame.top - self.frame.bottom
        return self.frame.top + plot * float((self.high - amount) / (self.high - self.low))


def _grid(scale: _Scale, step: Decimal) -> Iterator[str]:
    frame, amount = scale.frame, scale.low
    while amount <= scale.high:
        y = scale.y(amount)
        style = "zero" if amount == 0 else "grid"
        ends = f'x1="{frame.left}" x2="{frame.width - frame.right}" y1="{y:.1f}" y2="{y:.1f}"'
        yield f'<line class="{style}" {ends}/>'
        yield _text("tick", (frame.left - 8, y + 4), _short(amount), "end")
        amount += step


def _short(amount: Decimal) -> str:
    """Write an amount of an axis in few letters: `2.5k`, `40`, `1.2M`."""
    for unit, letter in ((Decimal(10) ** 9, "G"), (Decimal(10) ** 6, "M"), (Decimal(1000), "k")):
        if abs(amount) >= unit:
            return f"{(amount / unit).normalize():f}{letter}".replace("-", MINUS)
    return f"{amount.normalize():f}".replace("-", MINUS)


def _slots(chart: Columns, frame: Frame) -> Iterator[tuple[float, float]]:
    """Give where each column begins and how wide it is."""
    count = max(len(chart.times), 1)
    room = (frame.width - frame.left - frame.right) / count
    wide = min(room * 0.76, 56.0)
    for at in range(count):
        yield frame.left + room * at + (room - wide) / 2, wide


def _bars(chart: Columns, scale: _Scale) -> Iterator[str]:
    for at, (x, wide) in enumerate(_slots(chart, scale.frame)):
        if at >= len(chart.times):
            return
        shapes = [
            f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}"/>'
            for style, y, tall in _stack(chart, scale, at)
        ]
        style = ' class="open"' if at in chart.open_times else ""
        yield f"<g{style}>{''.join(shapes)}</g>"


def _stack(chart: Columns, scale: _Scale, at: int) -> Iterator[tuple[str, float, float]]:
    """Give the shapes of one column: style, upper edge, height."""
    up = down = Decimal(0)
    for series in chart.series:
        value = series.values[at]
        base = up if value > 0 else down
        upper, lower = scale.y(max(base, base + value)), scale.y(min(base, base + value))
        if value > 0:
            up += value
        else:
            down += value
        if lower - upper >= _LEAST_HEIGHT:
            yield series.style, upper, lower - upper


def _times(chart: Columns, frame: Frame) -> Iterator[str]:
    slots = list(_slots(chart, frame))
    for at in _shown(chart, frame):
        x, wide = slots[at]
        y = frame.height - 8
        yield _text("tick", (x + wide / 2, y), chart.times[at], "middle")


def _shown(chart: Columns, frame: Frame) -> list[int]:
    """Give the columns whose name is shown: the marked ones, as many as fit."""
    wanted = list(chart.marked) or list(range(len(chart.times)))
    every = -(-len(wanted) // frame.ticks) if wanted else 1
    return wanted[::-1][::every][::-1] if not chart.marked else wanted[::every]


def _labels(chart: Columns, scale: _Scale) -> Iterator[str]:
    """Write each name beside its part of the last column that has any, moved apart where they would touch.

    Bills are late, so that the last columns are often empty: names beside those would point at nothing.
    """
    if not chart.times:
        return
    frame, places, last = scale.frame, [], _last_drawn(chart)
    up = down = Decimal(0)
    for series in chart.series:
        value = series.values[last]
        base = up if value >= 0 else down
        places.append((scale.y(base + value / 2), series))
        if value >= 0:
            up += value
        else:
            down += value
    x, wide = list(_slots(chart, frame))[last]
    places.reverse()  # of parts without any height the upper one is named above
    places.sort(key=lambda place: place[0])
    apart = _apart([y for y, _ in places], frame.top + 4.0, frame.height - frame.bottom)
    edge, text = x + wide + 2, frame.width - frame.right + 22
    for y, (true, series) in zip(apart, places, strict=True):
        yield f'<path class="lead" d="M{edge:.1f} {true:.1f}L{text - 14} {y:.1f}"/>'
        yield f'<rect class="{series.style}" x="{text - 14}" y="{y - 4:.1f}" width="8" height="8"/>'
        yield _text("name", (text, y + 4), shortened(series.name, frame.letters))


def _last_drawn(chart: Columns) -> int:
    """Give the last column in which anything is drawn, the last of all if there is none."""
    drawn = [at for at in range(len(chart.times)) if any(series.values[at] for series in chart.series)]
    return drawn[-1] if drawn else len(chart.times) - 1


def _apart(wanted: Sequence[float], least: float, most: float) -> list[float]:
    """Move labels so far that none touches the next, as little as that takes."""
    placed: list[float] = []
    for y in wanted:
        placed.append(max(y, placed[-1] + _LABEL_HEIGHT if placed else least))
    limit = most
    for at in range(len(placed) - 1, -1, -1):
        placed[at] = min(placed[at], limit)
        limit = placed[at] - _LABEL_HEIGHT
    return placed


def _text(style: str, at: tuple[float, float], text: str, anchor: str = "start") -> str:
    place = f'x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}"'
    return f'<text class="{style}" {place}>{escape(text)}</text>'
