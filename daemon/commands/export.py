"""`costd export`: the charges as files that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.invocation import Invocation
from daemon.options import output_option, period_option

if TYPE_CHECKING:
    from daemon.export import Export, Sums
    from daemon.output import Listing
    from daemon.rooms import Rooms
    from domain.delivery import Delivery
    from domain.ports import Progress


@click.group()
def command() -> None:
    """Write the charges as FOCUS files."""


@command.command()
@click.option(
    "--version", type=click.Choice(["1.0", "1.2"]), default="1.2", show_default=True, help="FOCUS version."
)
@period_option
@click.option("--source", "sources", multiple=True, help="Only this source; repeat it for more.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["parquet", "csv"]),
    help="parquet keeps exact types. Default: as --out ends, else parquet.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; an older one is replaced whole.",
)
@output_option
@click.pass_obj
def focus(run: Invocation, /, out: Path, output: str, **asked: Any) -> int:
    """Write charges as one FOCUS file, which adds up to the ledger or is not written.

    Columns of the version come first, then ours: x_Source, the owners as x_Team and so on,
    and what newer FOCUS versions added. In CSV, text that a spreadsheet would run as a
    formula is given an apostrophe; Parquet is exact.
    """
    import os
    import sys

    from daemon.assemble import chosen_sources
    from daemon.export import Export, Format
    from daemon.output import Output, print_listing
    from daemon.progress import progress_on
    from daemon.query import parse_months
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms = Rooms.of(run)
    chosen_sources(rooms.settings, asked["sources"])
    export = Export(
        version=asked["version"],
        format=Format(asked["kind"] or ("csv" if out.suffix == ".csv" else "parquet")),
        path=out,
        sources=frozenset(asked["sources"]) or None,
        periods=parse_months(asked["periods"]),
    )
    sums = write(rooms, export, progress_on(sys.stderr, os.environ))
    print_listing(listing_of(export, sums), Output(output), standard_output(os.environ))
    return 0


def write(rooms: Rooms, export: Export, progress: Progress) -> Sums:
    """Write the file.

    Raises:
        UsageError: no charges fit.
        GateError: it does not add up.
    """
    from daemon.export import write_export
    from daemon.pipeline import attribute
    from domain.errors import UsageError

    rows = sum(delivery.rows for delivery in _current(rooms, export))
    if not rows:
        raise UsageError("no charges fit, so nothing was written", hint="`costd status` says what is stored")
    progress.start(f"FOCUS {export.version} to {export.path.name}", rows, "charges")
    try:
        return write_export(export, rooms.ledger, attribute(rooms).ownership, progress.advance)
    finally:
        progress.finish()


def _current(rooms: Rooms, export: Export) -> list[Delivery]:
    newest = {(one.source, one.billing_period): one for one in rooms.ledger.deliveries()}
    return [
        one
        for one in newest.values()
        if (export.sources is None or one.source in export.sources)
        and (export.periods is None or one.billing_period in export.periods)
    ]


def listing_of(export: Export, sums: Sums) -> Listing:
    """Give what was written, per currency."""
    from daemon.output import Field, Listing
    from domain.charge import COSTS

    return Listing(
        fields=(
            Field(name="currency"),
            Field(name="rows", number=True),
            *(Field(name=name, missing="unknown", number=True) for name in COSTS),
        ),
        rows=[
            {
                "currency": currency,
                "rows": found["rows"],
                **{name: found[column] for name, column in COSTS.items()},
            }
            for currency, found in sorted(sums.items())
        ],
        document={"schema": "costd.export/1", "focus": export.version, "path": str(export.path)},
        above=(f"Wrote {export.path} (FOCUS {export.version}, {export.format}); it adds up to the ledger.",),
    )
