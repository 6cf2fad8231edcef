"""What a digest says, in words: the phrases that its text and its Slack message share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from decimal import Decimal

from alerts.digest import UNSEEN, Block, Digest, DisplayTotal, Line, Reach
from domain.show import day_text, headline_text, money_text, percent_text, weekday_text
from domain.text import shortened

NAME = 24
"""Characters that a name is shown with."""

DEMO_MARK = "DEMO: a simulated company, not your bill"

_WHY = 60
_SOURCES = 6
_RESTATED = 3
_WORTH_FOLDING = 2
_TEAMS = 3
_RATES = 8
_OLD_DAYS = 180
"""From then on a day is told with its year: nobody would think of it otherwise."""


def fallback(digest: Digest) -> str:
    """Give the digest in one sentence per currency, for notifications and screen readers."""
    told = [_sentence(digest, block) for block in digest.blocks]
    mark = "DEMO. " if digest.demo else ""
    return mark + (" ".join(told) or f"{what(digest)} {when(digest)}: nothing known.")


def what(digest: Digest) -> str:
    """Say what is counted: all cost, or that of some teams."""
    if not digest.teams:
        return "Cloud cost"
    named = ", ".join(shortened(team, NAME) for team in digest.teams[:_TEAMS])
    more = len(digest.teams) - _TEAMS
    return f"Cloud cost of {named}" + (f" and {more} more" if more > 0 else "")


def when(digest: Digest) -> str:
    """Name the days of a digest: `Thu 19 Nov`, `Fri 13 to Sun 15 Nov`."""
    year = f" {digest.day.year}" if _age(digest).days > _OLD_DAYS else ""
    if digest.folded == 1:
        return f"{day_text(digest.day)}{year}"
    first = day_text(digest.first_day)
    if digest.first_day.month == digest.day.month:
        first = first.rpartition(" ")[0]
    return f"{first} to {day_text(digest.day)}{year}"


def _age(digest: Digest) -> timedelta:
    return digest.run_at.astimezone(UTC).date() - digest.day


def day_head(digest: Digest) -> str:
    """Give the head of the column of the digest's cost."""
    if digest.folded > 1:
        return f"{digest.folded} days"
    return "Yesterday" if _age(digest).days == 1 else day_text(digest.day)


def headline(digest: Digest, block: Block | None) -> str:
    """Give the headline: what, when, how much, and how it moved."""
    start = f"{what(digest)} - {when(digest)}{' (partial)' if digest.partial else ''} · "
    return start + ("no charges known" if block is None else moved(block))


def moved(block: Block) -> str:
    """Give a currency's total and how it moved: `$1,842 (+$188, +11 %)`."""
    text = headline_text(block.total, block.currency)
    if block.usual is None:
        return text
    change = block.total - block.usual
    if change == 0:
        return f"{text} (unchanged)"
    share = percent_text(change, block.usual, signed=True)
    told = headline_text(change, block.currency, signed=True)
    return f"{text} ({told}{f', {share}' if share else ''})"


def comparison(digest: Digest, block: Block) -> str:
    """Say what a currency's total is compared with, or why with nothing."""
    if block.usual is None:
        return f"no comparison: {digest.why_no_change or 'no like day before it'}"
    usual = headline_text(block.usual, block.currency)
    if digest.folded > 1:
        days = f"the same {digest.folded} days"
        which = f"the median of {days} in the last {block.weeks} weeks"
        return f"vs {which if block.weeks > 1 else f'{days} a week before'}, {usual}"
    days = weekday_text(digest.day)
    which = f"the median of the last {block.weeks} {days}s" if block.weeks > 1 else f"last {days}"
    return f"vs {which}, {usual}"


def reaches(digest: Digest) -> Iterator[str]:
    """Say how far each source reaches, the troubled ones first."""
    plain = [reach for reach in digest.reaches if reach.fresh and reach.day == digest.day]
    marked = [reach for reach in digest.reaches if reach not in plain]
    for reach in [*marked, *plain][:_SOURCES]:
        yield _reach(digest, reach)
    if len(digest.reaches) > _SOURCES:
        yield f"and {len(digest.reaches) - _SOURCES} more sources"


def restatements(digest: Digest, block: Block) -> Iterator[str]:
    """Say which past days the providers changed, and what is in no figure."""
    shown = sorted(block.restated, key=lambda found: -abs(found.change))
    whose = ", all teams" if digest.teams else ""
    for restated in shown[:_RESTATED]:
        change = money_text(restated.change, block.currency, signed=True)
        source = shortened(restated.source, NAME)
        yield f"{day_text(restated.day, weekday=False)} restated {change} ({source}{whose})"
    if len(shown) > _RESTATED:
        rest = sum((restated.change for restated in shown[_RESTATED:]), Decimal(0))
        change = money_text(rest, block.currency, signed=True)
        yield f"restated elsewhere: {change} in {len(shown) - _RESTATED} more"
    if block.unknown_rows:
        yield f"{block.unknown_rows:,} charges without {digest.cost} cost are not in it"


def display_total(digest: Digest) -> Iterator[str]:
    """Give the one total of all currencies and the rates behind it, if it is configured."""
    if digest.display is not None:
        rates = rates_told(digest.display)
        amount = headline_text(digest.display.amount, digest.display.currency)
        yield f"in all about {amount}" + (f" ({rates})" if rates else "")


def rates_told(display: DisplayTotal) -> str:
    """Name the rates behind a total: all of them, or some and how many there are beside."""
    more = len(display.rates) - _RATES
    told = ", ".join(display.rates[:_RATES])
    return f"{told} and {more} more rates" if more > 0 else told


def sections(block: Block) -> Iterator[str]:
    """Give what else is known of a currency: the month so far, and how much has an owner."""
    if block.month_to_date is not None:
        yield f"Month to date: {headline_text(block.month_to_date, block.currency)}"
    if block.owned is not None and block.total:
        share = percent_text(block.owned, block.total, digits=1)
        yield f"Owner coverage: {share} of this cost has a team"


def left_out(digest: Digest) -> Iterator[str]:
    """Say how many currencies did not fit."""
    if digest.left_out:
        more = "more currency" if digest.left_out == 1 else "more currencies"
        yield f"{digest.left_out} {more}: costd report --by team"


def basis(digest: Digest) -> str:
    """Say which cost it is, when it was computed, and where the audit log ends."""
    audited = f" · audit {digest.audit}" if digest.audit is not None else ""
    return f"{digest.cost} cost, all charges · run {digest.run_at.astimezone(UTC):%Y-%m-%dT%H:%MZ}{audited}"


def row(line: Line, currency: str) -> tuple[str, str, str, str, str, str]:
    """Give a line's name, cost, arrow, change, share and reason."""
    cost = money_text(line.cost, currency)
    change = line.change
    if change is None or line.usual is None:
        return (name_of(line.name), cost, "", "", "", line.why)
    if abs(change) < UNSEEN:
        return (name_of(line.name), cost, arrow(line), "", "", line.why)
    share = percent_text(change, line.usual, signed=True) or ("new" if change else "")
    told = money_text(change, currency, signed=True)
    return (name_of(line.name), cost, arrow(line), told, share, line.why)


def name_of(team: str | None) -> str:
    """Give a team's name as it is shown."""
    return "unallocated" if team is None else shortened(team, NAME)


def arrow(line: Line) -> str:
    """Give a sign for the direction; sign and words stand beside it."""
    if line.is_quiet:
        return "·"
    return "▲" if line.change is not None and line.change > 0 else "▼"


def folded(lines: Sequence[Line], kept: int) -> list[Line]:
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


def table(digest: Digest, block: Block, kept: int) -> Iterator[str]:
    """Give a currency's teams as aligned lines."""
    rows = [row(line, block.currency) for line in (*folded(block.lines, kept), block.sum)]
    heads = ("Team", day_head(digest), "", "Change", "", "Why")
    widths = [max(len(cells[i]) for cells in [heads, *rows]) for i in range(len(heads))]
    for name, cost, sign, change, share, why in [heads, *rows]:
        text = f"{name:<{widths[0]}}  {cost:>{widths[1]}}  {sign:<{widths[2]}} {change:>{widths[3]}}"
        yield f"{text} {share:>{widths[4]}}  {why}".rstrip()


def _sentence(digest: Digest, block: Block) -> str:
    text = f"{what(digest)} {when(digest)}{' (partial)' if digest.partial else ''}: "
    text += headline_text(block.total, block.currency)
    if block.usual is not None:
        change = block.total - block.usual
        word = "up" if change > 0 else "down" if change < 0 else "unchanged"
        text += f", {word}"
        if change:
            share = percent_text(abs(change), block.usual)
            text += f" {headline_text(abs(change), block.currency)}" + (f" ({share})" if share else "")
    mover = _mover(block)
    return text + "." + (f" {mover}" if mover else "")


def _mover(block: Block) -> str:
    moves = [(line, line.change) for line in block.lines if line.change is not None and not line.is_quiet]
    if not moves:
        return ""
    line, change = max(moves, key=lambda found: abs(found[1]))
    return f"{name_of(line.name)} {headline_text(change, block.currency, signed=True)}."


def _reach(digest: Digest, reach: Reach) -> str:
    text = shortened(reach.source, NAME)
    if not reach.fresh:
        text += f" LATE ({shortened(reach.reason, _WHY)})" if reach.reason else " LATE"
    if reach.through is None:
        return f"{text} complete to an unknown time"
    through = reach.through.astimezone(UTC)
    text += f" complete to {day_text(through.date(), weekday=False)} {through:%H:%M} UTC"
    if reach.day is None:
        return f"{text}, not in these figures"
    return text if reach.day == digest.day else f"{text}, shows {day_text(reach.day)}"
