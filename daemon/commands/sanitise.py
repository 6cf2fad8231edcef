"""`costd sanitise`: make a real export shareable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.invocation import Invocation
from daemon.options import output_option, period_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.interface import Original
    from daemon.output import Listing
    from daemon.sanitise.files import Summary


@click.command()
@click.argument("what", metavar="SOURCE|FILE|FOLDER")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="A new folder for the copy; what exists is never written over.",
)
@period_option
@output_option
@click.pass_obj
def command(run: Invocation, /, what: str, out: Path, periods: tuple[str, ...], output: str) -> int:
    """Copy an export with everything that identifies you replaced.

    Account and resource ids, names, tags, descriptions and invoice numbers are replaced by
    keyed hashes of the same shape; the key is forgotten at the end. Amounts, dates, SKUs,
    services, regions and line types stay, so the copy adds up to the same totals. Columns
    that costd does not know are dropped. Look at the copy before you share it.

    With --period, files are left out whose path or manifest says that they are of another month.
    """
    import os
    import sys

    from daemon.output import Output, print_listing
    from daemon.progress import progress_on
    from daemon.query import parse_months
    from daemon.sanitise.run import refuse_overwriting, sanitise
    from daemon.terminal import standard_output

    given = Path(what) if Path(what).exists() else None
    refuse_overwriting(out, given)
    months = parse_months(periods)
    originals = of_path(given, months) if given is not None else of_source(run, what, months)
    summary = sanitise(originals, out, progress_on(sys.stderr, os.environ))
    print_listing(listing_of(summary, out), Output(output), standard_output(os.environ))
    return 0 if summary.files else 1


def of_path(path: Path, periods: frozenset[str] | None) -> Iterator[Original]:
    """Give a file, or the export files of a folder, whatever their layout."""
    from collectors.focus_files import FocusFilesCollector, FocusFilesSettings

    settings = FocusFilesSettings(name="given", path=str(path))
    return FocusFilesCollector(settings).originals(periods)


def of_source(run: Invocation, name: str, periods: frozenset[str] | None) -> Iterator[Original]:
    """Give the files that a collection of a source would read now.

    Raises:
        UsageError: there is neither such a file nor such a source, or it has no files.
    """
    from collectors.interface import Exporting
    from daemon.assemble import build_collectors, chosen_sources
    from domain.errors import UsageError

    settings = run.settings()
    (source,) = chosen_sources(settings, [name])
    (collector,) = build_collectors(settings, [name], clock=run.clock())
    if not isinstance(collector, Exporting):
        raise UsageError(
            f"{name} is a source of type {source.type}, which has no files to copy",
            hint="export a month of it to a CSV or Parquet file, and give that file's path",
        )
    return collector.originals(periods)


def listing_of(summary: Summary, out: Path) -> Listing:
    """Give what became of every column."""
    from daemon.output import Field, Listing

    counts = summary.counts
    files, rows = f"{summary.files:,} file{'s'[: summary.files != 1]}", f"{summary.rows:,} rows"
    told = [f"{counts.get(verb, 0)} columns {verb}" for verb in ("kept", "hashed", "dropped")]
    notes = ["Look at the copy before you share it: costd cannot know what your words give away."]
    if summary.unreadable:
        notes.insert(0, f"{summary.unreadable:,} rows could not be split into columns and were left out.")
    return Listing(
        fields=(Field(name="column"), Field(name="done"), Field(name="how", machine_only=True)),
        rows=[
            {"column": name, "done": treatment.verb, "how": treatment.value}
            for name, treatment in sorted(summary.columns.items(), key=lambda one: (one[1].verb, one[0]))
        ],
        document={
            "schema": "costd.sanitise/1",
            "path": str(out),
            "files": summary.files,
            "charges": summary.rows,
            "left_out": summary.unreadable,
        },
        above=(f"Wrote {files} with {rows} to {out}: {', '.join(told)}.",),
        notes=tuple(notes),
        empty="No export file was found there, so nothing was written.",
    )
