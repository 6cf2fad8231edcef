"""Where a cost ends: a cost kind and an owner."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

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
