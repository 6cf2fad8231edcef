"""Months of a Google Cloud usage export as BigQuery has them: generated, and added up without our code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

Row = dict[str, Any]

ACCOUNT = "01A09A-A37EA6-F0AC6C"
COMPUTE = {"id": "6F81-5844-456A", "description": "Compute Engine"}
_NUMERIC = Decimal("0.000000001")


def usage(**fields: Any) -> Row:
    """Give one row of a detailed export; name what the test is about, the rest has defaults.

    `start` and `hours` make the usage period, `month` (`YYYYMM`) the invoice month.
    """
    start = fields.pop("start", datetime(2026, 6, 10, 7, tzinfo=UTC))
    hours = fields.pop("hours", 1)
    month = fields.pop("month", f"{start:%Y%m}")
    project = fields.pop("project", "shop")
    sku = fields.pop("sku", "N2 Instance Core running in Americas")
    quantity = fields.pop("quantity", 3600 * hours)
    inherited = fields.pop("project_labels", [{"key": "env", "value": "prod"}])
    row: Row = {
        "billing_account_id": ACCOUNT,
        "currency": "USD",
        "invoice": {"month": month},
        "cost_type": "regular",
        "service": COMPUTE,
        "sku": {"id": sku_id(sku), "description": sku},
        "usage_start_time": start,
        "usage_end_time": start + timedelta(hours=hours),
        "export_time": start + timedelta(hours=hours + 5),
        "project": {"id": project, "name": project.title(), "labels": inherited},
        "location": {"location": "us-central1", "region": "us-central1", "zone": "us-central1-a"},
        "cost": 0.1,
        "cost_at_list": 0.1,
        "usage": {
            "amount": float(quantity),
            "unit": "seconds",
            "amount_in_pricing_units": quantity / 3600,
            "pricing_unit": "hour",
        },
        "price": {
            "list_price": Decimal("0.1"),
            "effective_price": Decimal("0.1"),
            "tier_start_amount": Decimal(0),
            "pricing_unit_quantity": Decimal(1),
        },
        "resource": {
            "name": f"{project}-1",
            "global_name": f"//compute.googleapis.com/projects/{project}/zones/a/instances/1",
        },
        "labels": [{"key": "team", "value": "web"}],
        "system_labels": [],
        "tags": [],
        "credits": [],
        "subscription": None,
        "consumption_model": None,
        "adjustment_info": None,
        "seller_name": None,
        "transaction_type": "GOOGLE",
    }
    return row | fields


def sku_id(description: str) -> str:
    """Give an id for a SKU that is the same in every run."""
    return f"{sum(map(ord, description)) % 0xFFFF:04X}-{len(description):04X}-C0DE"


def credit(kind: str, amount: float, name: str = "") -> dict[str, Any]:
    """Give one credit as the export has it."""
    name = name or kind.replace("_", " ").title()
    return {"type": kind, "name": name, "full_name": name, "id": kind.lower(), "amount": amount}


def committed(amount: float) -> dict[str, Any]:
    """Give the credit of a commitment for resources."""
    return credit("COMMITTED_USAGE_DISCOUNT", amount, "Committed Usage Discount: CPU")


def fee(cost: float, *, quantity: float = 0, **fields: Any) -> Row:
    """Give the fee of a commitment for N2 cores in us-central1."""
    defaults = {
        "sku": "Commitment v1: N2 Cpu in Americas for 1 Year",
        "project": "billing",
        "labels": [],
        "resource": None,
        "subscription": {"instance_id": "sub-1"},
        "cost_at_list": cost,
        "hours": 24,
    }
    return usage(cost=cost, quantity=quantity, **(defaults | fields))


def tax(cost: float, **fields: Any) -> Row:
    """Give a line of tax."""
    return _invoice_line("tax", cost, "Tax", **fields)


def rounding(cost: float, **fields: Any) -> Row:
    """Give the line that makes an invoice whole cents."""
    return _invoice_line("rounding_error", cost, "Rounding error", **fields)


def adjustment(cost: float, *, days_back: int = 20, **fields: Any) -> Row:
    """Give a correction of usage some days before the month."""
    row = _invoice_line("adjustment", cost, "Adjustment", **fields)
    for name in ("usage_start_time", "usage_end_time"):
        row[name] -= timedelta(days=days_back)
    row["adjustment_info"] = {"id": "adj1", "mode": "PARTIAL_CORRECTION", "type": "USAGE_CORRECTION"}
    return row


def _invoice_line(kind: str, cost: float, sku: str, **fields: Any) -> Row:
    defaults = {
        "cost_type": kind,
        "sku": sku,
        "labels": [],
        "resource": None,
        "cost_at_list": cost,
        "price": None,
    }
    return usage(cost=cost, service={"id": "INVOICE", "description": "Invoice"}, **(defaults | fields))


def month_rows(month: str, *, days: int = 28, seed: int = 7) -> list[Row]:
    """Give a month with every kind of line there is: both shapes of commitments, spot, GPUs, credits, tax."""
    random, first = (
        Random(f"{month}{seed}"),  # noqa: S311  # a seed makes the same month again
        datetime.strptime(f"{month}01 08", "%Y%m%d %H").replace(tzinfo=UTC),
    )
    found: list[Row] = []
    for day in range(days):
        start = first + timedelta(days=day)
        for project in ("shop", "search", "ml"):
            found.extend(_day(start, month, project, random))
        found.append(fee(round(random.uniform(4, 6), 6), quantity=24 * 3600 * 4, start=start, month=month))
    found += [tax(1.9, start=first, month=month), rounding(0.003412, start=first, month=month)]
    found += [
        adjustment(-5.0, start=first, month=month),
        adjustment(2.5, start=first, month=month, days_back=0),
    ]
    return found


def _day(start: datetime, month: str, project: str, random: Random) -> Iterator[Row]:
    def cost() -> float:
        return round(random.uniform(0.01, 9), random.choice((2, 6, 9)))

    same: dict[str, Any] = {"start": start, "month": month, "project": project, "hours": 1}
    price = cost()
    yield usage(cost=price, cost_at_list=price * 1.1, credits=[committed(-price)], **same)
    price = cost()
    granted = [credit("SUSTAINED_USAGE_DISCOUNT", -price / 5), credit("PROMOTION", -price / 3, "Free trial")]
    yield usage(cost=price, sku="N2 Instance Ram running in Americas", credits=granted, **same)
    yield usage(cost=cost(), sku="Spot Preemptible N2 Instance Core running in Americas", **same)
    spec = [{"key": "compute.googleapis.com/machine_spec", "value": "a2-highgpu-2g"}]
    yield usage(cost=cost(), sku="Nvidia Tesla A100 GPU running in Americas", system_labels=spec, **same)
    storage = {"id": "95FF-2EF5-5EA1", "description": "Cloud Storage"}
    yield usage(
        cost=5e-06, cost_at_list=None, sku="Standard Storage US Regional", service=storage, price=None, **same
    )
    model = {"id": "AAAA-BBBB-CCCC", "description": "Compute Flexible CUDs 1 Year"}
    yield usage(cost=cost(), sku="E2 Instance Core running in Americas", consumption_model=model, **same)
    flexible, used = cost(), random.uniform(0, 1)
    yield fee(
        flexible,
        sku="Commitment - dollar based v1: GCE for 1 Year",
        credits=[credit("FEE_UTILIZATION_OFFSET", -flexible * used)],
        subscription={"instance_id": "sub-flex"},
        **(same | {"project": "billing"}),
    )


def numeric(value: object) -> Decimal:
    """Give what BigQuery makes of a float: NUMERIC, nine digits, halves away from zero."""
    return Decimal(str(value or 0)).quantize(_NUMERIC, rounding=ROUND_HALF_UP)


def invoice(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Decimal]:
    """Add up cost and all credits per account and currency, as Google's own documentation does."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        granted = sum((numeric(one["amount"]) for one in row["credits"] or ()), Decimal(0))
        sums[row["billing_account_id"], row["currency"]] += numeric(row["cost"]) + granted
    return dict(sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What `sql.summary` groups by."""

    billing_account_id: str
    currency: str
    region: str | None
    service_id: str | None
    service: str | None
    sku_id: str | None
    sku: str | None
    subscription: str | None
    usage_unit: str | None
    cost_type: str | None


def summary(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, str | None]]:
    """Answer `sql.summary`: what rows add up to per account, place, SKU and commitment."""
    groups: defaultdict[_Key, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[_key(row)].append(row)
    return [_answer(key, members) for key, members in groups.items()]


def _key(row: Mapping[str, Any]) -> _Key:
    return _Key(
        billing_account_id=row["billing_account_id"],
        currency=row["currency"],
        region=(row.get("location") or {}).get("region"),
        service_id=(row.get("service") or {}).get("id"),
        service=(row.get("service") or {}).get("description"),
        sku_id=(row.get("sku") or {}).get("id"),
        sku=(row.get("sku") or {}).get("description"),
        subscription=(row.get("subscription") or {}).get("instance_id"),
        usage_unit=(row.get("usage") or {}).get("unit"),
        cost_type=row.get("cost_type"),
    )


def _answer(key: _Key, rows: list[Mapping[str, Any]]) -> dict[str, str | None]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        by_type: defaultdict[str, Decimal] = defaultdict(Decimal)
        for one in row["credits"] or ():
            by_type[one["type"]] += numeric(one["amount"])
        cost, amount = numeric(row["cost"]), numeric((row.get("usage") or {}).get("amount"))
        resources, dollars = (
            by_type["COMMITTED_USAGE_DISCOUNT"],
            by_type["COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE"],
        )
        paid, listed = -(resources + dollars), row.get("cost_at_list")
        sums["cost"] += cost
        sums["credits"] += sum(by_type.values())
        sums["applied"] += sum(value for kind, value in by_type.items() if kind != "PROMOTION")
        sums["offset"] += by_type["FEE_UTILIZATION_OFFSET"]
        if by_type["FEE_UTILIZATION_OFFSET"]:
            sums["settled"] += cost + sum(value for kind, value in by_type.items() if kind != "PROMOTION")
        sums["dollars"] += dollars
        sums["quantity"] += amount
        if paid:
            sums["covered"] += numeric(numeric(listed) * paid / cost) if cost and listed is not None else paid
            sums["covered_quantity"] += numeric(amount * paid / cost) if cost else Decimal(0)
    projects = sorted({(row.get("project") or {}).get("id") for row in rows} - {None})
    arrived = [int(row["_PARTITIONTIME"].timestamp()) for row in rows if "_PARTITIONTIME" in row]
    return {
        **{name: getattr(key, name) for name in _Key.__dataclass_fields__},
        "count": str(len(rows)),
        **{name: format(sums[name], "f") for name in _SUMS},
        "first_project": projects[0] if projects else None,
        "last_project": projects[-1] if projects else None,
        "first_partition": str(min(arrived)) if arrived else None,
        "last_partition": str(max(arrived)) if arrived else None,
    }


_SUMS = (
    *("cost", "credits", "applied", "offset", "settled", "dollars"),
    *("covered", "quantity", "covered_quantity"),
)
