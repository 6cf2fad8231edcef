"""Options that several commands share; light, so that help stays quick."""

from __future__ import annotations

from typing import TypeVar

import click

Decorated = TypeVar("Decorated")

OUTPUTS = ("table", "json", "ndjson", "csv", "markdown")

output_option = click.option(
    "--output",
    type=click.Choice(OUTPUTS),
    default="table",
    show_default=True,
    help="table and markdown for people; json, ndjson and csv with exact amounts.",
)
where_option = click.option(
    "--where",
    "where",
    multiple=True,
    metavar="DIM=VALUE",
    help="Only what fits: team=ml, team!=ml, provider=AWS,Oracle, resource='i-*', team=unallocated. "
    "Repeat for `and`. What remains is never changed by it.",
)
cost_option = click.option(
    "--cost",
    type=click.Choice(["billed", "effective", "list", "contracted"]),
    default="effective",
    show_default=True,
    help="Which cost: as invoiced, amortised, at list price, or as negotiated.",
)
period_option = click.option(
    "--period",
    "periods",
    multiple=True,
    metavar="YYYY-MM",
    help="Only these billing months; repeat it or separate with commas.",
)
