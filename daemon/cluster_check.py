"""Clusters against their bill: what was found, what was split, and what the provider itself says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

import polars as pl

from attribution.star import Star
from attribution.subjects import texts_of
from attribution.workloads import WORKLOAD_KEYS
from daemon.cluster_bill import days_of, read_bill
from daemon.cluster_joins import joined
from daemon.cluster_lost import lost_between
from daemon.cluster_usage import Usage
from domain.charge import COSTS, INSTANT
from domain.money import EXACT

if TYPE_CHECKING:
    from daemon.cluster_bill import ClusterBill
    from daemon.cluster_joins import Joined
    from daemon.cluster_lost import Lost
    from daemon.rooms import Rooms
    from domain.delivery import Delivery

_COST = COSTS["effective"]
_ZERO = Decimal(0)
_COMPARED_KINDS = ("workload", "volume")
"""Parts that providers split too."""

_SPLIT = pl.Schema(
    {
        "source": pl.String(),
        "billing_period": pl.String(),
        "dim_id": pl.Int64(),
        "ChargePeriodStart": INSTANT,
        "price_id": pl.Int64(),
        "ResourceId": pl.String(),
    }
)
"""Charges that we split: what the provider says is compared on these alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The money of one cluster on one month's bill, in effective cost.

    Attributes:
        source, billing_period, cluster, currency: whose.
        charges: of everything of the cluster that was found on the bill.
        parents: what of them was split.
        parts: what the parts add up to.
        missing_hours: hours of charges that stay whole because usage is missing.
    """

    source: str
    billing_period: str
    cluster: str
    currency: str
    charges: Decimal
    parents: Decimal
    parts: Decimal
    missing_hours: int

    @property
    def whole(self) -> Decimal:
        """Give what stays with the machines."""
        return EXACT.subtract(self.charges, self.parents)

    @property
    def holds(self) -> bool:
        """Tell whether the parts are the charges, to the last digit."""
        return self.parents == self.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """What a namespace costs, by us and by the provider.

    Attributes:
        cluster, namespace, currency: whose.
        ours: effective cost of its parts, without idle capacity.
        providers: as the provider splits it, None if it does not.
    """

    cluster: str | None
    namespace: str | None
    currency: str
    ours: Decimal
    providers: Decimal | None

    @property
    def difference(self) -> Decimal | None:
        """Give ours minus the provider's."""
        return None if self.providers is None else EXACT.subtract(self.ours, self.providers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Everything that is said of clusters."""

    nodes: tuple[Joined, ...]
    held: tuple[Held, ...]
    namespaces: tuple[Namespace, ...]
    lost: tuple[Lost, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether all parts are their charges."""
        return all(one.holds for one in self.held)


def check_clusters(rooms: Rooms, star: Star) -> Checked:
    """Compare clusters with their bills, and our split with the provider's."""
    newest: dict[tuple[str, str], Delivery] = {
        (one.source, one.billing_period): one for one in rooms.ledger.deliveries() if one.first_day
    }
    if not newest:
        return Checked(nodes=(), held=(), namespaces=())
    usage, held, split = Usage(rooms), [], [_SPLIT.to_frame()]
    for _, delivery in sorted(newest.items()):
        bill = read_bill(rooms.ledger, usage, delivery, rooms.settings.allocation)
        if bill is not None and not bill.things.is_empty():
            held += _held(rooms, star, bill)
            split.append(_named(bill))
    spans = [days_of(one) for one in newest.values()]
    start, end = min(begin for begin, _ in spans), max(until for _, until in spans)
    return Checked(
        nodes=tuple(joined(rooms, start, end)),
        held=tuple(held),
        namespaces=tuple(_namespaces(rooms, star, pl.concat(split))),
        lost=tuple(lost_between(usage, start, end, rooms.settings.allocation)),
    )


def _named(bill: ClusterBill) -> pl.DataFrame:
    """Give the charges of a bill that are split, with the resource as the provider calls it."""
    called = bill.resources.select("dim_id", "ResourceId").unique("dim_id")
    place = {"source": bill.delivery.source, "billing_period": bill.delivery.billing_period}
    named = bill.parents.join(called, on="dim_id").with_columns(**{k: pl.lit(v) for k, v in place.items()})
    return named.select(_SPLIT.names())


def _held(rooms: Rooms, star: Star, bill: ClusterBill) -> list[Held]:
    source, period = bill.delivery.source, bill.delivery.billing_period
    place = bill.things.select("dim_id", "cluster").unique("dim_id")
    currencies = star.resources.select("dim_id", "BillingCurrency")
    mine = rooms.ledger.charges(sources=[source], periods=[period]).join(place.lazy(), on="dim_id")
    keys = ["dim_id", "ChargePeriodStart", "price_id"]
    by = ["cluster", "BillingCurrency"]
    named = mine.join(currencies.lazy(), on="dim_id")
    charges = named.group_by(by).agg(pl.col(_COST).sum().alias("charges"))
    split = named.join(bill.parents.lazy(), on=keys, how="semi")
    parents = split.group_by(by).agg(pl.col(_COST).sum().alias("parents"))
    facts = rooms.ledger.attributable(sources=[source], periods=[period])
    cut = texts_of(star.resources.filter(pl.col("x_AllocationKind").is_not_null()), ["cluster"])
    names = cut.frame.select("dim_id", cut.first("cluster").alias("cluster"))
    pieces = facts.join(names.lazy(), on="dim_id").join(currencies.lazy(), on="dim_id")
    parts = pieces.group_by(by).agg(pl.col(_COST).sum().alias("parts"))
    rows = (
        charges.join(parents, on=by, how="left")
        .join(parts, on=by, how="left")
        .sort(by)
        .collect(engine="streaming")
    )
    hours = (
        bill.left.join(bill.windows, on="window")
        .join(place, on="dim_id")
        .group_by("cluster")
        .agg(pl.col("hours").sum())
    )
    missing = dict(hours.iter_rows())
    return [
        Held(
            source=source,
            billing_period=period,
            cluster=row["cluster"],
            currency=row["BillingCurrency"],
            charges=row["charges"] or _ZERO,
            parents=row["parents"] or _ZERO,
            parts=row["parts"] or _ZERO,
            missing_hours=missing.get(row["cluster"], 0),
        )
        for row in rows.iter_rows(named=True)
    ]


def _namespaces(rooms: Rooms, star: Star, split: pl.DataFrame) -> list[Namespace]:
    """Compare per cluster and namespace, where the provider splits the cluster too."""
    parts = star.resources.filter(
        pl.col("x_AllocationKind").is_in(_COMPARED_KINDS), pl.col("x_EstimatedUntil").is_null()
    )
    ours = _by_namespace(rooms.ledger.attributable(), parts)
    theirs = _labelled(rooms, star, split)
    for cluster, namespace, currency, cost in _split_rows(rooms, split):
        key = (cluster, namespace, currency)
        with localcontext(EXACT):
            theirs[key] = theirs.get(key, _ZERO) + cost
    named = {(cluster, currency) for cluster, _, currency in theirs}
    return [
        Namespace(
            cluster=cluster,
            namespace=namespace,
            currency=currency,
            ours=ours.get((cluster, namespace, currency), _ZERO),
            providers=theirs.get((cluster, namespace, currency), _ZERO)
            if (cluster, currency) in named
            else None,
        )
        for cluster, namespace, currency in sorted(
            ours.keys() | theirs.keys(), key=lambda key: tuple(part or "" for part in key)
        )
    ]


Key = tuple[str | None, str | None, str]


def _by_namespace(facts: pl.LazyFrame, resources: pl.DataFrame) -> dict[Key, Decimal]:
    if resources.is_empty():
        return {}
    texts = texts_of(resources, ["cluster", "namespace"])
    names = texts.frame.select(
        "dim_id", texts.first("cluster").alias("cluster"), texts.first("namespace").alias("namespace")
    )
    named = names.join(resources.select("dim_id", "BillingCurrency"), on="dim_id")
    summed = facts.join(named.lazy(), on="dim_id").group_by("cluster", "namespace", "BillingCurrency")
    rows = summed.agg(pl.col(_COST).sum()).collect(engine="streaming")
    return {(cluster, namespace, currency): cost for cluster, namespace, currency, cost in rows.iter_rows()}


def _labelled(rooms: Rooms, star: Star, split: pl.DataFrame) -> dict[Key, Decimal]:
    """Give what charges that the provider itself labelled with a namespace cost, as GKE does."""
    whole = star.resources.filter(pl.col("x_AllocationKind").is_null())
    texts = texts_of(whole, ["namespace"])
    said = texts.frame.select("dim_id", texts.first("namespace").alias("namespace")).drop_nulls()
    keys = ["source", "billing_period", "dim_id", "ChargePeriodStart", "price_id"]
    charges = rooms.ledger.charges().join(split.lazy(), on=keys, how="semi")
    return _by_namespace(charges, whole.join(said, on="dim_id", how="semi"))


def _split_rows(rooms: Rooms, split: pl.DataFrame) -> Iterable[tuple[str | None, str | None, str, Decimal]]:
    """Give what the provider's own split rows (AWS split cost allocation) say, without what is unused."""

    def tag(name: str) -> pl.Expr:
        return pl.coalesce(pl.col("AllocatedTags").map.get(key) for key in WORKLOAD_KEYS[name]).alias(name)

    keys = ["source", "billing_period", "ResourceId", "ChargePeriodStart"]
    mine = rooms.ledger.allocations().join(split.lazy(), on=keys, how="semi")
    rows = mine.select(tag("cluster"), tag("namespace"), "BillingCurrency", "x_SplitCost")
    summed = rows.group_by("cluster", "namespace", "BillingCurrency").agg(pl.col("x_SplitCost").sum())
    kept = summed.filter(pl.col("namespace").is_not_null()).collect(engine="streaming")
    return kept.iter_rows()
