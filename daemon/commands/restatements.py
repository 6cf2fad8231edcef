"""`costd restatements`: what providers changed in bills they had already sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.invocation import Invocation
from daemon.options import cost_option, output_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from daemon.output import Listing, Row
    from daemon.restatements import Restatement


@click.command()
@click.option(
    "--since", default="7d", show_default=True, metavar="TIME", help="An age, a day, or 2026-11-19T06:00Z."
)
@click.option("--by", default="", metavar="DIM[,DIM]", help="Also tell these apart: team, cloud_service, …")
@cost_option
@output_option
@click.pass_obj
def command(run: Invocation, /, since: str, by: str, cost: str, output: str) -> int:
    """Say what providers changed about days that were complete already.

    Days that were still growing are late, not restated, and are left out. Net change is
    what the total moved; gross change also counts what cancelled out.
    """
    import os

    from daemon.labels import labels_of
    from daemon.output import Output, print_listing
    from daemon.pipeline import attribute
    from daemon.query import parse_by, parse_instant
    from daemon.restatements import find_restatements
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms = Rooms.of(run)
    at = parse_instant(since, rooms.clock.now())
    names = without_times(parse_by(by)) if by else ()
    found = find_restatements(
        rooms.ledger,
        labels_of(attribute(rooms), names),
        since=at,
        cost=cost,
        through={source.name: source.through for source in rooms.sources()},
    )
    listing = listing_of(found, names, since=at, cost=cost)
    print_listing(listing, Output(output), standard_output(os.environ))
    return 0


def without_times(names: tuple[str, ...]) -> tuple[str, ...]:
    """Check that no name is a time or the source, which every row has already.

    Raises:
        UsageError: one is, or there is no such dimension.
    """
    from daemon.dimensions import Place, dimension
    from domain.errors import UsageError

    for name in names:
        if dimension(name).place is Place.TIME or name == "source":
            raise UsageError(
                f"rows cannot be told apart by {name!r}", hint="every row has its source and its day already"
            )
    return names


def listing_of(found: Sequence[Restatement], by: tuple[str, ...], *, since: datetime, cost: str) -> Listing:
    """Give the restated days, and net and gross change per currency."""
    from daemon.dimensions import OWNERS, UNALLOCATED
    from daemon.output import Field, Listing
    from domain.show import instant_text

    return Listing(
        fields=(
            Field(name="source"),
            Field(name="day"),
            *(Field(name=name, missing=UNALLOCATED if name in OWNERS else "(none)") for name in by),
            Field(name="currency"),
            Field(name="old", number=True),
            Field(name="new", number=True),
            Field(name="change", number=True),
            Field(name="gross", number=True),
            Field(name="first_seen"),
        ),
        rows=[_row(row, by) for row in found],
        totals=_totals(found),
        document={
            "schema": "costd.restatements/1",
            "since": since,
            "cost": cost,
            "rows": [],
            "totals": _totals(found),
        },
        above=(f"Restated {cost} cost, seen since {instant_text(since)}",) if found else (),
        following=("costd restatements --by team,cloud_service", "costd report --as-of 7d"),
        empty=f"Nothing that was complete has changed since {instant_text(since)}.",
    )


def _row(row: Restatement, by: tuple[str, ...]) -> Row:
    return {
        "source": row.source,
        "day": row.day,
        **dict(zip(by, row.values, strict=True)),
        "currency": row.currency,
        "old": row.old,
        "new": row.new,
        "change": row.change,
        "gross": row.gross,
        "first_seen": row.first_seen,
    }


def _totals(found: Sequence[Restatement]) -> list[Row]:
    from decimal import Decimal

    return [
        {
            "source": "total",
            "currency": currency,
            "change": sum((row.change for row in found if row.currency == currency), Decimal(0)),
            "gross": sum((row.gross for row in found if row.currency == currency), Decimal(0)),
        }
        for currency in sorted({row.currency for row in found})
    ]
