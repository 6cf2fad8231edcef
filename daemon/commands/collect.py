"""`costd collect`: fetch what is new, and say per billing period what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.invocation import Invocation
from daemon.options import output_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.collect import Collected
    from daemon.output import Listing, Row
    from domain.delivery import Delivery


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option(
    "--force",
    is_flag=True,
    help="Store what a gate refuses, e.g. an export that lost days. The status remembers it.",
)
@output_option
@click.pass_obj
def command(run: Invocation, /, sources: tuple[str, ...], output: str, *, force: bool) -> int:
    """Fetch what the sources have that is new; all of them, or the ones named.

    Each billing period is replaced whole or not at all, so collecting twice changes
    nothing. Exit status 0 done, 6 partly done, 1 nothing done, 5 done but a source is late.
    """
    import os
    import sys

    from daemon.output import Output, print_listing
    from daemon.pipeline import collect
    from daemon.progress import progress_on
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    progress = progress_on(sys.stderr, os.environ)
    done = list(collect(Rooms.of(run), sources, force=force, progress=progress))
    print_listing(listing_of(done), Output(output), standard_output(os.environ))
    return exit_status(done)


def exit_status(done: Sequence[Collected]) -> int:
    """Give 0 done, 6 partly done, 1 nothing done, 5 done but a source is late."""
    from domain.delivery import Freshness

    refused = [one for one in done if one.is_refused]
    if refused:
        return 6 if any(one.is_stored for one in done) else 1
    return 0 if all(one.coverage.freshness is Freshness.FRESH for one in done) else 5


def listing_of(done: Sequence[Collected]) -> Listing:
    """Give what became of every period, with its money per currency."""
    from daemon.output import Field, Listing

    rows = [row for one in done for row in _rows(one)]
    notes = [_note(one) for one in done if one.error or one.rejected]
    refused = any(one.is_refused for one in done)
    return Listing(
        fields=(
            Field(name="source"),
            Field(name="period"),
            Field(name="result"),
            Field(name="rows", number=True),
            Field(name="billed", number=True),
            Field(name="currency"),
            Field(name="quarantined", number=True),
            Field(name="gate", machine_only=True),
            Field(name="reason", missing=""),
        ),
        rows=rows,
        document={"schema": "costd.collect/1"},
        notes=tuple(notes),
        following=("costd status", "costd status --quarantine") if refused else ("costd report --by team",),
        empty="Nothing was collected: no sources are configured. `costd init` proposes some."
        if not done
        else "Nothing new, and nothing stored yet.",
    )


def _rows(one: Collected) -> list[Row]:
    rows: list[Row] = []
    for result in one.results:
        told = {"result": result.verdict.value, "gate": result.gate or None, "reason": result.reason or None}
        rows += _stored(one.source, result.billing_period, result.delivery, told)
    for delivery in one.kept:
        told = {"result": "unchanged", "gate": None, "reason": None}
        rows += _stored(one.source, delivery.billing_period, delivery, told)
    if one.error:
        rows.append({"source": one.source, "result": "failed", "reason": one.error})
    return sorted(rows, key=lambda row: (str(row.get("period") or "~"), str(row.get("currency") or "")))


def _stored(source: str, period: str, delivery: Delivery | None, told: dict[str, str | None]) -> list[Row]:
    head = {"source": source, "period": period, **told}
    if delivery is None or not delivery.sums:
        rows = delivery.rows if delivery is not None else None
        return [{**head, "rows": rows, "quarantined": delivery.rejected if delivery is not None else None}]
    return [
        {
            **head,
            "rows": delivery.rows if at == 0 else None,
            "billed": sums.get("BilledCost"),
            "currency": currency,
            "quarantined": delivery.rejected if at == 0 else None,
        }
        for at, (currency, sums) in enumerate(sorted(delivery.sums.items()))
    ]


def _note(one: Collected) -> str:
    if one.error:
        return f"{one.source} failed: {one.error}" + (f" - {one.hint}" if one.hint else "")
    return f"{one.source}: {one.rejected:,} rows could not be read: costd status --quarantine"
