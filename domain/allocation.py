"""Where a cost ends: a cost kind and an owner."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from domain.charge import COLUMN_OF, FACT_COLUMNS, INSTANT, MONEY, QUANTITY, RESOURCE_COLUMNS, TAGS

OWNER_FIELDS = ("team", "service", "model", "environment", "pull_request")
"""The parts of an owner. A missing team is *unallocated*; it is null, never a word."""


class CostKind(StrEnum):
    """Why somebody pays for a cost."""

    DIRECT = "direct"
    IDLE = "idle"
    SHARED = "shared"


OWNERSHIP_SCHEMA = pl.Schema(
    {
        "dim_id": pl.Int64(),
        **dict.fromkeys(OWNER_FIELDS, pl.String()),
        "pool": pl.String(),
        "cost_kind": pl.String(),
        **{f"{name}_rule": pl.String() for name in OWNER_FIELDS},
    }
)
"""Who owns a resource: one row per `dim_id` of the resource dimension.

`pool` names the shared pool the resource belongs to, null if none. `<field>_rule` says
which rule decided and on which key, e.g. `keys.team[owner]`, `rules[2]`, `catalog:payments`.
"""

SPLIT_SCHEMA = pl.Schema(
    {
        "BillingPeriodStart": INSTANT,
        "ChargePeriodStart": INSTANT,
        "ChargePeriodEnd": INSTANT,
        "SubAccountId": pl.String(),
        "RegionId": pl.String(),
        "BillingCurrency": pl.String(),
        "ResourceId": pl.String(),
        "AllocatedMethodId": pl.String(),
        "AllocatedMethodDetails": pl.String(),
        "AllocatedResourceId": pl.String(),
        "AllocatedResourceName": pl.String(),
        "AllocatedTags": TAGS,
        "x_SplitResource": pl.String(),
        "x_SplitCost": MONEY,
        "x_SplitUnusedCost": MONEY,
        "x_SplitUsage": QUANTITY,
        "x_ActualUsage": QUANTITY,
        "x_ReservedUsage": QUANTITY,
        "x_UsageUnit": pl.String(),
    }
)
"""How a provider itself splits a resource among what runs on it, in the names of FOCUS 1.3.

One row per parent (`ResourceId`), hour, what runs on it (`AllocatedResourceId`, a pod or a task) and
what is split (`x_SplitResource`: vCPU, Memory, Accelerator; measured in `x_UsageUnit`: vCPU-Hours,
GB-Hours, Accelerator-Hours). `x_SplitCost` is its share of the parent's effective cost,
`x_SplitUnusedCost` its share of what nobody used.
"""

PARENT = ("parent_dim_id", "parent_start", "price_id")
"""What names the charges that were split: `dim_id`, `ChargePeriodStart` and `price_id` of their facts."""

PART_SCHEMA = pl.Schema(
    {
        "parent_dim_id": pl.Int64(),
        "parent_start": INSTANT,
        "price_id": pl.Int64(),
        **{name: COLUMN_OF[name].dtype for name in (*FACT_COLUMNS, *RESOURCE_COLUMNS)},
    }
)
"""A part of split charges, as the ledger takes it: whose part, how much, and what it pays for.

`PARENT` names the charges; all rows of the facts with that key are split together, and the parts of a key
add up to them in every cost column, to the last digit. What the resource columns say (`Tags` as JSON
text) becomes the part's own `dim_id`; the price is the parent's.
"""
