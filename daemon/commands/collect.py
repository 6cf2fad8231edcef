"""`costd collect`: fetch what is new, and say per billing period what became of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from daemon.invocation import Invocation
from daemon.options import output_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.collect_run import Collected, UsageTaken
    from daemon.output import Listing, Row, Value
    from daemon.prices import Refreshed
    from domain.delivery import Delivery


_CALM = 3
"""So many unchanged periods of a source are still listed one by one."""


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

    from daemon.assemble import chosen_sources
    from daemon.rooms import Rooms

    rooms = Rooms.of(run)
    chosen_sources(rooms.settings, sources)

    # What collects is loaded only for sources that there are.
    from daemon.output import Output, print_listing
    from daemon.pipeline import collect
    from daemon.prices import refresh_prices
    from daemon.progress import progress_on
    from daemon.terminal import standard_output

    progress = progress_on(sys.stderr, os.environ)
    done = list(collect(rooms, sources, force=force, progress=progress))
    priced = refresh_prices(rooms, progress) if not sources else []
    listing = listing_of(done, priced, short=output in {"table", "markdown"})
    print_listing(listing, Output(output), standard_output(os.environ))
    return exit_status(done, priced)


def exit_status(done: Sequence[Collected], priced: Sequence[Refreshed] = ()) -> int:
    """Give 0 done, 6 partly done, 1 nothing done, 5 done but a source is late."""
    from domain.delivery import Freshness

    refused = any(one.is_refused for one in done) or any(one.error for one in priced)
    if refused:
        stored = any(one.is_stored for one in done) or any(one.lists for one in priced)
        return 6 if stored else 1
    return 0 if all(one.coverage.freshness is Freshness.FRESH for one in done) else 5


def listing_of(
    done: Sequence[Collected], priced: Sequence[Refreshed] = (), *, short: bool = False
) -> Listing:
    """Give what became of every period, with its money per currency.

    In short, many unchanged periods of a source are one row: people look for what changed.
    """
    from daemon.output import Field, Listing
    from daemon.prices import told

    refused = any(one.is_refused for one in done)
    empty = "Nothing is stored yet, and the sources have nothing."
    if not done:
        empty = "No sources are configured: list them under `sources:` in costd.yaml, or see `costd demo`."
    return Listing(
        fields=(
            Field(name="source"),
            Field(name="period"),
            Field(name="result"),
            Field(name="rows", number=True, missing=""),
            Field(name="billed", number=True, missing=""),
            Field(name="currency", missing=""),
            Field(name="quarantined", number=True, missing=""),
            Field(name="gate", missing=""),
            Field(name="reason", machine_only=True),
        ),
        rows=[row for one in done for row in (_folded(_rows(one)) if short else _rows(one))],
        document={"schema": "costd.collect/1", "prices": [_priced(one) for one in priced]},
        notes=(
            *(note for one in done for note in _notes(one)),
            *(note for one in priced for note in (told(one), *one.notes)),
        ),
        following=("costd status", "costd status --quarantine") if refused else ("costd report --by team",),
        empty=empty,
    )


def _priced(one: Refreshed) -> dict[str, object]:
    return {"feed": one.feed, "lists": one.lists, "added": one.added, "error": one.error or None}


def _rows(one: Collected) -> list[Row]:
    from domain.delivery import Verdict

    rows: list[Row] = []
    for result in one.results:
        told = {"result": result.verdict.value, "gate": result.gate or None, "reason": result.reason or None}
        rows += _stored(one.source, result.billing_period, result.delivery, told)
    for delivery in one.kept:
        told = {"result": Verdict.UNCHANGED.value, "gate": None, "reason": None}
        rows += _stored(one.source, delivery.billing_period, delivery, told)
    rows.sort(key=lambda row: (str(row["period"]), str(row.get("currency") or "")))
    if one.usage is not None and not one.error:
        rows.append(_taken(one.source, one.usage))
    if one.error:
        rows.append({"source": one.source, "result": "failed", "reason": one.error})
    return rows


def _taken(source: str, usage: UsageTaken) -> Row:
    """Give the days of which a source of usage gave hours."""
    if usage.since is None or usage.through is None:
        return {"source": source, "result": "unchanged"}
    first, last = usage.since.date(), (usage.through - timedelta(microseconds=1)).date()
    days = f"{first}" if first == last else f"{first} to {last}"
    return {"source": source, "period": days, "result": "stored", "rows": usage.rows}


def _stored(source: str, period: str, delivery: Delivery | None, told: dict[str, str | None]) -> list[Row]:
    head: dict[str, Value] = {"source": source, "period": period, **told}
    if delivery is None:
        return [head]
    counted = {**head, "rows": delivery.rows, "quarantined": delivery.rejected}
    money = [
        {"currency": currency, "billed": sums.get("BilledCost")}
        for currency, sums in sorted(delivery.sums.items())
    ]
    return [{**(head if at else counted), **part} for at, part in enumerate(money or [{}])]


def _folded(rows: list[Row]) -> list[Row]:
    """Fold the unchanged periods of a source into a row per currency, if there are many."""
    calm = [row for row in rows if row["result"] == "unchanged"]
    if len(calm) <= _CALM:
        return rows
    folded: list[Row] = []
    for currency in dict.fromkeys(row.get("currency") for row in calm):
        same = [row for row in calm if row.get("currency") == currency]
        found: dict[str, Value] = {"period": f"{same[0]['period']} to {same[-1]['period']}"}
        for name in ("rows", "billed", "quarantined"):
            amounts = [row[name] for row in same if row.get(name) is not None]
            found[name] = sum(amounts) if amounts else None  # type: ignore[arg-type]  # numbers all
        folded.append({**same[0], **found})
    return folded + [row for row in rows if row["result"] != "unchanged"]


def _notes(one: Collected) -> Iterator[str]:
    from domain.delivery import Freshness

    if one.coverage.freshness is Freshness.NEVER and one.coverage.reason:
        yield f"{one.source}: {one.coverage.reason}"
    for result in one.results:
        if result.reason:
            yield f"{one.source} {result.billing_period}: {result.reason}"
    if one.error:
        yield f"{one.source} failed: {one.error}" + (f" ({one.hint})" if one.hint else "")
    if one.rejected:
        unread = f"{one.rejected:,} row{'s' if one.rejected > 1 else ''}"
        yield f"{one.source}: {unread} could not be read: costd status --quarantine"
