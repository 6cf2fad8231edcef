"""`costd status --unowned`: the largest resources without a team, and what would give them one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attribution.coverage import Unowned, coverage, resource_totals, unowned
from attribution.hints import Hint, alias_hints, key_hints
from daemon.output import Field, Listing
from daemon.pipeline import attribute
from daemon.query import Query
from daemon.report import cells_of
from daemon.status import newest_month
from domain.charge import COSTS
from domain.show import money_text, percent_text
from domain.text import printable, shortened

if TYPE_CHECKING:
    from attribution.coverage import Coverage
    from daemon.rooms import Rooms

SCHEMA = "costd.unowned/1"
_LONG = 80


def unowned_listing(rooms: Rooms, *, limit: int) -> Listing:
    """Give the resources of the newest month that cost most and have no team, biggest first."""
    rooms.recover()
    month = newest_month(rooms)
    query = Query(by=("resource",), billing_months=frozenset({month}))
    star = attribute(rooms)
    totals = resource_totals(cells_of(query, rooms.ledger), COSTS[query.cost])
    found = unowned(totals, star, limit=limit)
    hints = [*key_hints(totals, star, rooms.rules), *alias_hints(totals, star, rooms.rules)]
    scores = [score for score in coverage(totals, star) if score.field == "team"]
    return Listing(
        fields=(
            Field(name="resource", missing="(no resource)"),
            Field(name="cloud_service", title="SERVICE"),
            Field(name="account"),
            Field(name="source"),
            Field(name="currency"),
            Field(name="cost", number=True),
        ),
        rows=[
            {name: getattr(one, name) or None for name in ("resource", "cloud_service", "account", "source")}
            | {"currency": one.currency, "cost": one.cost}
            for one in found
        ],
        document={"schema": SCHEMA, "billing_month": month, "hints": [_hint(hint) for hint in hints]},
        above=(*(_score(score, month) for score in scores), "") if found else (),
        notes=tuple(_advice(hints)),
        following=_next(found),
        empty=_nothing(month),
    )


def _score(score: Coverage, month: str) -> str:
    whole = money_text(score.cost, score.currency)
    part = money_text(score.unowned, score.currency)
    share = percent_text(score.unowned, score.cost, digits=1)
    return f"{part} of {whole} ({share}) has no team in {month}, effective cost, pools left out"


def _hint(hint: Hint) -> dict[str, object]:
    return {
        "line": hint.line,
        "kind": hint.kind,
        "field": hint.field,
        "found": hint.found,
        "like": hint.like or None,
        "resources": hint.resources,
        "currency": hint.currency,
        "cost": hint.cost,
    }


def _advice(hints: Sequence[Hint]) -> Iterator[str]:
    if hints:
        yield ""
        yield "In costd.yaml these would help:"
    for hint in hints:
        amount = money_text(hint.cost, hint.currency)
        count = f"{hint.resources:,} resource{'' if hint.resources == 1 else 's'}"
        yield f"  {shortened(hint.line, 2 * _LONG)}  ({amount}, {count})"


def _next(found: Sequence[Unowned]) -> tuple[str, ...]:
    named = [one.resource for one in found if one.resource and one.resource == printable(one.resource)]
    return (f"costd why-owner '{named[0]}'",) if named and "'" not in named[0] else ()


def _nothing(month: str) -> str:
    if not month:
        return "Nothing is stored yet. `costd collect` fetches the bills."
    return f"Every resource that cost something in {month} has a team or is in a pool."
