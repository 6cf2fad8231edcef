"""The step between the bill and its owners: what clusters cost is split among who used them.

The bill is not touched. Parts stand beside it, for the delivery that they were made of, and are made
anew when the bill, the usage or the settings changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl

from daemon.cluster_bill import DAY, ClusterBill, ClusterError, days_of, read_bill
from daemon.cluster_estimates import estimate_clusters
from daemon.cluster_parts import parts_of
from daemon.cluster_usage import Usage
from daemon.logs import get_logger
from domain.charge import INSTANT
from domain.errors import ConflictError, CostdError

if TYPE_CHECKING:
    from daemon.rooms import Rooms
    from domain.delivery import Delivery
    from domain.ports import Progress

FORM = 2
"""Raised when the same usage gives other parts, so that what is stored is split anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitDone:
    """What became of one billing period of a bill.

    Attributes:
        source, billing_period: of the bill.
        parents: charges that were split.
        parts: into how many rows.
        clusters: whose.
        failed: clusters that could not be split, and why.
    """

    source: str
    billing_period: str
    parents: int = 0
    parts: int = 0
    clusters: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def split_clusters(rooms: Rooms, progress: Progress) -> list[SplitDone]:
    """Split every billing period whose delivery or usage changed; one that fails stops no other."""
    newest: dict[tuple[str, str], Delivery] = {
        (one.source, one.billing_period): one for one in rooms.ledger.deliveries() if one.first_day
    }
    if not newest:
        return []
    spans = [days_of(delivery) for delivery in newest.values()]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    # what was used later than any bill reaches is not split, but estimated
    if not rooms.ledger.usage_fingerprint(start=first - DAY, end=max(last, rooms.clock.now()) + DAY):
        return []
    usage, done, before = Usage(rooms), [], rooms.ledger.splits()
    for (source, period), delivery in sorted(newest.items()):
        key = _key(rooms, usage, delivery)
        was = before.get((source, period))
        if not key or (was is not None and (was.delivery_id, was.usage) == (delivery.id, key)):
            continue
        try:
            splitter = _Splitter(rooms=rooms, usage=usage, delivery=delivery, key=key, progress=progress)
            done.append(splitter.run())
        except CostdError as error:
            get_logger().warning("split_failed", source=source, period=period, reason=str(error))
            done.append(SplitDone(source=source, billing_period=period, failed=(str(error),)))
        except Exception as error:  # noqa: BLE001  # the job boundary: charges that stay whole stop nobody
            get_logger().exception("split_defect", source=source, period=period)
            failed = (f"costd itself failed ({type(error).__name__}); the log has the traceback",)
            done.append(SplitDone(source=source, billing_period=period, failed=failed))
        finally:
            progress.finish()
    _estimate(rooms, usage)
    return done


def _estimate(rooms: Rooms, usage: Usage) -> None:
    """Estimate what no bill has reached, and say what has no price."""
    try:
        unpriced = estimate_clusters(rooms, usage)
    except Exception as error:  # noqa: BLE001  # the job boundary: a missing estimate stops no bill
        get_logger().exception("estimate_defect", reason=str(error))
        return
    hours: dict[tuple[str, str], float] = {}
    for one in unpriced:
        hours[one.cluster, one.reason] = hours.get((one.cluster, one.reason), 0.0) + one.hours
    for (cluster, reason), count in sorted(hours.items()):
        get_logger().info("node_hours_unpriced", cluster=cluster, hours=round(count, 2), reason=reason)


def _key(rooms: Rooms, usage: Usage, delivery: Delivery) -> str:
    """Give what the parts of a delivery depend on, as a text; "" where nothing ran in its days."""
    start, end = days_of(delivery)
    hours = usage.fingerprint(start - DAY, end + DAY)
    if not hours:
        return ""
    settings = json.dumps(rooms.settings.allocation.model_dump(mode="json"), sort_keys=True)
    return sha256(f"{FORM}\n{hours}\n{settings}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Splitter:
    """One billing period on its way into parts."""

    rooms: Rooms
    usage: Usage
    delivery: Delivery
    key: str
    progress: Progress

    def run(self) -> SplitDone:
        """Split it, without the clusters that cannot be."""
        failed: dict[str, str] = {}
        settings = self.rooms.settings.allocation
        while True:
            bill = read_bill(self.rooms.ledger, self.usage, self.delivery, settings, frozenset(failed))
            try:
                return self._store(bill, tuple(failed.values()))
            except ClusterError as error:
                if error.cluster in failed:
                    raise
                get_logger().warning("cluster_not_split", cluster=error.cluster, reason=str(error))
                failed[error.cluster] = str(error)

    def _store(self, bill: ClusterBill | None, failed: tuple[str, ...]) -> SplitDone:
        from ledger.splitting import Splitting

        source, period = self.delivery.source, self.delivery.billing_period
        splitting = Splitting(
            source=source,
            billing_period=period,
            delivery_id=self.delivery.id,
            parents=bill.parents if bill is not None else pl.DataFrame(schema=_NO_PARENTS),
            usage=self.key,
        )
        now = self.rooms.clock.now()
        try:
            found = self.rooms.ledger.replace_split(splitting, self._parts(bill), seen_at=now)
        except ConflictError as error:
            return SplitDone(source=source, billing_period=period, failed=(*failed, str(error)))
        get_logger().info(
            "bill_split", source=source, period=period, parents=found.parents, parts=found.parts
        )
        return SplitDone(
            source=source,
            billing_period=period,
            parents=found.parents,
            parts=found.parts,
            clusters=tuple(sorted(bill.clusters)) if bill is not None else (),
            failed=failed,
        )

    def _parts(self, bill: ClusterBill | None) -> Iterator[pl.DataFrame]:
        if bill is None or bill.parents.is_empty():
            return
        days = bill.windows["ChargePeriodStart"].dt.date().n_unique()
        self.progress.start(f"split {self.delivery.billing_period} of {self.delivery.source}", days, "days")
        for _day, parts in parts_of(bill, self.rooms.ledger, self.usage, self.rooms.settings.allocation):
            yield parts
            self.progress.advance(1)


_NO_PARENTS = pl.Schema({"dim_id": pl.Int64(), "ChargePeriodStart": INSTANT, "price_id": pl.Int64()})
