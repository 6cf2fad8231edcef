"""`costd report`: what was spent, by whom, on what, and how sure that is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from daemon.dimensions import DIMENSIONS
from daemon.invocation import Invocation
from daemon.options import cost_option, output_option, period_option, where_option

if TYPE_CHECKING:
    from attribution.star import Star
    from daemon.query import Query
    from daemon.report import ReportResult
    from daemon.restatements import Restatement
    from daemon.rooms import Rooms
    from domain.ports import Clock

LATELY = timedelta(days=1)


@click.command(
    epilog="Dimensions: " + " ".join(DIMENSIONS) + " tag:KEY. What each means: docs/read-the-report.md."
)
@click.option(
    "--by", default="team", show_default=True, metavar="DIM[,DIM]", help="Group by these, in order."
)
@where_option
@click.option("--from", "start", metavar="DAY", help="First UTC day, a month (2026-11), 7d, or `all`.")
@click.option("--to", "end", metavar="DAY", help="UTC day before which it ends. Default: month to date.")
@period_option
@click.option("--step", type=click.Choice(["hour", "day", "week", "month"]), help="Cut the time into rows.")
@cost_option
@click.option(
    "--sharing",
    type=click.Choice(["before", "after"]),
    default="before",
    show_default=True,
    help="Shared pools on their own, or spread over the owners.",
)
@click.option("--top", type=click.IntRange(min=1), help="Keep the largest, fold the others into one row.")
@click.option("--sort", default="cost", show_default=True, metavar="COLUMN", help="cost, or one of --by.")
@click.option(
    "--as-of", metavar="TIME", help="Answer from what was known then: 2026-11-19T06:00Z, or 7d ago."
)
@click.option(
    "--sensitivity",
    type=click.Choice(["split"]),
    help="The same report under every policy of splitting machines, side by side.",
)
@click.option("--require-complete", is_flag=True, help="Exit with status 5 if anything is still to come.")
@output_option
@click.pass_obj
def command(run: Invocation, /, output: str, *, require_complete: bool, **asked: Any) -> int:
    """Say what was spent, by whom, on what.

    Without a window it is the month to date; with `--by …,billing_month`, or with --period,
    it is every bill. Totals are exact, one per currency, never added up across currencies.
    """
    import os

    from daemon.rooms import Rooms

    rooms = Rooms.of(run)
    query = query_of(asked, rooms.clock)

    # What answers is loaded only for a question that can be answered.
    from daemon.output import Output, print_listing
    from daemon.pipeline import attribute, report
    from daemon.report_listing import listing_of
    from daemon.terminal import standard_output

    star = attribute(rooms)
    if asked["sensitivity"]:
        return _sensitivity(rooms, star, query, output)
    result = report(rooms, star, query)
    restated = lately_restated(rooms, star, result) if output in {"table", "markdown"} else []
    print_listing(listing_of(result, restated), Output(output), standard_output(os.environ))
    return 5 if require_complete and not result.complete else 0


def _sensitivity(rooms: Rooms, star: Star, query: Query, output: str) -> int:
    import os
    import sys

    from daemon.output import Output, print_listing
    from daemon.progress import progress_on
    from daemon.sensitivity import sensitivity
    from daemon.sensitivity_listing import sensitivity_listing
    from daemon.terminal import standard_output
    from domain.errors import UsageError

    if query.as_of is not None:
        raise UsageError("--sensitivity compares what is stored now", hint="leave out --as-of")
    found = sensitivity(rooms, star, query, progress_on(sys.stderr, os.environ))
    print_listing(sensitivity_listing(found), Output(output), standard_output(os.environ))
    return 0


def query_of(asked: dict[str, Any], clock: Clock) -> Query:
    """Read the options of a report as a query.

    Raises:
        UsageError: a dimension, condition, day or month that cannot be read.
    """
    from daemon import query as words

    now = clock.now()
    step = words.Step(asked["step"]) if asked["step"] else None
    by = words.parse_by(str(asked["by"]), step)
    months = words.parse_months(asked["periods"])
    span = words.parse_span((asked["start"], asked["end"]), months, by, now.date())
    return words.Query(
        by=by,
        where=tuple(words.parse_condition(text) for text in asked["where"]),
        window=span.window,
        billing_months=span.billing_months,
        step=step,
        cost=str(asked["cost"]),
        sharing=words.Sharing(asked["sharing"]),
        top=asked["top"],
        sort=str(asked["sort"]),
        as_of=words.parse_instant(str(asked["as_of"]), now) if asked["as_of"] else None,
    )


def lately_restated(rooms: Rooms, star: Star, result: ReportResult) -> list[Restatement]:
    """Give the days of a report that changed in the last day; none for a look into the past."""
    from daemon.labels import labels_of
    from daemon.restatements import find_restatements

    window, since = result.window, rooms.clock.now() - LATELY
    if window is None or result.query.as_of is not None:
        return []
    changed = find_restatements(
        rooms.ledger,
        labels_of(star, ()),
        since=since,
        cost=result.query.cost,
        through={source.name: source.through for source in result.sources},
    )
    return [row for row in changed if window.first_day <= row.day < window.end_day]
