"""The rows of a bill: what a line says, how much of it, and the FOCUS frame they make."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import polars as pl

from daemon.demo.company import COMPANY, PROVIDER, REGION, Account
from daemon.demo.dice import Ints
from daemon.demo.prices import Service, Sku
from domain.charge import COLUMNS, INSTANT, MONEY, QUANTITY, RAW_SCHEMA, Kind
from domain.window import month_window

CURRENCY = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the rows of one line of a bill have in common.

    Attributes:
        service: what it is for.
        sku: what was priced; None for tax, credits and adjustments.
        account: sub account; None where the whole billing account pays.
        region: region id, "" where there is none.
        zone, resource, resource_name, resource_type: of the resource, None where there is none.
        tags: as the provider gives them.
        category, frequency, pricing: ChargeCategory, ChargeFrequency, PricingCategory.
        charge_class: `Correction` or None.
        description: ChargeDescription.
        unit: PricingUnit, None where nothing was priced.
        publisher: who made it, where that is not the provider.
        commitment: CommitmentDiscount columns by their names.
    """

    service: Service
    sku: Sku | None = None
    account: Account | None = None
    region: str = ""
    zone: str | None = None
    resource: str | None = None
    resource_name: str | None = None
    resource_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    category: str = "Usage"
    frequency: str = "Usage-Based"
    pricing: str | None = "Standard"
    charge_class: str | None = None
    description: str = ""
    unit: str | None = None
    publisher: str = ""
    sku_id: str | None = None
    commitment: Mapping[str, str] = field(default_factory=dict)

    def columns(self) -> dict[str, object]:
        """Give the FOCUS columns that all its rows share."""
        provider = PROVIDER[self.service.provider]
        account = self.account
        return {
            "BillingAccountId": provider.billing_account,
            "BillingAccountName": COMPANY,
            "BillingAccountType": provider.billing_type,
            "BillingCurrency": CURRENCY,
            "PricingCurrency": CURRENCY,
            "ProviderName": provider.name,
            "ServiceProviderName": self.publisher or provider.name,
            "HostProviderName": provider.name,
            "InvoiceIssuerName": provider.name,
            "PublisherName": self.publisher or provider.name,
            "SubAccountId": account.id if account else None,
            "SubAccountName": account.name if account else None,
            "SubAccountType": provider.sub_type if account else None,
            "RegionId": self.region or None,
            "RegionName": REGION[self.region] if self.region else None,
            "AvailabilityZone": self.zone,
            "ResourceId": self.resource,
            "ResourceName": self.resource_name if self.resource else None,
            "ResourceType": self.resource_type if self.resource else None,
            "ServiceName": self.service.name,
            "ServiceCategory": self.service.category,
            "ServiceSubcategory": self.service.subcategory,
            "Tags": json.dumps(dict(sorted(self.tags.items()))) if self.tags else None,
            "ChargeCategory": self.category,
            "ChargeClass": self.charge_class,
            "ChargeFrequency": self.frequency,
            "ChargeDescription": self.description or (self.sku.description if self.sku else None),
            "PricingCategory": self.pricing,
            "PricingUnit": self.unit,
            **self._sku_columns(),
            **self.commitment,
        }

    def _sku_columns(self) -> dict[str, object]:
        if self.sku is None:
            own = self.sku_id
            return {"SkuId": own, "SkuPriceId": own, "SkuMeter": self.description if own else None}
        consumed = self.category == "Usage" and self.commitment.get("CommitmentDiscountStatus") != "Unused"
        suffix = {"Committed": "/commitment", "Dynamic": "/spot"}.get(self.pricing or "", "")
        return {
            "SkuId": self.sku.sku_id,
            "SkuPriceId": self.sku.price_id + suffix,
            "SkuMeter": self.sku.meter,
            "SkuPriceDetails": json.dumps(self.sku.details) if self.sku.details else None,
            "ConsumedUnit": self.sku.consumed_unit if consumed else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """The numbers of some rows of a line, one array element per row.

    Attributes:
        starts, ends: charge period, in hours since 1970.
        quantity: millionths of a pricing unit; None where nothing was priced.
        list_price, contract_price: millionths of a USD; None likewise.
        billed, effective, list, contracted: costs in 1E-12 USD.
        committed: CommitmentDiscountQuantity in 1E-12, None where not applicable.
    """

    starts: Ints
    ends: Ints
    billed: Ints
    effective: Ints
    list: Ints
    contracted: Ints
    quantity: Ints | None = None
    list_price: Ints | None = None
    contract_price: Ints | None = None
    committed: Ints | None = None


_NUMBERS = ("starts", "ends", "billed", "effective", "list", "contracted")
_OPTIONAL = ("quantity", "list_price", "contract_price", "committed")


class Sheet:
    """Collects the rows of one bill."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._parts: list[Amounts] = []

    def add(self, line: Line, amounts: Amounts) -> None:
        """Add rows of a line; no rows leave no trace."""
        if len(amounts.starts):
            self._lines.append(line)
            self._parts.append(amounts)

    def total(self, name: str) -> int:
        """Sum a cost in 1E-12 USD over what was added so far."""
        return sum(int(getattr(part, name).sum()) for part in self._parts)

    def effective_between(self, first: int, end: int) -> int:
        """Sum the effective cost, in 1E-12 USD, of the rows that begin in some hours."""
        inside = ((part.starts >= first) & (part.starts < end) for part in self._parts)
        return sum(
            int(part.effective[chosen].sum()) for part, chosen in zip(self._parts, inside, strict=True)
        )

    def billed_by_account(self) -> list[tuple[Account, int]]:
        """Sum what each sub account was billed so far, in 1E-12 USD, in order of first mention."""
        sums: dict[Account, int] = {}
        for line, part in zip(self._lines, self._parts, strict=True):
            if line.account is not None:
                sums[line.account] = sums.get(line.account, 0) + int(part.billed.sum())
        return list(sums.items())

    def frame(self, period: str, *, invoice: str | None) -> pl.DataFrame:
        """Give the bill as a frame of `RAW_SCHEMA`, in the order of adding: equal bills are equal bytes."""
        if not self._parts:
            return pl.DataFrame(schema=RAW_SCHEMA)
        lines = pl.DataFrame(
            [{"line": index, **line.columns()} for index, line in enumerate(self._lines)],
            schema={
                "line": pl.Int64(),
                **{c.name: pl.String() for c in COLUMNS if c.kind in {Kind.TEXT, Kind.JSON}},
            },
        )
        factors = [line.sku.consumed_per_unit if line.sku else 1 for line in self._lines]
        lines = lines.with_columns(pl.Series("factor", factors, dtype=pl.Int64()))
        window = month_window(period)
        columns = {
            **_COLUMNS,
            "x_CreditsApplied": pl.lit(None, dtype=MONEY),
            "BillingPeriodStart": pl.lit(window.start, dtype=INSTANT),
            "BillingPeriodEnd": pl.lit(window.end, dtype=INSTANT),
            "InvoiceId": pl.lit(invoice, dtype=pl.String()),
        }
        joined = self._numbers().join(lines, on="line", maintain_order="left")
        return joined.select(
            columns.get(name, pl.col(name)).cast(dtype).alias(name) for name, dtype in RAW_SCHEMA.items()
        )

    def _numbers(self) -> pl.DataFrame:
        counts = [len(part.starts) for part in self._parts]
        columns: dict[str, pl.Series] = {
            "line": pl.Series(np.repeat(np.arange(len(counts), dtype=np.int64), counts))
        }
        for name in _NUMBERS:
            columns[name] = pl.Series(np.concatenate([getattr(part, name) for part in self._parts]))
        for name in _OPTIONAL:
            given = [getattr(part, name) for part in self._parts]
            columns[name] = pl.concat(
                [
                    pl.Series([None], dtype=pl.Int64()).new_from_index(0, count)
                    if values is None
                    else pl.Series(np.asarray(values, dtype=np.int64))
                    for values, count in zip(given, counts, strict=True)
                ]
            )
        return pl.DataFrame(columns)


def _pico(name: str, dtype: pl.DataType = MONEY) -> pl.Expr:
    return pl.col(name).cast(dtype) * pl.lit(Decimal("1e-12"), dtype=dtype)


def _micro(numbers: pl.Expr) -> pl.Expr:
    return numbers.cast(QUANTITY) * pl.lit(Decimal("1e-6"), dtype=QUANTITY)


def _instant(hours: str) -> pl.Expr:
    return pl.from_epoch(pl.col(hours) * 3600, time_unit="s").dt.replace_time_zone("UTC")


_COLUMNS = {
    "BilledCost": _pico("billed"),
    "EffectiveCost": _pico("effective"),
    "ListCost": _pico("list"),
    "ContractedCost": _pico("contracted"),
    "PricingCurrencyEffectiveCost": _pico("effective"),
    "PricingQuantity": _micro(pl.col("quantity")),
    "ConsumedQuantity": pl.when(pl.col("ConsumedUnit").is_not_null()).then(
        _micro(pl.col("quantity") * pl.col("factor"))
    ),
    "ListUnitPrice": _micro(pl.col("list_price")),
    "ContractedUnitPrice": _micro(pl.col("contract_price")),
    "PricingCurrencyListUnitPrice": _micro(pl.col("list_price")),
    "PricingCurrencyContractedUnitPrice": _micro(pl.col("contract_price")),
    "CommitmentDiscountQuantity": _pico("committed", QUANTITY),
    "ChargePeriodStart": _instant("starts"),
    "ChargePeriodEnd": _instant("ends"),
}
"""How the FOCUS columns that are no text follow from a row's numbers."""
