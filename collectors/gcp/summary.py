"""What BigQuery says an invoice month adds up to: the yardstick for the rows that follow. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Account = tuple[str, str]
"""(billing account, currency)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What the rows of one account, currency, place, SKU and commitment add up to.

    Attributes:
        account: billing account and currency.
        region: where, "" if nowhere.
        service_id: Google's id of the service.
        service: its name.
        sku_id: Google's id of the SKU.
        sku: its description.
        subscription: id of the commitment that the rows name, "" if none.
        unit: of `quantity`.
        cost_type: `regular`, `tax`, …
        count: number of rows.
        cost: before credits.
        credits: all of them.
        applied: those that are discounts, not payments.
        offset: the part of a commitment's fee that was used up, negative.
        settled: what remains of the rows that have such an offset.
        dollars: credits for commitments to spend an amount, negative.
        covered: list value of usage that commitments paid for.
        quantity: what was used.
        covered_quantity: the part of it that commitments paid for.
        project: the project of all these rows, "" if there are several or none.
        partitions: oldest and newest partition that the rows lie in.
    """

    account: Account
    region: str = ""
    service_id: str = ""
    service: str = ""
    sku_id: str = ""
    sku: str = ""
    subscription: str = ""
    unit: str = ""
    cost_type: str = "regular"
    count: int = 0
    cost: Decimal = Decimal(0)
    credits: Decimal = Decimal(0)
    applied: Decimal = Decimal(0)
    offset: Decimal = Decimal(0)
    settled: Decimal = Decimal(0)
    dollars: Decimal = Decimal(0)
    covered: Decimal = Decimal(0)
    quantity: Decimal = Decimal(0)
    covered_quantity: Decimal = Decimal(0)
    project: str = ""
    partitions: tuple[datetime, datetime] | None = None

    @property
    def is_regular(self) -> bool:
        """Tell usage and fees from tax, adjustments and rounding."""
        return self.cost_type in {"", "regular"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """An invoice month as BigQuery adds it up.

    Attributes:
        groups: per account, currency, place, SKU and commitment.
        billed: what the invoice says per account and currency: cost and all credits.
        has_credits: cost and credits are told apart, which Google's FOCUS export does not do.
    """

    groups: Sequence[Group] = ()
    billed: Mapping[Account, Decimal] = field(default_factory=dict)
    has_credits: bool = True

    @property
    def rows(self) -> int:
        """Count the rows of the month."""
        return sum(group.count for group in self.groups)

    @property
    def partitions(self) -> tuple[datetime, datetime] | None:
        """Give the oldest and newest partition that the month lies in."""
        known = [group.partitions for group in self.groups if group.partitions]
        return (min(first for first, _ in known), max(last for _, last in known)) if known else None


def of_groups(groups: Iterable[Group]) -> Summary:
    """Give the summary of some groups; cost and all credits are what the invoice says."""
    kept = tuple(groups)
    billed: defaultdict[Account, Decimal] = defaultdict(Decimal)
    for group in kept:
        billed[group.account] += group.cost + group.credits
    return Summary(groups=kept, billed=dict(billed))


_TEXTS = ("region", "service_id", "service", "sku_id", "sku", "subscription", "cost_type")
_AMOUNTS = (
    *("cost", "credits", "applied", "offset", "settled", "dollars"),
    *("covered", "quantity", "covered_quantity"),
)


def of_answer(rows: Iterable[Mapping[str, Any]]) -> Summary:
    """Read the answer to `sql.summary`."""
    return of_groups(_group(row) for row in rows)


def _group(row: Mapping[str, Any]) -> Group:
    texts: dict[str, Any] = {name: row.get(name) or "" for name in _TEXTS}
    amounts: dict[str, Any] = {name: Decimal(row.get(name) or 0) for name in _AMOUNTS}
    project = row.get("first_project")
    return Group(
        account=(row.get("billing_account_id") or "", row.get("currency") or ""),
        unit=row.get("usage_unit") or "",
        count=int(row.get("count") or 0),
        project=project if project and project == row.get("last_project") else "",
        partitions=_partitions(row),
        **texts,
        **amounts,
    )


def _partitions(row: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    first, last = row.get("first_partition"), row.get("last_partition")
    if first is None or last is None:
        return None
    return datetime.fromtimestamp(int(first), tz=UTC), datetime.fromtimestamp(int(last), tz=UTC)
