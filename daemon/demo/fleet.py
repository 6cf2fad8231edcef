"""The things the company always has: databases, buckets, models, notebooks, networks."""

from __future__ import annotations

from functools import lru_cache

from daemon.demo import dice
from daemon.demo.entities import Entity, Meter, Use, meters, pairs
from daemon.demo.hours import DAY, day_number
from daemon.demo.prices import rows
from daemon.demo.seasons import REFERENCE

HOME_REGION = {"aws": "eu-central-1", "gcp": "europe-west4", "azure": "westeurope"}


@lru_cache(maxsize=4)
def standing(seed: int) -> tuple[Entity, ...]:
    """Give what exists before the first day and does not end by itself."""
    return tuple(_entity(seed, row) for row in rows("fleet"))


def _entity(seed: int, row: dict[str, str]) -> Entity:
    metered = meters(row["meters"])
    requests, _, load = row["requests"].partition("@")
    # Founded between 2021 and 2023: the ages that inventories will show differ.
    founded = day_number(REFERENCE.replace(year=2021)) + dice.between(0, 700, seed, "born", row["name"])
    return Entity(
        name=row["name"],
        kind=row["kind"],
        account=row["account"],
        region=HOME_REGION[row["account"].partition(":")[0]],
        team=row["team"],
        tags=pairs(row["tags"]),
        born=founded * DAY + 9,
        schedule=row["schedule"],
        gpus=_gpus(metered),
        use=Use(requests_per_hour=int(requests), load=load or "steady", busy=int(row["busy"])),
        meters=metered,
    )


def _gpus(metered: tuple[Meter, ...]) -> int:
    """Count the GPUs in what is metered per hour."""
    held = (int(meter.sku.details.get("GpuCount", 0)) * meter.amount for meter in metered)
    return sum(held) // 1_000_000
