"""One frame per cluster from several sources that tell of the same hours.

Metrics know better what was used, inventories what things are called; what the better source does not
say is taken from the other, column by column.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from domain.usage import FRAMES

KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "node_hours": ("cluster", "hour", "node"),
        "pod_hours": ("cluster", "hour", "node", "uid"),
        "device_hours": ("cluster", "hour", "node", "device", "profile", "instance", "uid", "pod"),
        "volume_hours": ("cluster", "hour", "volume", "uid"),
        "quota_hours": ("cluster", "hour", "namespace", "resource"),
        "objects": ("cluster", "kind", "namespace", "name", "uid"),
    }
)
"""What tells one row of a frame from another."""


def merged(frame: str, rows: pl.DataFrame, measuring: Mapping[str, bool]) -> pl.DataFrame:
    """Give one row per key of a frame (`domain.usage.FRAMES`).

    Args:
        frame: its name.
        rows: its rows, with their `source`.
        measuring: by source whether it measures (Prometheus) or lists (an inventory). Numbers are taken
            from what measures first, texts and labels from what lists first; of equals the first by name.
    """
    schema = FRAMES[frame]
    if rows.get_column("source").n_unique() <= 1:
        return rows.select(schema.names())
    keys = KEYS[frame]
    lists = pl.col("source").replace_strict(dict(measuring), default=True, return_dtype=pl.Boolean())
    ordered = rows.with_columns(_measures=lists).sort("source")
    said = [_first(name, measured=dtype.is_numeric()) for name, dtype in schema.items() if name not in keys]
    return ordered.group_by(keys, maintain_order=True).agg(said).select(schema.names())


def _first(name: str, *, measured: bool) -> pl.Expr:
    column = pl.col(name).sort_by("_measures", descending=measured, maintain_order=True)
    return column.drop_nulls().first()
