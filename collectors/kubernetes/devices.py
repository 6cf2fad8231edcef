"""Which part of a physical GPU or accelerator a unit of a resource is. Pure.

Sources: labels of NVIDIA's gpu-feature-discovery (`nvidia.com/gpu.count`, `.replicas`, `.product`), names of
its device plugin (`nvidia.com/gpu.shared`, `nvidia.com/mig-1g.5gb`), HAMi (`nvidia.com/gpucores` in percent,
annotation `hami.io/node-nvidia-register`), AMD (`amd.com/gpu`), AWS Neuron (`aws.amazon.com/neuron…`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from collectors.kubernetes.quantities import amount

Json = Mapping[str, Any]
Amounts = tuple[tuple[str, float], ...]

GPU, SHARED, CORES = "nvidia.com/gpu", "nvidia.com/gpu.shared", "nvidia.com/gpucores"
NEURON, NEURON_CORE = "aws.amazon.com/neuron", "aws.amazon.com/neuroncore"
_WHOLE = (NEURON, "aws.amazon.com/neurondevice", "amd.com/gpu")
_MIG = re.compile(r"(?:nvidia\.com/mig-|-MIG-)(\d)g\.", re.ASCII)
_REGISTERED = "hami.io/node-nvidia-register"


def is_device(resource: str) -> bool:
    """Tell whether a resource is a GPU, a part of one, or an accelerator."""
    return resource in {GPU, SHARED, CORES, *_WHOLE, NEURON_CORE} or bool(
        resource.startswith("nvidia.com/mig-") and _MIG.match(resource)
    )


def capacity_of(capacity: Json, labels: Json, annotations: Json) -> tuple[float, Amounts]:
    """Give how many whole devices a node has, and what part of one a unit of each resource is."""
    product = str(labels.get("nvidia.com/gpu.product") or "")
    slices = 4 if "A30" in product else 7
    units: dict[str, float] = {}
    for name in capacity:
        if match := _MIG.match(name):
            units[name] = int(match[1]) / slices
    physical = _physical(labels, annotations)
    single = _MIG.search(product)
    plain = amount(capacity, GPU)
    if single:  # every device is cut alike, and a unit of `nvidia.com/gpu` is an instance
        units[GPU] = int(single[1]) / slices
    elif plain:
        units[GPU] = _part(plain, physical, labels)
    if shared := amount(capacity, SHARED):
        units[SHARED] = _part(shared, physical, labels)
    units |= {name: 1.0 for name in _WHOLE if amount(capacity, name)}
    if cores := amount(capacity, NEURON_CORE):
        devices = amount(capacity, NEURON) or amount(capacity, "aws.amazon.com/neurondevice")
        units[NEURON_CORE] = devices / cores if devices else 0.5
    counted = {NEURON_CORE} if any(amount(capacity, name) for name in _WHOLE[:2]) else set()
    total = sum(amount(capacity, name) * part for name, part in units.items() if name not in counted)
    if physical and not single:
        others = sum(amount(capacity, name) for name in ("amd.com/gpu", NEURON))
        total = physical + others
    return total, tuple(sorted(units.items()))


def _physical(labels: Json, annotations: Json) -> float:
    """Give the number of devices where somebody counted them, else 0."""
    counted = str(labels.get("nvidia.com/gpu.count") or "")
    registered = str(annotations.get(_REGISTERED) or "").strip()
    if registered:
        parts = registered.count('"id"') if registered.startswith("[") else registered.count(":")
        return float(max(parts, 1))
    return float(counted) if counted.isdecimal() else 0.0


def _part(units: float, physical: float, labels: Json) -> float:
    replicas = str(labels.get("nvidia.com/gpu.replicas") or "")
    if replicas.isdecimal() and int(replicas) > 1:
        return 1 / int(replicas)
    return min(1.0, physical / units) if physical else 1.0


def devices_of(asked: Amounts, units: Amounts) -> float:
    """Give how many whole devices a pod's request is, as a fraction where it is one."""
    part, held = dict(units), dict(asked)
    total = 0.0
    for name, count in held.items():
        if name == CORES:
            continue
        if name == GPU and CORES in held:  # HAMi: percent of each of so many devices
            total += count * min(held[CORES], 100.0) / 100
        elif name in part:
            total += count * part[name]
        else:
            mig = _MIG.match(name)
            total += count * (int(mig[1]) / 7 if mig else 1.0)
    return total


def model_of(labels: Mapping[str, str]) -> str:
    """Give the model of a node's GPUs as a label names it, "" if none does."""
    keys = (
        "nvidia.com/gpu.product",
        "amd.com/gpu.product-name",
        "karpenter.k8s.aws/instance-gpu-name",
        "karpenter.k8s.aws/instance-accelerator-name",
        "cloud.google.com/gke-accelerator",
    )
    found = next((labels[key] for key in keys if labels.get(key)), "")
    return re.sub(r"-(?:MIG-.*|SHARED)$", "", found)
