"""Which commitments' fees pay for which usage of a month, and how much of them was used. Pure.

Google bills a commitment on a SKU of its own, and the usage that it covers at the usual price with a
credit that takes the price off again. So covered usage looks free, and the fee looks like nobody's. The
second pass gives the fee to the usage, as far as it was used, and names the rest.

It runs *before* the rows are read: `sql.summary` says per SKU what the fees and the covered usage of the
month are, `plan` decides from that (a few thousand rows) how much of each fee was used, and
`spread.Spread` hands it out while the charges stream by. So the memory it takes does not grow with the
bill, and no charge is ever stored without its share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from collectors.gcp.skus import sku_of
from collectors.gcp.summary import Account, Group
from domain.money import EXACT, stored

CoveredKey = tuple[Account, str, str, str]
"""(account, region, SKU, subscription) of covered usage"""

FeeKey = tuple[Account, str, str, str]
"""(account, region, SKU, subscription) of a fee"""

PoolKey = tuple[str, ...]

_DEFAULT_FAMILY = "N1"
"""Commitments that name no family are for these machines, and their SKUs do not always say so either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Commitments whose fees are shared out together: Google does not tell which one covered which usage.

    Attributes:
        id: the id of the commitment, or a name for several: `us-central1 N2 CPU`.
        name: what it is called on the bill.
        account: who pays.
        region: where it holds, "" if everywhere.
        category: `Usage` for resources, `Spend` for an amount per hour.
        project: where it was bought, "" if in several.
        fee: what was billed for it in the month.
        used: the part that covered usage bears.
        weight: list value of all usage that it covered.
        committed: the quantity that was bought, in `unit`; 0 for an amount.
        unused_quantity: the part of it that nothing used.
        unit: Google's unit of both.
        service_id: of the fee's SKU.
        service: name of that service.
        sku_id: of the fee, "" if there are several.
    """

    id: str
    name: str
    account: Account
    region: str
    category: str
    project: str
    fee: Decimal
    used: Decimal
    weight: Decimal
    committed: Decimal = Decimal(0)
    unused_quantity: Decimal = Decimal(0)
    unit: str = ""
    service_id: str = ""
    service: str = ""
    sku_id: str = ""

    @property
    def unused(self) -> Decimal:
        """Give the part of the fee that nothing used."""
        return EXACT.subtract(self.fee, self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The second pass of a month, decided.

    Attributes:
        pools: by key.
        of_fee: which pool a fee belongs to.
        of_usage: which pool covered some usage.
        orphans: list value of covered usage whose commitment is billed elsewhere, per account.
    """

    pools: Mapping[PoolKey, Pool] = field(default_factory=dict)
    of_fee: Mapping[FeeKey, PoolKey] = field(default_factory=dict)
    of_usage: Mapping[CoveredKey, PoolKey] = field(default_factory=dict)
    orphans: Mapping[Account, Decimal] = field(default_factory=dict)


def key_of(group: Group) -> CoveredKey:
    """Give what rows and groups of one account, place, SKU and subscription share."""
    return group.account, group.region, group.sku_id, group.subscription


def plan(groups: Iterable[Group]) -> Plan:
    """Decide how the fees of a month are shared out."""
    known = [group for group in groups if group.is_regular]
    fees = [group for group in known if sku_of(group.sku).is_fee]
    covered = [group for group in known if group.covered and not sku_of(group.sku).is_fee]
    named = {group.subscription for group in covered if group.subscription}
    pool_of = {key_of(fee): _pool_key(fee, named) for fee in fees}
    places = _Places(pool_of.values())
    of_usage, orphans = {}, defaultdict[Account, Decimal](Decimal)
    for group in covered:
        pool = places.of(group)
        if pool is None:
            orphans[group.account] += group.covered
        else:
            of_usage[key_of(group)] = pool
    members: defaultdict[PoolKey, tuple[list[Group], list[Group]]] = defaultdict(lambda: ([], []))
    for fee in fees:
        members[pool_of[key_of(fee)]][0].append(fee)
    for group in covered:
        if (pool := of_usage.get(key_of(group))) is not None:
            members[pool][1].append(group)
    return Plan(
        pools={key: _pool(key, *members[key]) for key in sorted(members)},
        of_fee=pool_of,
        of_usage=of_usage,
        orphans=dict(orphans),
    )


def _is_spend(fee: Group) -> bool:
    return "dollar based" in fee.sku.lower() or bool(fee.offset)


def _pool_key(fee: Group, named: set[str]) -> PoolKey:
    """Give the pool of a fee: its own if usage names it, else that of its place and machines."""
    if fee.subscription and fee.subscription in named:
        return "id", *fee.account, fee.subscription
    if _is_spend(fee):
        return "spend", *fee.account, fee.service_id, fee.region
    sku = sku_of(fee.sku)
    return "usage", *fee.account, fee.region, sku.meter, sku.family or _DEFAULT_FAMILY


class _Places:
    """Finds the pool of some usage: the closest one that can have paid for it."""

    def __init__(self, pools: Iterable[PoolKey]) -> None:
        self._pools = frozenset(pools)
        loose: defaultdict[PoolKey, set[PoolKey]] = defaultdict(set)
        for pool in self._pools:
            if pool[0] == "usage":
                loose[pool[:5]].add(pool)
            elif pool[0] == "spend":
                loose["spend", *pool[1:4]].add(pool)
                loose["spend", *pool[1:3]].add(pool)
        self._loose = loose

    def of(self, group: Group) -> PoolKey | None:
        """Give the pool that covered a group of usage; None if its fee is not in this month's rows."""
        sku, account = sku_of(group.sku), group.account
        if group.dollars:
            service: PoolKey = ("spend", *account, group.service_id)
            exact: list[PoolKey] = [(*service, group.region), (*service, ""), (*service, "global")]
            wider: list[PoolKey] = [service, ("spend", *account)]
        else:
            place: PoolKey = ("usage", *account, group.region, sku.meter)
            exact, wider = [(*place, sku.family or _DEFAULT_FAMILY)], [] if sku.family else [place]
        exact.insert(0, ("id", *account, group.subscription))
        for pool in exact:
            if pool in self._pools:
                return pool
        for place in wider:
            if len(self._loose[place]) == 1:
                return next(iter(self._loose[place]))
        return None


def _pool(key: PoolKey, fees: list[Group], covered: list[Group]) -> Pool:
    with localcontext(EXACT):
        fee = sum((one.cost + one.applied for one in fees), Decimal(0))
        weight = sum((one.covered for one in covered), Decimal(0))
        share, committed, unit = _used_share(fees, covered)
        used = _used(fees, fee, weight, share)
        subscriptions = sorted({one.subscription for one in fees if one.subscription})
        single = len(subscriptions) == 1
        return Pool(
            id=subscriptions[0] if single else " ".join(part for part in key[3:] if part) or "commitments",
            name=min(one.sku for one in fees),
            account=fees[0].account,
            region=min({one.region for one in fees}) if len({one.region for one in fees}) == 1 else "",
            category="Spend" if any(_is_spend(one) for one in fees) else "Usage",
            project=fees[0].project if len({one.project for one in fees}) == 1 else "",
            fee=fee,
            used=used,
            weight=weight,
            committed=committed,
            unused_quantity=committed - stored(committed * share),
            unit=unit,
            service_id=fees[0].service_id,
            service=fees[0].service,
            sku_id=fees[0].sku_id if len({one.sku_id for one in fees}) == 1 else "",
        )


def _used_share(fees: list[Group], covered: list[Group]) -> tuple[Decimal, Decimal, str]:
    """Give which share of what was committed was used, the quantity committed, and its unit.

    Quantities tell where both sides have them in one unit. Where they do not, what covered something
    counts as used.
    """
    units = {one.unit for one in (*fees, *covered)}
    committed = sum((one.quantity for one in fees), Decimal(0))
    if len(units) != 1 or committed <= 0:
        return (Decimal(1) if covered else Decimal(0)), Decimal(0), ""
    used = sum((one.covered_quantity for one in covered), Decimal(0))
    return max(Decimal(0), min(Decimal(1), used / committed)), committed, next(iter(units))


def _used(fees: list[Group], fee: Decimal, weight: Decimal, share: Decimal) -> Decimal:
    """Give the part of a fee that covered usage bears.

    A row of a fee with an offset is settled already: since July 2025 covered usage is billed at the price
    of the commitment, and what is left of the fee is what nothing used. In the month in which an account
    changed over, other rows of it still cover usage by credits. An amount per hour that is more than the
    list value of all it covered was not used to its end either.
    """
    if weight <= 0:
        return Decimal(0)
    if any(_is_spend(one) for one in fees):
        return min(fee - sum((one.settled for one in fees), Decimal(0)), weight)
    return stored(fee * share)
