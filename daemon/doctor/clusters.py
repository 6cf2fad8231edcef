"""What doctor says of clusters: how much of their machines is found on a bill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from domain.probe import Health, Probe
from domain.text import shortened

if TYPE_CHECKING:
    from daemon.cluster_estimates import Unpriced
    from daemon.cluster_joins import Joined
    from daemon.rooms import Rooms

ENOUGH = 0.98
"""Share of the node-hours on bills below which a cluster's costs miss something worth a look."""

_BACK = timedelta(days=7)
_MOST_NODES = 3
_FIX = (
    "see that the bill of the account that the nodes run in is a source, and that it names single machines "
    "(on AWS: resource IDs in the export, on Google Cloud: the detailed export); docs/kubernetes-costs.md"
)


def cluster_probes(rooms: Rooms) -> Iterator[Probe]:
    """Look at the newest week of usage that bills have reached; nothing is said where nothing ran."""
    from daemon.cluster_estimates import unpriced_now
    from daemon.cluster_joins import joined

    recovered = rooms.ledger.recover()
    days = [one.last_day for one in recovered.deliveries if one.last_day]
    if recovered.damage or not days:
        return
    # the last day on a bill is often begun only
    end = datetime.combine(date.fromisoformat(max(days)), time(), UTC)
    if rooms.ledger.usage_fingerprint(start=end - _BACK, end=end + timedelta(days=1)):
        yield from judged(joined(rooms, end - _BACK, end) or joined(rooms, end, end + timedelta(days=1)))
        yield from without_price(unpriced_now(rooms))


def without_price(found: Iterable[Unpriced]) -> Iterator[Probe]:
    """Say per cluster how many node-hours cannot be estimated until their bill is here."""
    by_cluster: dict[str, list[Unpriced]] = {}
    for one in found:
        by_cluster.setdefault(one.cluster, []).append(one)
    for cluster, rows in sorted(by_cluster.items()):
        hours = sum(one.hours for one in rows)
        nodes = len({one.node for one in rows})
        reasons = "; ".join(sorted({one.reason for one in rows})[:_MOST_NODES])
        yield Probe(
            subject=f"{hours:,.0f} node-hours of {cluster} have no known price",
            health=Health.WARN,
            breaks=f"{nodes:,} nodes are not shown until their bill is here ({shortened(reasons, 200)})",
            fix="list the machines' region and types under `prices`; docs/prices.md",
        )


def judged(found: Iterable[Joined]) -> Iterator[Probe]:
    """Judge how much of each cluster is on a bill."""
    for one in found:
        subject = f"{one.share:.1%} of {one.hours:,.0f} node-hours of {one.cluster} are on a bill"
        if one.share >= ENOUGH:
            yield Probe(subject=subject, health=Health.OK)
            continue
        some = "; ".join(f"{shortened(node, 60)}: {reason}" for node, reason in one.missing[:_MOST_NODES])
        more = f"; and {len(one.missing) - _MOST_NODES:,} more" if len(one.missing) > _MOST_NODES else ""
        yield Probe(
            subject=subject,
            health=Health.WARN,
            breaks=f"the cost of {len(one.missing):,} nodes does not reach their pods ({some}{more})",
            fix=_FIX,
        )
