"""What distinct labels, SKUs and times mean, found out once and not once per row. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import polars as pl

from collectors.gcp import labels
from collectors.gcp.skus import category_of, gpus_of, sku_of, subcategory_of, unit_of

_REMEMBERED = 200_000
"""Distinct sets of labels that are remembered from chunk to chunk; some 200 MB of them at most."""

_TAGS = pl.Schema({**dict.fromkeys(labels.ORDER, pl.String()), "Tags": pl.String()})
_MACHINE = "compute.googleapis.com/machine_spec"


class Memory:
    """Remembers what was found out, for the rows of one month."""

    def __init__(self) -> None:
        self.times: dict[str, datetime | None] = {}
        self._tags: dict[tuple[str | None, ...], str | None] = {}

    def tags(self, rows: pl.DataFrame) -> pl.Series:
        """Give the tags of rows as JSON text."""
        columns = list(labels.ORDER)
        distinct = rows.select(columns).unique()
        if len(self._tags) > _REMEMBERED:
            self._tags.clear()
        found = []
        for key in distinct.iter_rows():
            if key not in self._tags:
                self._tags[key] = labels.merged(*key)
            found.append((*key, self._tags[key]))
        table = pl.DataFrame(found, schema=_TAGS, orient="row")
        joined = rows.select(columns).join(
            table, on=columns, how="left", nulls_equal=True, maintain_order="left"
        )
        return joined["Tags"]

    def skus(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give what the rows' services, SKUs, units and machines say, one row each."""
        keys = ["service_id", "service", "sku", "pricing_unit", "usage_unit", "system_labels"]
        distinct = rows.select(keys).unique()
        table = pl.DataFrame(
            [(*key, *_meaning(key)) for key in distinct.iter_rows()],
            schema={**dict.fromkeys(keys, pl.String()), **_MEANING},
            orient="row",
        )
        joined = rows.select(keys).join(table, on=keys, how="left", nulls_equal=True, maintain_order="left")
        return joined.select(list(_MEANING))


_MEANING = pl.Schema(
    {
        "category": pl.String(),
        "subcategory": pl.String(),
        "is_fee": pl.Boolean(),
        "is_purchase": pl.Boolean(),
        "is_spot": pl.Boolean(),
        "gpu": pl.String(),
        "gpus": pl.String(),
        "machine": pl.String(),
        "details": pl.String(),
        "priced_in": pl.String(),
        "used_in": pl.String(),
    }
)


def _meaning(key: tuple[str | None, ...]) -> tuple[Any, ...]:
    service_id, service, description, pricing_unit, usage_unit, system_labels = key
    sku, category = sku_of(description or ""), category_of(service_id or "", service or "")
    said = labels.system(system_labels)
    machine = said.get(_MACHINE, "")
    return (
        category,
        subcategory_of(category),
        sku.is_fee,
        sku.is_purchase,
        sku.is_spot,
        sku.gpu or None,
        (gpus_of(machine) or None) if sku.gpu else None,
        machine or None,
        _details(said, sku.gpu, machine),
        unit_of(pricing_unit) if pricing_unit else None,
        unit_of(usage_unit) if usage_unit else None,
    )


def _details(said: dict[str, str], gpu: str, machine: str) -> str | None:
    """Give the properties that FOCUS names, in its units, as far as system labels tell them."""
    found: dict[str, Any] = {}
    if machine:
        found["InstanceType"] = machine
        found["InstanceSeries"] = machine.partition("-")[0].upper()
    cores, memory = said.get("compute.googleapis.com/cores"), said.get("compute.googleapis.com/memory")
    if cores and cores.isdigit():
        found["CoreCount"] = int(cores)
    if memory and memory.isdigit():
        found["MemorySize"] = int(memory) / 1024 if int(memory) % 1024 else int(memory) // 1024
    if gpu:
        found["x_GpuModel"] = gpu
        if count := gpus_of(machine):
            found["GpuCount"] = int(count)
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode() if found else None
