"""The way of a dollar: collect -> normalise -> split -> attribute -> report.

Read `follow` and you have read costd. Each step is one call into one room; later steps
(detect, plan, approve, act, verify) take their place between `attribute` and `report`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from attribution.star import Star, star_of
from daemon import assemble
from daemon.collect import collect_source
from daemon.collect_run import Collected
from daemon.report import ReportResult, run
from daemon.upkeep import maintain_if_due

if TYPE_CHECKING:
    from daemon.clusters import SplitDone
    from daemon.query import Query
    from daemon.rooms import Rooms
    from domain.ports import Progress


def follow(rooms: Rooms, query: Query, progress: Progress) -> ReportResult:
    """Take every source's bills all the way to a report."""
    for _collected in collect(rooms, progress=progress):  # each chunk is normalised before it is stored
        pass
    star = attribute(rooms)
    return report(rooms, star, query)


def collect(
    rooms: Rooms, names: Iterable[str] = (), *, force: bool = False, progress: Progress
) -> Iterator[Collected]:
    """Fetch the named sources, or all, and store each billing period that is new, whole.

    Collectors normalise: what the ledger is given are FOCUS charges, and what could not be
    read was set aside. One source that fails leaves the others alone.

    Raises:
        UsageError: a name that is not configured.
    """
    rooms.recover(repairing=True)
    for collector in assemble.build_collectors(rooms.settings, names, clock=rooms.clock):
        yield collect_source(rooms, collector, force=force, progress=progress)
    split(rooms, progress)
    maintain_if_due(rooms)


def split(rooms: Rooms, progress: Progress) -> list[SplitDone]:
    """Split what clusters cost among who used them, wherever the bill or the usage changed."""
    from daemon.clusters import split_clusters

    return split_clusters(rooms, progress)


def attribute(rooms: Rooms) -> Star:
    """Give every resource its owner, by the rules as they are now."""
    resources, prices = rooms.ledger.resources().collect(), rooms.ledger.prices().collect()
    return star_of(resources, rooms.rules, prices)


def report(rooms: Rooms, star: Star, query: Query) -> ReportResult:
    """Say what was spent, by whom, on what, and how sure that is."""
    return run(query, rooms.ledger, star, rooms.clock, rooms.sources(query.as_of))
