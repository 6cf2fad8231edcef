"""Kubernetes quantities: `250m`, `1.5Gi`, `3e2`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

GIB = 2**30

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,3}))?", re.ASCII)
_FACTORS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    **{letter: Decimal(10 ** (6 + 3 * step)) for step, letter in enumerate("MGTPE")},
    **{f"{letter}i": Decimal(2 ** (10 + 10 * step)) for step, letter in enumerate("KMGTPE")},
}


def quantity(text: object) -> float:
    """Give a quantity as a number; what cannot be read is 0, as an absent request is."""
    match = _QUANTITY.fullmatch(str(text).strip()) if text is not None else None
    if match is None:
        return 0.0
    number, unit, exponent = match.groups()
    factor = _FACTORS[unit] if unit else Decimal(10) ** int(exponent or 0)
    return float(Decimal(number) * factor)


def amount(held: object, name: str) -> float:
    """Give one quantity of a resource list; 0 where it is absent or no resource list."""
    return quantity(held.get(name)) if isinstance(held, Mapping) else 0.0
