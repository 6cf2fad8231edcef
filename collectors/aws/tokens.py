"""Meters of Bedrock: which model, which tokens, which tier. Pure.

Source: "Understanding your Amazon Bedrock Cost and Usage Report data", Amazon Bedrock user guide.
How many tokens a priced unit is, the unit says (`units`); nothing here assumes it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

ON_DEMAND = "on-demand"

_REGION = re.compile(
    r"^(?:MP:)?(?:[A-Z]{2,4}\d{0,2}[-_](?=[A-Za-z]))?(?:MP:)?(?:[A-Z]{3,4}\d{1,2}_)?", re.ASCII
)
_DASHED = re.compile(
    r"(?:(?P<model>.+?)-)??(?P<mantle>mantle-)?"
    r"(?P<kind>cache-read-input|cache-write-input|cache-read|cache-write|input|output)"
    r"-(?:tokens?-count|tokens?)(?P<rest>(?:-.*)?)",
    re.IGNORECASE | re.ASCII,
)
_CAMEL = re.compile(
    r"(?:(?P<model>.+?)[-_]?)??(?:Million|Thousand)?"
    r"(?P<kind>CacheReadInput|CacheWriteInput|CacheRead|CacheWrite|Input|Output)"
    r"Tokens?(?:Count)?(?P<rest>(?:[-_].*)?)",
    re.ASCII,
)
_TIERS = ("batch", "flex", "priority", "reserved")
_REMARK = re.compile(r"\s*\(Amazon Bedrock Edition\)\s*$", re.IGNORECASE)


class Tokens(NamedTuple):
    """What a usage type says of tokens; all None where it is no token meter."""

    model: str | None
    kind: str | None
    tier: str | None


NO_TOKENS = Tokens(None, None, None)


def tokens_of(usage_type: str) -> Tokens:
    """Read a usage type: `USE1-NovaPro-input-tokens-batch` is NovaPro, input, batch."""
    meter = _REGION.sub("", usage_type)
    match = _DASHED.fullmatch(meter) or _CAMEL.fullmatch(meter)
    if match is None:
        return NO_TOKENS
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", match["kind"]).lower()
    if kind.startswith("cache"):
        kind = kind.removesuffix("-input")
    return Tokens(match["model"] or None, kind, _tier(match["rest"]))


def _tier(rest: str) -> str:
    words = re.split(r"[^a-z]+", rest.lower())
    return next((tier for tier in _TIERS if tier in words), ON_DEMAND)


def model_of(product: str) -> str | None:
    """Give the model that a product of the marketplace is named for, None if it is no such product."""
    return _REMARK.sub("", product) if _REMARK.search(product) else None
