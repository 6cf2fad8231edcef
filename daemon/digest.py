"""Gathers the daily digest: like days compared with like, and sums that add up.

Every source shows its own latest complete day. What is usual is the median, over the last
four weeks, of the total of the same weekdays; each team is compared with the very days that
median is made of, so the changes of the teams add up to the change of the total. Shared
pools are spread, so that unallocated means that nobody owns it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from alerts.digest import Block, Digest, Line, Restated, is_quiet
from daemon.digest_days import WEEKS, Wanted, days_of
from daemon.digest_display import display_of
from daemon.digest_links import links_of
from daemon.digest_services import services_of
from daemon.digest_sums import DigestSums, Teams
from daemon.labels import labels_of
from daemon.movers import Part, explain
from daemon.restatements import find_restatements
from domain.show import percent_text

if TYPE_CHECKING:
    from attribution.star import Star
    from daemon.rooms import Rooms
    from domain.audit import Head

TREND_DAYS = 14
"""How many days the chart shows."""

_DAY = _LATELY = timedelta(days=1)
_CENT = Decimal("0.01")
_HALF = Decimal("0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which digest.

    Attributes:
        day: another day than the latest complete one.
        cost: effective, billed, list or contracted.
        detail: also why it moved, what was restated, the last days and the largest services.
        folded: how many days it is of: the day and those before it.
        teams: only these; empty for all.
        latest: no day after this, though a source may be complete further; None for no limit.
    """

    day: date | None = None
    cost: str = "effective"
    detail: bool = True
    folded: int = 1
    teams: tuple[str, ...] = ()
    latest: date | None = None


def gather(
    rooms: Rooms, star: Star, *, day: date | None = None, cost: str = "effective", detail: bool = True
) -> Digest:
    """Give the digest of the latest complete day, or of the day that is asked for.

    Without detail it says how much, and neither why nor what was restated: that is quick.
    """
    return gather_asked(rooms, star, Asked(day=day, cost=cost, detail=detail))


def gather_asked(rooms: Rooms, star: Star, asked: Asked) -> Digest:
    """Give the digest that is asked for."""
    now = rooms.clock.now()
    sources = rooms.sources()
    wanted = Wanted(day=asked.day, latest=asked.latest or now.date() - _DAY, folded=asked.folded)
    days = days_of(sources, rooms.ledger.deliveries(), wanted)
    sums = DigestSums(ledger=rooms.ledger, star=star, days=days, cost=asked.cost, sources=sources)
    blocks = tuple(_blocks(sums, _restated(rooms, sums) if asked.detail else {}, asked))
    return Digest(
        day=days.digest,
        reaches=days.reaches,
        blocks=blocks,
        run_at=now,
        partial=days.is_partial,
        why_no_change=days.why_no_change,
        demo=rooms.is_demo,
        cost=asked.cost,
        folded=asked.folded,
        teams=asked.teams,
        display=display_of(rooms.settings.fx, blocks, days.digest),
        links=links_of(rooms.settings.http.public_url or "", asked, days),
        audit=_audit_head(rooms),
    )


def _audit_head(rooms: Rooms) -> Head | None:
    from ledger.audit import AuditLog

    head = AuditLog(rooms.state.database).head()
    return head if head.count else None


def _blocks(sums: DigestSums, restated: Mapping[str, list[Restated]], asked: Asked) -> list[Block]:
    days = sums.days
    last = days.trend(TREND_DAYS)
    daily = sums.daily(min(days.digest.replace(day=1), *days.distinct(WEEKS), last[0]))
    if asked.teams:
        daily = daily.filter(pl.col("team").is_in(asked.teams))
    weeks = {back: sums.teams(daily, days.shown(back)) for back in (0, *days.weeks)}
    month = sums.teams(daily, days.month_to_date())
    unknown = sums.unknown()
    blocks = []
    for currency in sorted(weeks[0]):
        teams = {back: found.get(currency, {}) for back, found in weeks.items()}
        middle = median_weeks({back: _total(teams[back]) for back in days.weeks})
        parts = sums.parts(currency, middle) if asked.detail else {}
        lines = tuple(_lines(teams, middle, parts, currency))
        lines = tuple(line for line in lines if not asked.teams or line.name is not None)
        block = Block(
            currency=currency,
            total=_total(teams[0]),
            usual=_mean([_total(teams[back]) for back in middle]),
            weeks=len(days.weeks),
            lines=lines,
            month_to_date=_total(month[currency]) if currency in month else None,
            restated=tuple(restated.get(currency, ())),
            owned=None if asked.teams else _total(teams[0]) - teams[0].get(None, Decimal(0)),
            unknown_rows=unknown.get(currency, 0),
            trend=sums.trend(daily, last, currency) if asked.detail else None,
            services=tuple(services_of(lines, parts, compared=bool(middle))),
            compared=middle,
        )
        blocks.append(block)
    return blocks


def _total(teams: Teams) -> Decimal:
    return sum(teams.values(), Decimal(0))


def median_weeks(totals: Mapping[int, Decimal]) -> tuple[int, ...]:
    """Give the week whose total is the median, or the two whose mean it is."""
    ranked = sorted(totals, key=lambda back: (totals[back], back))
    if not ranked:
        return ()
    low, high = ranked[(len(ranked) - 1) // 2], ranked[len(ranked) // 2]
    return (low,) if low == high else (low, high)


def _mean(amounts: Sequence[Decimal]) -> Decimal | None:
    """Give the exact mean of one or two amounts; None of none."""
    if not amounts:
        return None
    return amounts[0] if len(amounts) == 1 else sum(amounts, Decimal(0)) * _HALF


def _lines(
    teams: Mapping[int, Teams],
    middle: tuple[int, ...],
    parts: Mapping[str | None, Sequence[Part]],
    currency: str,
) -> list[Line]:
    """Give a line per team that costs or usually costs something; the unallocated one always, last."""
    names = {name for back in (0, *middle) for name, cost in teams[back].items() if name and cost}
    ranked = sorted(names, key=lambda name: (-teams[0].get(name, Decimal(0)), name))
    lines = []
    for name in (*ranked, None):
        cost = teams[0].get(name, Decimal(0))
        usual = _mean([teams[back].get(name, Decimal(0)) for back in middle])
        if name is None:
            why = _unowned(parts.get(None, ()), cost, _total(teams[0]))
        elif usual is None or is_quiet(cost - usual, usual):
            why = ""
        else:
            why = explain(parts.get(name, ()), cost - usual, currency)
        lines.append(Line(name=name, cost=cost, usual=usual, why=why))
    return lines


def _unowned(parts: Sequence[Part], cost: Decimal, total: Decimal) -> str:
    resources = {part.resource for part in parts if part.resource is not None and part.now}
    share = percent_text(cost, total, digits=1)
    count = f"{len(resources):,} resource{'' if len(resources) == 1 else 's'}" if resources else ""
    return " · ".join(filter(None, (f"{share} of total" if share else "", count)))


def _restated(rooms: Rooms, sums: DigestSums) -> dict[str, list[Restated]]:
    """Give per currency the days before the ones shown that changed in the last day."""
    changed = find_restatements(
        rooms.ledger,
        labels_of(sums.star, ()),
        since=rooms.clock.now() - _LATELY,
        cost=sums.cost,
        through={reach.source: reach.through for reach in sums.days.reaches},
    )
    found: dict[str, list[Restated]] = {}
    for row in changed:
        if row.day < sums.days.first_of(row.source) and abs(row.change) >= _CENT:
            restated = Restated(source=row.source, day=row.day, change=row.change)
            found.setdefault(row.currency, []).append(restated)
    return found
