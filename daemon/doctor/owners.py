"""What doctor says of owners: how much of the cost has a team, and which tag keys would add to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.probe import Health, Probe
from domain.show import money_text, percent_text
from domain.text import shortened

if TYPE_CHECKING:
    from attribution.coverage import Coverage
    from attribution.hints import Hint
    from daemon.rooms import Rooms

ENOUGH = Decimal("0.8")
"""Share of the cost with a team below which showing costs by team misleads."""

_MOST_HINTS = 3


def owner_probes(rooms: Rooms) -> Iterator[Probe]:
    """Look at the newest month that is stored; nothing is said where nothing is, or not all of it."""
    from attribution.coverage import coverage, resource_totals
    from attribution.hints import key_hints
    from daemon.pipeline import attribute
    from daemon.query import Query
    from daemon.report import cells_of
    from domain.charge import COSTS

    recovered = rooms.ledger.recover()
    if recovered.damage:
        return  # a share of what is left would be a wrong number; the ledger's own check says it
    months = {one.billing_period for one in recovered.deliveries if one.rows}
    today = f"{rooms.clock.now():%Y-%m}"
    month = max((one for one in months if one <= today), default="")
    if not month:
        return
    query = Query(by=("team",), billing_months=frozenset({month}))
    star = attribute(rooms)
    totals = resource_totals(cells_of(query, rooms.ledger), COSTS[query.cost])
    scores = [score for score in coverage(totals, star) if score.field == "team"]
    yield from judged(scores, key_hints(totals, star, rooms.rules), month)


def judged(scores: Sequence[Coverage], hints: Sequence[Hint], month: str) -> Iterator[Probe]:
    """Judge the share of the cost that has a team, per currency."""
    for score in scores:
        share = score.share
        if share is None:
            continue
        whole = money_text(score.cost, score.currency)
        known = percent_text(score.cost - score.unowned, score.cost, digits=1)
        subject = f"tags and rules give {known} of {whole} in {month} a team"
        if share >= ENOUGH:
            yield Probe(subject=subject, health=Health.OK)
            continue
        mine = [hint for hint in hints if hint.currency == score.currency][:_MOST_HINTS]
        lines = "; ".join(
            f"{shortened(hint.line, 120)} ({money_text(hint.cost, hint.currency)})" for hint in mine
        )
        yield Probe(
            subject=subject,
            health=Health.WARN,
            breaks=f"{money_text(score.unowned, score.currency)} is shown as unallocated",
            fix=lines or "costd status --unowned, which lists what to tag first",
        )
