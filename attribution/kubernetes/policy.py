"""How much of a node is its CPU, its memory and its GPUs.

Four published rules and one's own base prices. The same node differs more than twofold in what its
GPUs are worth, so the rule is a setting and reports can show what each would give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from config.allocation import BasePrices, SplitName
from domain.money import EXACT

Floats = npt.NDArray[np.float64]

Split = SplitName | BasePrices

BASE_PRICES: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "opencost": (0.031611, 0.004237, 0.95),
        "aws-scad": (0.9, 0.1, 9.0),
    }
)
"""CPU per core, memory per GiB, GPU per device. Sources: OpenCost's `configs/default.json`; AWS's page
on split cost allocation with accelerated instances (without a GPU it is 0.9 : 0.1)."""

FIXED_PARTS: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = MappingProxyType(
    {
        "fixed-95-3-2": ((0.03, 0.02, 0.95), (0.6, 0.4, 0.0)),
        "half": ((0.5, 0.5, 0.0), (0.5, 0.5, 0.0)),
    }
)
"""Parts of CPU, memory and GPU whatever a node's size, with a GPU and without. Sources: Datadog's
container cost allocation; OptScale's importer of Kubernetes costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a node's resources cost per hour.

    Attributes:
        cpu: of a core.
        memory: of a GiB.
        gpu: of a whole device.
    """

    cpu: float
    memory: float
    gpu: float


def ratio(over: Floats, under: Floats) -> Floats:
    """Divide; by nothing it gives 0."""
    quotient = np.zeros(np.broadcast_shapes(over.shape, under.shape))
    np.divide(over, under, out=quotient, where=under > 0)
    return quotient


def node_parts(split: Split, capacity: Sequence[Floats]) -> Floats:
    """Give the parts of nodes that their CPU, memory and GPUs are, one row per resource.

    Parts of a node sum to 1. A resource that a node lacks has no part; what a fixed rule gives it goes
    to the others in proportion. Where nothing that has a price is there, all parts are 0.

    Args:
        split: the rule.
        capacity: cores, GiB and devices of every node.
    """
    amounts = np.stack([np.asarray(one, dtype=np.float64) for one in capacity])
    if isinstance(split, str) and split in FIXED_PARTS:
        with_gpu, without = (np.array(parts)[:, None] for parts in FIXED_PARTS[split])
        worth = np.where(amounts[2] > 0, with_gpu, without) * (amounts > 0)
    else:
        prices = (split.cpu, split.memory, split.gpu) if isinstance(split, BasePrices) else BASE_PRICES[split]
        worth = amounts * np.array(prices)[:, None]
    return ratio(worth, worth.sum(axis=0))


def rates(split: Split, price: float, *, cpu: float, memory: float, gpus: float = 0.0) -> Rates:
    """Give what a core, a GiB and a device of a node cost per hour, from the node's price.

    What the node lacks, or the rule gives no part, costs 0.
    """
    capacity = np.array([cpu, memory, gpus], dtype=np.float64)
    parts = node_parts(split, [capacity[at : at + 1] for at in range(3)])[:, 0]
    each = ratio(parts * price, capacity)
    return Rates(cpu=float(each[0]), memory=float(each[1]), gpu=float(each[2]))


def net_price(gross: Decimal, discounts: Sequence[Decimal]) -> Decimal:
    """Give a node's price after discounts, each off what the one before left.

    They come off the whole node, before it is split: CPU, memory and GPU alike.

    Raises:
        ValueError: a discount is not from 0 to 1.
    """
    with localcontext(EXACT):
        for discount in discounts:
            if not 0 <= discount <= 1:
                raise ValueError(f"a discount is a share from 0 to 1, not {discount}")
            gross *= 1 - discount
    return gross
