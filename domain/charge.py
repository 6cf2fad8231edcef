"""A charge, in FOCUS words: which columns exist, their types, and where each is kept.

Source: FOCUS 1.2 (57 columns) plus the eight columns that 1.3 added, all nullable here.

The ledger keeps charges as a star. Three groups of columns, each named below:

- `RESOURCE_COLUMNS`: what ownership rules ask and who the charge belongs to. Interned
  into the resource dimension (`dim_id`), one row per distinct combination.
- `PRICE_COLUMNS`: what was priced and how. Interned into the price dimension (`price_id`).
- `FACT_COLUMNS`: when and how much; one row per charge.

What providers say beyond FOCUS is kept under own names, `x_PascalCase` as FOCUS wants them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from domain.money import PRECISION, SCALE

MONEY = pl.Decimal(PRECISION, SCALE)
"""Stored type of every cost."""

QUANTITY = pl.Decimal(PRECISION, 15)
"""Stored type of quantities and unit prices, in the unit their own column names."""

INSTANT = pl.Datetime("us", "UTC")
"""Stored type of every time."""

TAGS = pl.Map(pl.String, pl.String)
"""Stored type of key-value columns; a tag without value is the text `true`."""


class Kind(StrEnum):
    """What a FOCUS column holds; decides how it is read and stored."""

    TEXT = "text"
    COST = "cost"
    QUANTITY = "quantity"
    INSTANT = "instant"
    JSON = "json"


class Star(StrEnum):
    """The table of the star that keeps a column."""

    RESOURCE = "resource"
    PRICE = "price"
    FACT = "fact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a charge.

    Attributes:
        name: the FOCUS column id, e.g. `BilledCost`, or an own one, e.g. `x_ModelId`.
        since: the first FOCUS version that has it, e.g. `1.1`; `-` for an own column.
        kind: what it holds.
        star: where the ledger keeps it.
        required: FOCUS 1.2 forbids null, so a row without it is refused or repaired.
    """

    name: str
    since: str
    kind: Kind
    star: Star
    required: bool = False

    @property
    def dtype(self) -> pl.DataType:
        """Give the polars type of the normalised column."""
        match self.kind:
            case Kind.COST:
                return MONEY
            case Kind.QUANTITY:
                return QUANTITY
            case Kind.INSTANT:
                return INSTANT
            case Kind.TEXT | Kind.JSON:
                return pl.String()


def _columns(table: str) -> tuple[Column, ...]:
    found = []
    for line in table.strip().splitlines():
        name, since, kind, star, *required = line.split()
        found.append(
            Column(name=name, since=since, kind=Kind(kind), star=Star(star), required=bool(required))
        )
    return tuple(found)


FOCUS: tuple[Column, ...] = _columns("""
AllocatedMethodDetails              1.3 json     price
AllocatedMethodId                   1.3 text     price
AllocatedResourceId                 1.3 text     resource
AllocatedResourceName               1.3 text     resource
AllocatedTags                       1.3 json     resource
AvailabilityZone                    1.0 text     resource
BilledCost                          1.0 cost     fact     required
BillingAccountId                    1.0 text     resource required
BillingAccountName                  1.0 text     resource
BillingAccountType                  1.2 text     resource
BillingCurrency                     1.0 text     resource required
BillingPeriodEnd                    1.0 instant  price    required
BillingPeriodStart                  1.0 instant  price    required
CapacityReservationId               1.1 text     price
CapacityReservationStatus           1.1 text     price
ChargeCategory                      1.0 text     resource required
ChargeClass                         1.0 text     price
ChargeDescription                   1.0 text     price
ChargeFrequency                     1.0 text     price
ChargePeriodEnd                     1.0 instant  fact     required
ChargePeriodStart                   1.0 instant  fact     required
CommitmentDiscountCategory          1.0 text     price
CommitmentDiscountId                1.0 text     price
CommitmentDiscountName              1.0 text     price
CommitmentDiscountQuantity          1.1 quantity fact
CommitmentDiscountStatus            1.0 text     resource
CommitmentDiscountType              1.0 text     price
CommitmentDiscountUnit              1.1 text     price
ConsumedQuantity                    1.0 quantity fact
ConsumedUnit                        1.0 text     price
ContractApplied                     1.3 json     price
ContractedCost                      1.0 cost     fact
ContractedUnitPrice                 1.0 quantity price
EffectiveCost                       1.0 cost     fact
HostProviderName                    1.3 text     resource
InvoiceId                           1.2 text     fact
InvoiceIssuerName                   1.0 text     resource
ListCost                            1.0 cost     fact
ListUnitPrice                       1.0 quantity price
PricingCategory                     1.0 text     price
PricingCurrency                     1.2 text     price
PricingCurrencyContractedUnitPrice  1.2 quantity price
PricingCurrencyEffectiveCost        1.2 cost     fact
PricingCurrencyListUnitPrice        1.2 quantity price
PricingQuantity                     1.0 quantity fact
PricingUnit                         1.0 text     price
ProviderName                        1.0 text     resource
PublisherName                       1.0 text     resource
RegionId                            1.0 text     resource
RegionName                          1.0 text     resource
ResourceId                          1.0 text     resource
ResourceName                        1.0 text     resource
ResourceType                        1.0 text     resource
ServiceCategory                     1.0 text     resource
ServiceName                         1.0 text     resource
ServiceProviderName                 1.3 text     resource
ServiceSubcategory                  1.1 text     resource
SkuId                               1.0 text     price
SkuMeter                            1.1 text     price
SkuPriceDetails                     1.1 json     price
SkuPriceId                          1.0 text     price
SubAccountId                        1.0 text     resource
SubAccountName                      1.0 text     resource
SubAccountType                      1.2 text     resource
Tags                                1.0 json     resource
""")
"""All columns of FOCUS 1.0 to 1.3, sorted by name."""

OWN: tuple[Column, ...] = _columns("""
x_AllocationKind                    -   text     resource
x_ConsumptionModelId                -   text     price
x_CostCategories                    -   json     resource
x_CreditType                        -   text     price
x_CreditsApplied                    -   cost     fact
x_EffectiveCostProvisional          -   text     price
x_EstimatedUntil                    -   text     resource
x_GpuCount                          -   text     price
x_GpuModel                          -   text     price
x_InstanceType                      -   text     price
x_InvoiceMonth                      -   text     price
x_LineItemType                      -   text     price
x_ModelId                           -   text     resource
x_Operation                         -   text     price
x_Origin                            -   text     price
x_Principal                         -   text     resource
x_RawTags                           -   json     resource
x_ServiceCode                       -   text     resource
x_ServiceTier                       -   text     price
x_TokenType                         -   text     price
x_UsageType                         -   text     price
""")
"""Own columns, sorted by name; all are null where a source has nothing to say.

`x_LineItemType`, `x_Operation`, `x_ServiceCode`, `x_UsageType`, `x_InvoiceMonth`, `x_RawTags`,
`x_CostCategories`, `x_CreditType` and `x_ConsumptionModelId` are the provider's own words;
`x_CreditsApplied` is the part of a row's credits that its costs already have (negative).
`x_ModelId`, `x_TokenType` (`input`, `output`, `cache-read`, `cache-write`) and `x_ServiceTier` describe
tokens, `x_InstanceType`, `x_GpuModel` and `x_GpuCount` (per instance) machines, `x_Principal` who
called. `x_AllocationKind` says what a part of a split charge pays for (`workload`, `idle`, `overhead`,
`volume`, `unmounted`, `load-balancer`), and `x_EstimatedUntil` names the source whose bill will replace
an estimate.
`x_EffectiveCostProvisional` is `true` until a month's commitments are spread, and
`x_Origin` names a way by which charges came other than the bill (`cost-explorer`).
"""

COLUMNS = (*FOCUS, *OWN)
"""Every column of a charge, those of FOCUS first."""

BY_NAME = {column.name: column for column in FOCUS}
COLUMN_OF = {column.name: column for column in COLUMNS}

COSTS = {
    "billed": "BilledCost",
    "effective": "EffectiveCost",
    "list": "ListCost",
    "contracted": "ContractedCost",
}
"""The four costs of a charge, by the word a user says (`--cost billed`)."""

CHARGE_CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")

RAW_SCHEMA = pl.Schema({column.name: column.dtype for column in COLUMNS})
"""A normalised chunk as a collector gives it: every column, JSON still as text.

Text is never empty: an absent value is null. Costs may be null where a source leaves
them out, never 0 in their stead; `BilledCost` is never null.
"""


def _names(star: Star) -> tuple[str, ...]:
    return tuple(column.name for column in COLUMNS if column.star is star)


RESOURCE_COLUMNS = _names(Star.RESOURCE)
PRICE_COLUMNS = _names(Star.PRICE)
FACT_COLUMNS = _names(Star.FACT)

FACT_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "billing_period": pl.String(),
        "day": pl.Date(),
        "dim_id": pl.Int64(),
        "price_id": pl.Int64(),
        **{name: COLUMN_OF[name].dtype for name in FACT_COLUMNS},
    }
)
"""The `charges` table. `billing_period` is `YYYY-MM`; `day` is the UTC day of ChargePeriodStart."""

RESOURCE_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "dim_id": pl.Int64(),
        **{name: COLUMN_OF[name].dtype for name in RESOURCE_COLUMNS if name != "Tags"},
        "Tags": TAGS,
    }
)
"""The `resources` table; promoted tags follow as `x_tag_<key>` (lower case, text)."""

PRICE_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "price_id": pl.Int64(),
        **{name: COLUMN_OF[name].dtype for name in PRICE_COLUMNS},
    }
)
"""The `prices` table."""

CUBE_SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "billing_period": pl.String(),
        "delivery_id": pl.String(),
        "seen_at": INSTANT,
        "day": pl.Date(),
        "dim_id": pl.Int64(),
        "price_id": pl.Int64(),
        "rows": pl.Int64(),
        **dict.fromkeys(COSTS.values(), MONEY),
        "ConsumedQuantity": QUANTITY,
    }
)
"""The `cube` table: per day, resource and price, the sums as one delivery gave them.

Only cells that differ from the delivery before are written; a cell that vanished is
written with `rows` 0 and null sums. The state at time T is the newest row per cell among committed
deliveries with `seen_at <= T`.
"""
