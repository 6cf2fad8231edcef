"""`costd reconcile`: prove that what is attributed is what was billed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.invocation import Invocation
from daemon.options import output_option, period_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attribution.reconcile import Reconciled
    from attribution.spread import Unshared
    from daemon.output import Listing, Row

_MOST_LEFT = 10
"""Days of pools that people are shown; machines get all."""


@click.command()
@period_option
@click.option(
    "--source", "sources", multiple=True, help="Only this source, with --period; repeat it for more."
)
@click.option(
    "--clusters", is_flag=True, help="Clusters against their bill, and our split against the provider's."
)
@output_option
@click.pass_obj
def command(
    run: Invocation, /, periods: tuple[str, ...], sources: tuple[str, ...], output: str, *, clusters: bool
) -> int:
    """Prove that what is attributed is what was billed, to the last digit.

    Per source, billing month, currency and cost: what the files said, what is stored, and
    what owners, unallocated included, answer for. Differences have names. Exit status 1 if
    one of them is not rounding.

    With --period: the invoice of each source and account against the ledger against what is
    attributed, the difference line by line. Exit status 1 if a part of it has no name, 5 if
    a part of the month was refused or withheld, 6 if a provider could not be asked.

    With --clusters: how much of each cluster is on a bill and split, whether the parts are the
    charges, and each namespace beside what the provider's own split says. Exit status 1 if the
    parts are not the charges.
    """
    import os

    if clusters:
        return of_clusters(run, output, named=bool(periods or sources))
    if periods:
        return against_invoices(run, periods, sources, output)
    from attribution.reconcile import reconcile
    from attribution.spread import unshared
    from daemon.output import Output, print_listing
    from daemon.pipeline import attribute
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output
    from domain.charge import COSTS
    from domain.errors import UsageError

    if sources:
        raise UsageError("--source needs --period", hint="costd reconcile --period 2026-06 --source aws")
    rooms = Rooms.of(run)
    deliveries = rooms.ledger.deliveries()
    cells = rooms.ledger.attributable(sources={one.source for one in deliveries})
    star = attribute(rooms)
    results = reconcile(cells, star, deliveries) if deliveries else []
    left = unshared(cells, star, COSTS["effective"]) if deliveries else []
    print_listing(listing_of(results, left), Output(output), standard_output(os.environ))
    return 0 if all(result.holds for result in results) else 1


def of_clusters(run: Invocation, output: str, *, named: bool) -> int:
    """Compare clusters with their bills, and give the exit status."""
    import os

    from daemon.cluster_check import check_clusters
    from daemon.cluster_check_listing import cluster_listing
    from daemon.output import Output, print_listing
    from daemon.pipeline import attribute
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output
    from domain.errors import UsageError

    if named:
        raise UsageError("--clusters looks at every bill", hint="leave out --period and --source")
    rooms = Rooms.of(run)
    found = check_clusters(rooms, attribute(rooms))
    print_listing(cluster_listing(found), Output(output), standard_output(os.environ))
    return 0 if found.holds else 1


def against_invoices(run: Invocation, periods: tuple[str, ...], sources: tuple[str, ...], output: str) -> int:
    """Compare billing months with what providers say they cost, and give the exit status."""
    import os

    from daemon.assemble import chosen_sources
    from daemon.invoice_listing import exit_status, invoices_listing
    from daemon.invoices import compare_month
    from daemon.output import Output, print_listing
    from daemon.pipeline import attribute
    from daemon.query import parse_months
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms = Rooms.of(run)
    rooms.recover()
    asked = [source.name for source in chosen_sources(rooms.settings, sources)]
    star, found = attribute(rooms), {}
    for period in sorted(parse_months(periods) or ()):
        kept = {one.source for one in rooms.ledger.deliveries() if one.billing_period == period}
        names = asked if sources else [*asked, *sorted(kept - set(asked))]
        found[period] = compare_month(rooms, star, period, names)
    print_listing(invoices_listing(rooms, found), Output(output), standard_output(os.environ))
    return exit_status(rooms, found)


def listing_of(results: Sequence[Reconciled], left: Sequence[Unshared] = ()) -> Listing:
    """Give every sum followed from the source to its owners, and what sharing left in pools."""
    from daemon.output import Field, Listing

    broken = [result for result in results if not result.holds]
    word = "Every sum holds" if not broken else f"{len(broken)} of {len(results)} sums do not hold"
    return Listing(
        fields=(
            Field(name="source"),
            Field(name="period"),
            Field(name="currency"),
            Field(name="cost"),
            Field(name="parsed", number=True),
            Field(name="stored", number=True),
            Field(name="attributed", number=True),
            Field(name="unallocated", number=True),
            Field(name="holds"),
            Field(name="residuals", missing=""),
        ),
        rows=[_row(result) for result in results],
        document={
            "schema": "costd.reconcile/1",
            "holds": not broken,
            "unshared": [_left(one) for one in left],
        },
        notes=(f"{word}: parsed less rounding is stored, and stored is attributed.", *_told(left))
        if results
        else (),
        following=("costd report --by team",),
        empty="Nothing is stored yet. `costd collect` fetches the bills.",
    )


def _left(one: Unshared) -> dict[str, object]:
    return {
        "pool": one.pool,
        "period": one.billing_period,
        "day": one.day,
        "currency": one.currency,
        "effective": one.amount,
        "reason": one.reason,
    }


def _told(left: Sequence[Unshared]) -> Iterator[str]:
    """Say what stays in pools, the days with the most first."""
    from domain.show import money_text
    from domain.text import printable

    if left:
        yield "With shared pools spread, this effective cost stays in its pool:"
    for one in sorted(left, key=lambda one: -abs(one.amount))[:_MOST_LEFT]:
        yield f"  {money_text(one.amount, one.currency)}: {printable(one.reason)}"
    if len(left) > _MOST_LEFT:
        yield f"  and {len(left) - _MOST_LEFT} more, in --output json"


def _row(result: Reconciled) -> Row:
    from domain.money import plain

    return {
        "source": result.source or None,
        "period": result.billing_period,
        "currency": result.currency,
        "cost": result.cost,
        "parsed": result.parsed,
        "stored": result.stored,
        "attributed": result.attributed,
        "unallocated": result.unallocated,
        "holds": result.holds,
        "residuals": [f"{plain(one.amount)} {one.name}" for one in result.residuals] or None,
    }
