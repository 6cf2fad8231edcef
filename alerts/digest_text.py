"""The digest as text: for `costd digest --preview`, and for messages that take no blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Decimal

from alerts.digest import Block, Digest, Line, Reach
from domain.show import day_text, headline_text, money_text, percent_text, weekday_text
from domain.text import shortened

LONGEST = 3_500
"""Characters that a digest may take; longer ones are no longer read."""

_NAME = 24
_WHY = 60
_WIDE = 100
_SOURCES = 6
_RESTATED = 3
_WORTH_FOLDING = 2


def render(digest: Digest) -> str:
    """Give the digest as text of at most 3,500 characters.

    To fit, small teams are folded into one line, then currencies are left for the report;
    both are said.
    """
    most = max((len(block.lines) for block in digest.blocks), default=1)
    for kept in range(most, 0, -1):
        text = "\n".join(_lines(digest, kept))
        if len(text) <= LONGEST:
            return text
    fewer = replace(digest, blocks=digest.blocks[:-1], left_out=digest.left_out + 1)
    return render(fewer)


def fallback(digest: Digest) -> str:
    """Give the digest in one sentence per currency, for notifications and screen readers."""
    told = [_sentence(digest, block) for block in digest.blocks]
    return " ".join(told) or f"Cloud cost {day_text(digest.day)}: nothing known."


def _sentence(digest: Digest, block: Block) -> str:
    text = f"Cloud cost {day_text(digest.day)}{' (partial)' if digest.partial else ''}: "
    text += headline_text(block.total, block.currency)
    if block.usual is not None:
        change = block.total - block.usual
        word = "up" if change > 0 else "down" if change < 0 else "unchanged"
        if change:
            share = percent_text(abs(change), block.usual)
            text += f", {word} {headline_text(abs(change), block.currency)}" + (
                f" ({share})" if share else ""
            )
        else:
            text += f", {word}"
    mover = _mover(block)
    return text + "." + (f" {mover}" if mover else "")


def _mover(block: Block) -> str:
    moved = [(line, line.change) for line in block.lines if line.change is not None and not line.is_quiet]
    if not moved:
        return ""
    line, change = max(moved, key=lambda found: abs(found[1]))
    return f"{_name(line)} {headline_text(change, block.currency, signed=True)}."


def _lines(digest: Digest, kept: int) -> Iterator[str]:
    if digest.demo:
        yield "DEMO: a simulated company, not your bill"
    if not digest.blocks:
        yield f"Cloud cost - {day_text(digest.day)}{_partial(digest)} · no charges known"
    for block in digest.blocks:
        yield _header(digest, block)
        yield from _packed(_context(digest, block))
        yield ""
        yield from _table(digest, block, kept)
        yield ""
        yield from _sections(block)
    if digest.left_out:
        yield f"{digest.left_out} more currencies: costd report --by team"
    yield f"{digest.cost} cost, all charges · run {digest.run_at.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def _packed(pieces: Iterable[str]) -> Iterator[str]:
    """Join pieces with dots into lines that a narrow window still shows whole."""
    line = ""
    for piece in pieces:
        if line and len(line) + len(piece) > _WIDE:
            yield f"{line} ·"
            line = piece
        else:
            line = f"{line} · {piece}" if line else piece
    yield line


def _partial(digest: Digest) -> str:
    return " (partial)" if digest.partial else ""


def _header(digest: Digest, block: Block) -> str:
    text = f"Cloud cost - {day_text(digest.day)}{_partial(digest)} · "
    text += headline_text(block.total, block.currency)
    if block.usual is None:
        return text
    change = block.total - block.usual
    if change == 0:
        return f"{text} (unchanged)"
    share = percent_text(change, block.usual, signed=True)
    told = headline_text(change, block.currency, signed=True)
    return f"{text} ({told}{f', {share}' if share else ''})"


def _context(digest: Digest, block: Block) -> Iterator[str]:
    if block.usual is not None:
        days = f"{weekday_text(digest.day)}s" if block.weeks > 1 else weekday_text(digest.day)
        which = f"the median of the last {block.weeks} {days}" if block.weeks > 1 else f"last {days}"
        yield f"vs {which}, {headline_text(block.usual, block.currency)}"
    else:
        yield f"no comparison: {digest.why_no_change or 'no like day before it'}"
    yield from _reaches(digest)
    shown = sorted(block.restated, key=lambda found: -abs(found.change))
    for restated in shown[:_RESTATED]:
        change = money_text(restated.change, block.currency, signed=True)
        source = shortened(restated.source, _NAME)
        yield f"{day_text(restated.day, weekday=False)} restated {change} ({source})"
    if len(shown) > _RESTATED:
        rest = sum((restated.change for restated in shown[_RESTATED:]), Decimal(0))
        change = money_text(rest, block.currency, signed=True)
        yield f"restated elsewhere: {change} in {len(shown) - _RESTATED} more"
    if block.unknown_rows:
        yield f"{block.unknown_rows:,} charges without {digest.cost} cost are not in it"


def _reaches(digest: Digest) -> Iterator[str]:
    plain = [reach for reach in digest.reaches if reach.fresh and reach.day == digest.day]
    marked = [reach for reach in digest.reaches if reach not in plain]
    for reach in [*marked, *plain][:_SOURCES]:
        yield _reach(digest, reach)
    if len(digest.reaches) > _SOURCES:
        yield f"and {len(digest.reaches) - _SOURCES} more sources"


def _reach(digest: Digest, reach: Reach) -> str:
    text = shortened(reach.source, _NAME)
    if not reach.fresh:
        text += f" LATE ({shortened(reach.reason, _WHY)})" if reach.reason else " LATE"
    if reach.through is None:
        return f"{text} complete to an unknown time"
    through = reach.through.astimezone(UTC)
    text += f" complete to {day_text(through.date(), weekday=False)} {through:%H:%M} UTC"
    if reach.day is None:
        return f"{text}, not in these figures"
    return text if reach.day == digest.day else f"{text}, shows {day_text(reach.day)}"


def _table(digest: Digest, block: Block, kept: int) -> Iterator[str]:
    rows = [_row(line, block.currency) for line in (*_folded(block.lines, kept), block.sum)]
    is_yesterday = (digest.run_at.astimezone(UTC).date() - digest.day).days == 1
    heads = ("Team", "Yesterday" if is_yesterday else day_text(digest.day), "", "Change", "", "Why")
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for cells in [heads, *rows]:
        name, cost, arrow, change, share, why = cells
        text = f"{name:<{widths[0]}}  {cost:>{widths[1]}}  {arrow:<{widths[2]}} {change:>{widths[3]}}"
        yield f"{text} {share:>{widths[4]}}  {why}".rstrip()


def _row(line: Line, currency: str) -> tuple[str, ...]:
    cost = money_text(line.cost, currency)
    change = line.change
    if change is None or line.usual is None:
        return (_name(line), cost, "", "", "", line.why)
    share = percent_text(change, line.usual, signed=True) or ("new" if change else "")
    return (
        _name(line),
        cost,
        _arrow(line),
        money_text(change, currency, signed=True),
        share,
        line.why,
    )


def _name(line: Line) -> str:
    return "unallocated" if line.name is None else shortened(line.name, _NAME)


def _arrow(line: Line) -> str:
    if line.is_quiet:
        return "·"
    return "▲" if line.change is not None and line.change > 0 else "▼"


def _folded(lines: Sequence[Line], kept: int) -> list[Line]:
    """Keep the largest teams and the unallocated row; the others become one line."""
    teams = [line for line in lines if line.name is not None]
    rest = teams[kept:]
    if len(rest) < _WORTH_FOLDING:
        return list(lines)
    usual = None if any(line.usual is None for line in rest) else sum(line.usual or 0 for line in rest)
    other = Line(
        name=f"{len(rest)} other teams",
        cost=sum((line.cost for line in rest), Decimal(0)),
        usual=None if usual is None else Decimal(usual),
    )
    return [*teams[:kept], other, *(line for line in lines if line.name is None)]


def _sections(block: Block) -> Iterator[str]:
    if block.month_to_date is not None:
        yield f"Month to date: {headline_text(block.month_to_date, block.currency)}"
    if block.owned is not None and block.total:
        share = percent_text(block.owned, block.total, digits=1)
        yield f"Owner coverage: {share} of this cost has a team"
