"""Chance that is always the same: whole numbers drawn from a seed and a name."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Ints = NDArray[np.int64]
"""Whole numbers, one per hour: the only kind of number the simulation reckons with."""

# Constants of splitmix64, a public-domain mixer; unsigned arithmetic wraps by definition.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)


def number(*key: object) -> int:
    """Give the 64-bit number that a key always draws."""
    text = "\x1f".join(str(part) for part in key)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def between(low: int, high: int, *key: object) -> int:
    """Draw a whole number from `low` to `high`, both included."""
    return low + number(*key) % (high - low + 1)


def chance(permille: int, *key: object) -> bool:
    """Draw yes in `permille` of a thousand keys."""
    return number(*key) % 1000 < permille


def pick(options: Sequence[T], *key: object) -> T:
    """Draw one of the options."""
    return options[number(*key) % len(options)]


def shuffled(items: Sequence[T], *key: object) -> list[T]:
    """Give the items in an order drawn by the key."""
    return sorted(items, key=lambda item: number(*key, item))


def noise(key: int, ticks: Ints, width: int) -> Ints:
    """Draw per tick a permille between 1000 - width and 1000 + width; equal ticks draw equally."""
    mixed = ticks.astype(np.uint64) * _GAMMA + np.uint64(key)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_A
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_B
    mixed ^= mixed >> np.uint64(31)
    drawn = mixed % np.uint64(2 * width + 1)
    return drawn.astype(np.int64) + (1000 - width)
