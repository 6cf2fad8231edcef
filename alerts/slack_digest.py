"""The digest as Slack messages: one to read in the channel, and details in its thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import accumulate, zip_longest

from alerts import digest_words as words
from alerts.digest import Block, Digest, DisplayTotal, Line, ServiceLine, TeamTrend, Trend
from alerts.slack_blocks import Block as SlackBlock
from alerts.slack_blocks import (
    Chart,
    Column,
    Context,
    Header,
    Links,
    Preformatted,
    Section,
    SlackMessage,
    Table,
    escaped,
)
from alerts.slack_limits import RICH_TEXT, TABLE_ROWS, text_size
from domain.show import day_text, headline_text, money_text, percent_text
from domain.text import shortened

LONGEST = 3_500
"""Characters that the message in the channel may take; longer ones are no longer read."""

MOST_TEAMS = 12
"""Teams whose products the thread lists; the others are in the report."""

_MOST_ROWS = 40
_FEWER = (40, 30, 25, 20, 16, 13, 11, 9, 8, 7, 6, 5, 4, 3, 2, 1)
_SERIES = 4
_SERVICE = 40
_WHY = 120
_OTHER = "other"
_MOST_LISTED = 11_000
"""Characters of the rows in the thread; with heads and marks they stay below `MOST_TEXT`."""


def digest_message(digest: Digest) -> SlackMessage:
    """Give the message for the channel: at most 10 blocks and 3,500 characters, in both forms.

    To fit, small teams are folded into one row, then currencies are left for the report.
    """
    most = max((len(block.lines) for block in digest.blocks), default=1)
    for kept in (most, *(fewer for fewer in _FEWER if fewer < most)):
        if kept > _MOST_ROWS:
            continue
        blocks, simple = _blocks(digest, kept), _simple(digest, kept)
        sizes = [text_size(block.json() for block in form) for form in (blocks, simple)]
        if max(sizes) <= LONGEST and _fits((*blocks, *simple)):
            return SlackMessage(text=escaped(words.fallback(digest)), blocks=blocks, simple=simple)
    return digest_message(replace(digest, blocks=digest.blocks[:-1], left_out=digest.left_out + 1))


def thread_messages(digest: Digest) -> list[tuple[str, SlackMessage]]:
    """Give the replies with a name each: the largest products per team, and how it was computed."""
    found = []
    services = _services_message(digest)
    if services is not None:
        found.append(("services", services))
    found.append(("how", how_message(digest)))
    return found


def _fits(blocks: Sequence[SlackBlock]) -> bool:
    """Tell whether no table has too many rows, and none written as text would be cut."""
    return all(
        len(block.text) <= RICH_TEXT if isinstance(block, Preformatted) else len(block.rows) < TABLE_ROWS
        for block in blocks
        if isinstance(block, Preformatted | Table)
    )


def _blocks(digest: Digest, kept: int) -> tuple[SlackBlock, ...]:
    charts = [_chart(digest, trend, currency) for trend, currency in _trends(digest)]
    tables = [_table(digest, kept)] if digest.blocks else []
    return (*_above(digest), *tables, *charts, *_below(digest))


def _simple(digest: Digest, kept: int) -> tuple[SlackBlock, ...]:
    """Give the form without tables and charts."""
    found: list[SlackBlock] = []
    if digest.blocks:
        tables = ["\n".join(words.table(digest, _short(block), kept)) for block in digest.blocks]
        found.append(Preformatted(text="\n\n".join(tables)))
    found += [Section(text=_finding(trend, currency)) for trend, currency in _trends(digest)]
    return (*_above(digest), *found, *_below(digest))


def _trends(digest: Digest) -> list[tuple[Trend, str]]:
    """Give what is drawn: the one currency's trend, or that of the one total of several.

    Currencies without a common one are not drawn: one of them alone would look like the whole.
    """
    shown: Block | DisplayTotal | None = digest.display
    if digest.blocks and len(digest.blocks) + digest.left_out == 1:
        shown = digest.blocks[0]
    return [(shown.trend, shown.currency)] if shown and shown.trend and shown.trend.teams else []


def _short(block: Block) -> Block:
    lines = tuple(replace(line, why=shortened(line.why, _WHY)) for line in block.lines)
    return replace(block, lines=lines)


def _above(digest: Digest) -> Iterator[SlackBlock]:
    if digest.demo:
        yield Context(pieces=[words.DEMO_MARK])
    title = words.headline(digest, digest.blocks[0] if digest.blocks else None)
    yield Header(text=" · ".join([title, *map(words.moved, digest.blocks[1:])]))
    pieces = [*words.display_total(digest)]
    pieces += [words.comparison(digest, block) for block in digest.blocks]
    pieces += [*words.reaches(digest)]
    for block in digest.blocks:
        pieces += words.restatements(digest, block)
    if pieces:
        yield Context(pieces=pieces)


def _below(digest: Digest) -> Iterator[SlackBlock]:
    told = [line for block in digest.blocks for line in words.sections(block)]
    told += words.left_out(digest)
    if told:
        yield Section(text="\n".join(told))
    if digest.links:
        yield Links(links=[(link.text, link.url) for link in digest.links])
    yield Context(pieces=[words.basis(digest)])


def _table(digest: Digest, kept: int) -> Table:
    rows = []
    for block in digest.blocks:
        lines = [*words.folded(block.lines, kept), block.sum]
        rows += [_row(line, block.currency) for line in lines]
    columns = (
        Column(title="Team"),
        Column(title=words.day_head(digest), right=True),
        Column(title="Change", right=True),
        Column(title="Why", wrapped=True),
    )
    return Table(columns=columns, rows=rows)


def _row(line: Line, currency: str) -> tuple[str, str, str, str]:
    name, cost, arrow, change, share, why = words.row(line, currency)
    return (name, cost, " ".join(filter(None, (arrow, change, share))), shortened(why, _WHY))


def _chart(digest: Digest, trend: Trend, currency: str) -> Chart:
    whose = "by team" if len(trend.teams) > 1 or not digest.teams else f"of {digest.teams[0]}"
    return Chart(
        title=f"{len(trend.days)} days {whose}, {currency}",
        categories=[day_text(day, weekday=False) for day in trend.days],
        series=_series(trend.teams),
        unit=currency,
    )


def _series(teams: Sequence[TeamTrend]) -> list[tuple[str, Sequence[Decimal]]]:
    """Give the largest teams, then the sum of the others, then what nobody owns."""
    owned = sorted(
        ((team.name, team.costs) for team in teams if team.name is not None),
        key=lambda found: (-sum(found[1]), found[0]),
    )
    most = _SERIES if len(owned) > _SERIES + 1 else _SERIES + 1
    series: list[tuple[str, Sequence[Decimal]]] = list(owned[:most])
    if rest := [amounts for _, amounts in owned[most:]]:
        series.append((_OTHER, [sum(day, Decimal(0)) for day in zip(*rest, strict=True)]))
    return series + [(words.name_of(None), team.costs) for team in teams if team.name is None]


def _finding(trend: Trend, currency: str) -> str:
    """Say what the chart shows in one sentence."""
    totals = [sum(day, Decimal(0)) for day in zip(*(team.costs for team in trend.teams), strict=True)]
    low, high = min(totals), max(totals)
    days = [day_text(trend.days[totals.index(amount)]) for amount in (low, high)]
    return (
        f"Last {len(trend.days)} days: between {headline_text(low, currency)} ({days[0]}) "
        f"and {headline_text(high, currency)} ({days[1]})."
    )


def _services_message(digest: Digest) -> SlackMessage | None:
    rows = [_service_row(line, block.currency) for block in digest.blocks for line in _listed(block)]
    if not rows:
        return None
    heads = ("Team", words.day_head(digest), "Change", "Service")
    rows = _that_fit(rows[: TABLE_ROWS - 1])
    title = f"Largest services of each team - {words.when(digest)}"
    columns = [Column(title=head, right=number in {1, 2}) for number, head in enumerate(heads)]
    mark = (Context(pieces=[words.DEMO_MARK]),) if digest.demo else ()
    return SlackMessage(
        text=escaped(f"{title}."),
        blocks=(*mark, Section(text=title), Table(columns=columns, rows=rows)),
        simple=(*mark, Section(text=title), *_pages(_aligned([heads, *rows]))),
    )


def _that_fit(rows: Sequence[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """Keep the first rows, as many as one message may hold whatever the names and amounts are."""
    sizes = accumulate(sum(map(len, row)) for row in rows)
    return [row for row, size in zip(rows, sizes, strict=True) if size <= _MOST_LISTED]


def _listed(block: Block) -> list[ServiceLine]:
    teams = list(dict.fromkeys(line.team for line in block.services))[:MOST_TEAMS]
    return [line for line in block.services if line.team in teams]


def _service_row(line: ServiceLine, currency: str) -> tuple[str, str, str, str]:
    change = ""
    if line.usual is not None:
        moved = line.cost - line.usual
        share = percent_text(moved, line.usual, signed=True) or ("new" if moved else "")
        change = f"{money_text(moved, currency, signed=True)} {share}".rstrip()
    service = shortened(line.service, _SERVICE) if line.service else "no service named"
    return (words.name_of(line.team), money_text(line.cost, currency), change, service)


def _aligned(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    return [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in rows]


def _pages(lines: Sequence[str]) -> list[Preformatted]:
    """Cut lines into texts that Slack takes, all together within what a message may hold."""
    pages, page = [], ""
    for line in lines:
        if len(page) + len(line) + 1 > RICH_TEXT:
            pages.append(page)
            page = ""
        page += f"{line}\n"
    return [Preformatted(text=text.rstrip("\n")) for text in [*pages, page][:3]]


def how_message(digest: Digest) -> SlackMessage:
    """Say how each number was computed, and how to get the rows behind it."""
    title = "How these numbers were computed"
    mark = (Context(pieces=[words.DEMO_MARK]),) if digest.demo else ()
    text = "\n".join(f"• {line}" for line in _how(digest))
    return SlackMessage(text=escaped(f"{title}."), blocks=(*mark, Section(text=f"{title}\n{text}")))


def _how(digest: Digest) -> Iterator[str]:
    first, end = digest.first_day.isoformat(), digest.day.isoformat()
    span = f"the UTC day {end}" if digest.folded == 1 else f"the UTC days {first} to {end}"
    yield f"Cost: the {digest.cost} cost of {span} from the bills, with taxes, support and credits."
    for reach in digest.reaches:
        if reach.day is not None and reach.day != digest.day:
            source = shortened(reach.source, words.NAME)
            yield f"{source} shows {day_text(reach.day)}, its latest complete day."
    for block in digest.blocks:
        if block.usual is not None:
            yield _compared(digest, block)
    yield "Shared pools are spread over the teams, so unallocated means that nobody owns it."
    yield "Why: the resource that explains at least half of a change, else the service that moved most."
    yield "A dot stands for a change under 2 % and under 10 units of the currency."
    if (shown := digest.display) is not None:
        yield f"The total in {shown.currency} is only to look at: {words.rates_told(shown)}."
    if digest.audit is not None:
        yield f"Audit: costd audit verify {digest.audit} proves that no earlier row was changed since."
    yield f"The rows: costd report --by team,day --from {first} --to {_after(digest)} --output csv"


def _compared(digest: Digest, block: Block) -> str:
    weeks = ", ".join(f"{back}" for back in block.compared)
    of = f"weeks {weeks} before" if len(block.compared) > 1 else f"{weeks or 'some'} weeks before"
    name = f"{block.currency}: " if len(digest.blocks) > 1 else ""
    return (
        f"{name}Change: against the median total of {block.weeks} like days; teams are compared "
        f"with the very days it is of ({of}), so their changes add up to the total's."
    )


def _after(digest: Digest) -> str:
    return (digest.day + timedelta(days=1)).isoformat()
