"""Which part of a GPU a MIG instance is."""

from __future__ import annotations

import re

_PROFILE = re.compile(r"(?:MIG[ -])?(\d)g\.(\d{1,4})gb(?:[.+].*)?", re.IGNORECASE | re.ASCII)
_SIZE = re.compile(r"(?<![\d.])(\d{2,3}) ?G[iI]?B\b", re.ASCII)
_GIB_BY_MODEL = (
    ("A30", 24.0),
    ("GB200", 186.0),
    ("GB300", 288.0),
    ("B300", 288.0),
    ("B200", 180.0),
    ("H200", 141.0),
    ("H100 NVL", 94.0),
    ("H100", 80.0),
    ("H800", 80.0),
    ("A800", 80.0),
    ("A100", 40.0),
)
"""Memory of the cards that can be cut, for models whose name does not say it. An A100 of 80 GB does."""

COMPUTE_SLICES = {"A30": 4}
"""Compute slices of cards that have not the usual seven."""

_MEMORY_SLICES = {1: 1, 2: 2, 3: 4, 4: 4, 7: 8}
"""Eighths of the memory that profiles of so many compute slices mostly have."""


def mig_share(profile: str, model: str | None = None) -> float | None:
    """Give the part of a device that a MIG instance is, None for text that is no profile.

    The greater of its part of the compute slices (`3g` is 3/7) and of the memory (half of an 80 GB card
    for `.40gb`, in eighths), because what it takes of either nobody else can use. Parts of one device may
    so exceed 1 in sum; whoever splits a device brings them back to it.

    Args:
        profile: as NVIDIA writes it: `3g.40gb`, `1g.10gb+me`, `MIG 2g.20gb`.
        model: the card's name, which tells its memory; without it memory is told from the slices.
    """
    found = _PROFILE.fullmatch(profile.strip())
    if found is None:
        return None
    compute, memory = int(found[1]), int(found[2])
    name = (model or "").upper()
    slices = next((n for card, n in COMPUTE_SLICES.items() if re.search(rf"\b{card}\b", name)), 7)
    total = _memory_of(name)
    # sizes in profiles are rounded, and part of the card is kept back: whole eighths
    told = None if total is None else max(1, round(memory / total * 8))
    eighths = told or _MEMORY_SLICES.get(compute, compute)
    return min(1.0, max(compute / slices, eighths / 8))


def _memory_of(name: str) -> float | None:
    said = _SIZE.search(name)
    if said is not None:
        return float(said[1])
    return next((gib for model, gib in _GIB_BY_MODEL if re.search(rf"\b{model}\b", name)), None)
