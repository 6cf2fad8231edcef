"""GPUs by model: how much they hold, draw and compute.

As of 2026-11-20, from NVIDIA's and AMD's product data sheets: memory in GiB as drivers name the card,
board power limit in watts (the smaller of a model's forms where names do not tell them apart), dense
16-bit tensor throughput in TFLOPS without sparsity. Parts are MIG profiles with their share of a card,
from NVIDIA's MIG user guide. Prices are not here: they change, and the price book has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import polars as pl

_TABLE = """
T4           (?i)\\bT4\\b                        15    70    65  -
L4           (?i)\\bL4\\b                        22    72   121  -
A10G         (?i)\\bA10G\\b                      22   300    70  -
A10          (?i)\\bA10\\b                       22   150   125  -
V100-16      (?i)\\bV100\\b.*16                  16   250   125  -
V100-32      (?i)\\bV100\\b.*32                  32   250   125  -
A30          (?i)\\bA30\\b                       24   165   165  1g.6gb=6/4,2g.12gb=12/2
L40S         (?i)\\bL40S\\b                      44   350   362  -
A40          (?i)\\bA40\\b                       44   300   150  -
A100-40      (?i)\\bA100\\b.*40                  40   250   312  1g.5gb=5/7,2g.10gb=10/3.5,3g.20gb=20/2
A100-80      (?i)\\bA100\\b.*80                  80   300   312  1g.10gb=10/7,2g.20gb=20/3.5,3g.40gb=40/2
H100-NVL     (?i)\\bH100\\b.*NVL                 94   400   835  1g.12gb=12/7,2g.24gb=24/3.5,3g.47gb=47/2
H100-PCIe    (?i)\\bH100\\b.*PCIe                80   350   756  1g.10gb=10/7,2g.20gb=20/3.5,3g.40gb=40/2
H100         (?i)\\bH100\\b                      80   700   989  1g.10gb=10/7,2g.20gb=20/3.5,3g.40gb=40/2
H200         (?i)\\bH200\\b                     141   600   989  1g.18gb=18/7,2g.35gb=35/3.5,3g.71gb=71/2
B200         (?i)\\bB200\\b                     180  1000  2250  1g.23gb=23/7,2g.45gb=45/3.5,3g.90gb=90/2
MI300X       (?i)\\bMI300X\\b                   192   750  1307  -
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A slice that a card can be cut into.

    Attributes:
        profile: its name.
        memory_gib: what it holds.
        share: its share of the card, the greater of its shares of computing and memory.
    """

    profile: str
    memory_gib: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A model of GPU.

    Attributes:
        name: short name.
        pattern: regex that the names of drivers and labels fit, with `-`, `_` and blanks the same.
        memory_gib: what it holds.
        watts: its power limit.
        tflops: dense 16-bit tensor throughput.
        parts: slices it can be cut into, smallest first.
    """

    name: str
    pattern: str
    memory_gib: float
    watts: float
    tflops: float
    parts: tuple[Part, ...] = ()


def _parts(text: str) -> Iterator[Part]:
    for one in text.split(",") if text != "-" else ():
        profile, _, figures = one.partition("=")
        memory, _, pieces = figures.partition("/")
        yield Part(profile=profile, memory_gib=float(memory), share=1 / float(pieces))


def _gpus() -> Iterator[Gpu]:
    for line in _TABLE.strip().splitlines():
        name, pattern, memory, watts, tflops, parts = line.split()
        yield Gpu(
            name=name,
            pattern=pattern,
            memory_gib=float(memory),
            watts=float(watts),
            tflops=float(tflops),
            parts=tuple(_parts(parts)),
        )


GPUS = tuple(_gpus())
"""Every model; where several patterns fit a name, the first counts."""


def _plain(name: pl.Expr) -> pl.Expr:
    """Write separators as blanks, so that word boundaries are the same in all spellings."""
    return name.str.replace_all(r"[-_]", " ")


def board_power(model: pl.Expr) -> pl.Expr:
    """Give the power limit in watts of models by name; null where the model is not known."""
    watts = [pl.when(_plain(model).str.contains(gpu.pattern)).then(pl.lit(gpu.watts)) for gpu in GPUS]
    return pl.coalesce(*watts)


@cache
def gpu_of(model: str | None) -> Gpu | None:
    """Give what is known of a model by the name that a driver or label gives it."""
    if not model:
        return None
    names = pl.select(pl.coalesce(*_matches(model))).item()
    return next((gpu for gpu in GPUS if gpu.name == names), None)


def _matches(model: str) -> Iterator[pl.Expr]:
    for gpu in GPUS:
        yield pl.when(_plain(pl.lit(model)).str.contains(gpu.pattern)).then(pl.lit(gpu.name))
