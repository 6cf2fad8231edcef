"""Rows of the usage export as flat text, from our SQL or nested as the table has them. Pure.

Source: the schema of the standard and of the detailed usage cost export.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import polars as pl

ROW_SCHEMA = pl.Schema(
    dict.fromkeys(
        (
            *("billing_account_id", "currency", "invoice_month", "cost_type"),
            *("service_id", "service", "sku_id", "sku"),
            *("usage_start", "usage_end", "project_id", "project_name", "location", "region", "zone"),
            *("cost", "cost_at_list", "list_price", "effective_price", "tier_start"),
            *("usage_amount", "usage_unit", "pricing_amount", "pricing_unit"),
            *("credits_applied", "credit_types", "promotions"),
            *("commitment_amount", "commitment_name", "covered", "offset"),
            *("model_id", "model", "subscription", "resource_name", "resource_global_name"),
            *("labels", "project_labels", "tags", "system_labels"),
            *("adjusted", "seller", "transaction_type"),
        ),
        pl.String(),
    )
)
"""One row of a standard or detailed export, everything as text, absent values null.

Amounts are plain decimals with at most nine digits after the point, as BigQuery's NUMERIC has them.
`credits_applied` is the sum of all credits but promotions; `promotions` are those, as JSON.
`commitment_amount` is the sum of credits for committed use, `covered` the list value of the usage that
they paid for, `offset` the part of a commitment's fee that was used up. The four kinds of labels are
JSON lists.
"""

PROMOTION = "PROMOTION"
"""Google takes it for a form of payment, so it is a charge of its own; all other credits are discounts."""

COMMITTED = ("COMMITTED_USAGE_DISCOUNT", "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE")
"""Credits that say that a commitment pays for the usage."""

OFFSET = "FEE_UTILIZATION_OFFSET"
"""The credit on a commitment's fee for what of it was used, since July 2025."""

_NUMERIC = Decimal(1).scaleb(-9)
_WIDE = Context(prec=76)


def as_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Give `ROW_SCHEMA` from flat rows, or from rows nested as the table has them."""
    if "invoice_month" in frame.columns:
        missing = [name for name in ROW_SCHEMA if name not in frame.columns]
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing).select(
            list(ROW_SCHEMA)
        )
    return flat(frame.iter_rows(named=True))


def flat(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Give nested rows as flat ones, with the sums that our SQL makes."""
    found = [_flat(row) for row in rows]
    return pl.DataFrame({name: [row.get(name) for row in found] for name in ROW_SCHEMA}, schema=ROW_SCHEMA)


def _flat(row: Mapping[str, Any]) -> dict[str, str | None]:
    at = _Path(row)
    granted = [one for one in row.get("credits") or () if one]
    taken = [one for one in granted if one.get("type") != PROMOTION]
    committed = [one for one in granted if one.get("type") in COMMITTED]
    cost, listed = numeric(row.get("cost")), numeric(row.get("cost_at_list"))
    amount = _sum(committed)
    found = {
        **{name: at.text(path) for name, path in TEXTS.items()},
        **{name: at.text(path) for name, path in QUANTITIES.items()},
        "usage_start": at.text("usage_start_time"),
        "usage_end": at.text("usage_end_time"),
        "cost": _text(cost),
        "cost_at_list": _text(listed),
        "list_price": at.price("list_price"),
        "effective_price": at.price("effective_price"),
        "credits_applied": _text(_sum(taken)),
        "credit_types": ",".join(sorted({one["type"] for one in taken if one.get("type")})) or None,
        "promotions": _promotions([one for one in granted if one.get("type") == PROMOTION]),
        "commitment_amount": _text(amount),
        "commitment_name": min((_name(one) for one in committed), default="") or None,
        "covered": _text(_covered(cost, listed, amount)),
        "offset": _text(_sum([one for one in granted if one.get("type") == OFFSET])),
        **{name: at.pairs(path) for name, path in LABELS.items()},
    }
    return {name: None if value == "" else value for name, value in found.items()}


TEXTS = {
    "billing_account_id": "billing_account_id",
    "currency": "currency",
    "invoice_month": "invoice.month",
    "cost_type": "cost_type",
    "service_id": "service.id",
    "service": "service.description",
    "sku_id": "sku.id",
    "sku": "sku.description",
    "project_id": "project.id",
    "project_name": "project.name",
    "location": "location.location",
    "region": "location.region",
    "zone": "location.zone",
    "usage_unit": "usage.unit",
    "pricing_unit": "usage.pricing_unit",
    "model_id": "consumption_model.id",
    "model": "consumption_model.description",
    "subscription": "subscription.instance_id",
    "resource_name": "resource.name",
    "resource_global_name": "resource.global_name",
    "seller": "seller_name",
    "transaction_type": "transaction_type",
    "adjusted": "adjustment_info.id",
}
"""Where the table has what is taken as it is."""

QUANTITIES = {
    "tier_start": "price.tier_start_amount",
    "usage_amount": "usage.amount",
    "pricing_amount": "usage.amount_in_pricing_units",
}
"""Where it has numbers that are no money."""

LABELS = {
    "labels": "labels",
    "project_labels": "project.labels",
    "tags": "tags",
    "system_labels": "system_labels",
}
"""Where it has lists of keys and values."""


class _Path:
    """Reads nested values by a dotted path."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row

    def value(self, path: str) -> Any:
        found: Any = self._row
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def text(self, path: str) -> str | None:
        found = self.value(path)
        if found is None:
            return None
        return found.isoformat() if hasattr(found, "isoformat") else str(found)

    def price(self, name: str) -> str | None:
        """Give a price per pricing unit; the table has it per `pricing_unit_quantity` of them."""
        price, per = numeric(self.value(f"price.{name}")), numeric(self.value("price.pricing_unit_quantity"))
        return _text(price if price is None or not per else _rounded(_WIDE.divide(price, per)))

    def pairs(self, path: str) -> str | None:
        found = self.value(path)
        return json.dumps([dict(one) for one in found], default=str) if found else None


def numeric(value: object) -> Decimal | None:
    """Give what BigQuery's `CAST(… AS NUMERIC)` gives: nine digits, halves away from zero; None if absent."""
    if value is None or value == "":
        return None
    try:
        return _rounded(Decimal(str(value)))
    except InvalidOperation:
        return None


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_NUMERIC, rounding=ROUND_HALF_UP, context=_WIDE)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _sum(granted: Sequence[Mapping[str, Any]]) -> Decimal | None:
    if not granted:
        return None
    return sum((numeric(one.get("amount")) or Decimal(0) for one in granted), Decimal(0))


def _covered(cost: Decimal | None, listed: Decimal | None, amount: Decimal | None) -> Decimal | None:
    if amount is None:
        return None
    if not cost or listed is None:
        return -amount
    return _rounded(_WIDE.divide(_WIDE.multiply(listed, -amount), cost))


def _name(credit: Mapping[str, Any]) -> str:
    return str(credit.get("full_name") or credit.get("name") or credit.get("id") or "")


def _promotions(granted: Sequence[Mapping[str, Any]]) -> str | None:
    found = [
        {"name": _name(one), "id": one.get("id"), "amount": _text(numeric(one.get("amount")) or Decimal(0))}
        for one in granted
    ]
    return json.dumps(found) if found else None
