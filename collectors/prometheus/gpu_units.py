"""What one unit of a GPU resource is of a physical device, per node."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from domain.devices import mig_share

WHOLE, SHARED, MIG = "nvidia_com_gpu", "nvidia_com_gpu_shared", "nvidia_com_mig_"
CORES, MEMORY_SHARE = "nvidia_com_gpucores", "nvidia_com_gpumem_percentage"
_NEURON, _NEURON_CORE = "aws_amazon_com_neuron", "aws_amazon_com_neuroncore"
_NO_DEVICES = frozenset({CORES, MEMORY_SHARE, "nvidia_com_gpumem", "aws_amazon_com_neurondevice"})
"""Resources that say more about a device asked for by another one."""

_SLICED = re.compile(r"-MIG-(\d+g\.\d+gb)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is known of a node's GPUs.

    Attributes:
        capacity: units by resource.
        labels: of the node, as kube-state-metrics writes them (`label_nvidia_com_gpu_replicas`).
        uuids: how many devices were seen, 0 where nobody looked.
        model: name of the card, "" if unknown.
    """

    capacity: Mapping[str, float]
    labels: Mapping[str, str]
    uuids: int = 0
    model: str = ""

    def unit(self, resource: str) -> float:
        """Give the part of a device that one of a resource is."""
        if resource in _NO_DEVICES:
            return 0.0
        if resource.startswith(MIG):
            profile = resource.removeprefix(MIG).replace("_", ".", 1).replace("_", "+", 1)
            return mig_share(profile, self.model) or 1.0
        if resource == _NEURON_CORE:
            cores = self.capacity.get(_NEURON_CORE, 0.0)
            return self.capacity.get(_NEURON, cores) / cores if cores else 1.0
        return self._of_whole(resource) if resource in (WHOLE, SHARED) else 1.0

    def _of_whole(self, resource: str) -> float:
        sliced = _SLICED.search(self.labels.get("label_nvidia_com_gpu_product", ""))
        if resource == WHOLE and sliced:
            return mig_share(sliced[1], self.model) or 1.0
        offered = self.capacity.get(resource, 0.0)
        if self.uuids and offered > self.uuids:  # time slicing, MPS, or HAMi's split of each device
            return self.uuids / offered
        replicas = self.labels.get("label_nvidia_com_gpu_replicas", "")
        shared = self.labels.get("label_nvidia_com_gpu_sharing_strategy", "none") != "none"
        if replicas.isdigit() and int(replicas) > 1 and (shared or resource == SHARED) and not self.uuids:
            return 1 / int(replicas)
        return 1.0

    @property
    def devices(self) -> float:
        """Give how many devices the node has."""
        nvidia, others = 0.0, 0.0
        for name, count in self.capacity.items():
            if name.startswith("nvidia_com_"):
                nvidia += count * self.unit(name)
            elif name != _NEURON_CORE or _NEURON not in self.capacity:
                others += count * self.unit(name)
        return (float(self.uuids) or float(math.ceil(round(nvidia, 3)))) + others

    @property
    def strategy(self) -> str | None:
        """Give how the node shares a device among pods by its labels: `time-slicing` or `mps`."""
        said = self.labels.get("label_nvidia_com_gpu_sharing_strategy", "")
        return said if said in ("time-slicing", "mps") else None


Units = Mapping[str, Card]
"""Cards by node."""

_UNKNOWN = Card(capacity={}, labels={})


def devices_requested(requests: pl.DataFrame, cards: Units) -> pl.DataFrame:
    """Give requests of GPUs in devices: `uid`, `container`, `at`, `value`.

    Args:
        requests: `uid`, `container`, `node`, `resource`, `at` and `value` in units of the resource.
        cards: what is known of the nodes' GPUs.
    """
    keys = ["uid", "container", "at"]
    pairs = requests.select("node", "resource").unique().iter_rows()
    units = pl.DataFrame(
        [(node, resource, cards.get(node, _UNKNOWN).unit(resource)) for node, resource in pairs],
        schema={"node": pl.String, "resource": pl.String, "unit": pl.Float64},
        orient="row",
    )
    amount, resource = pl.col("value"), pl.col("resource")
    of_device = pl.max_horizontal(
        *(amount.filter(resource == name).max() / 100 for name in (CORES, MEMORY_SHARE))
    )
    return (
        requests.join(units, on=["node", "resource"])
        .group_by(keys)
        .agg(
            (amount * pl.col("unit")).sum().alias("units"),
            amount.filter(resource == WHOLE).sum().alias("whole"),
            of_device.alias("part"),
        )
        .select(*keys, pl.coalesce(pl.col("part") * pl.max_horizontal("whole", 1.0), "units").alias("value"))
    )
