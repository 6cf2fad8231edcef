"""Units of AWS in the words of FOCUS, and how many of the consumed unit one priced unit is. Pure.

The number is read from the unit itself (`1K tokens`, `1M Requests`), never assumed.
"""

from __future__ import annotations

import re
from decimal import Decimal

_EXACT = {
    "hrs": "Hours",
    "hr": "Hours",
    "hours": "Hours",
    "hour": "Hours",
    "quantity": "Units",
    "unit": "Units",
    "count": "Units",
    "lambda-gb-second": "GB-Seconds",
    "lambda-gb-hour": "GB-Hours",
    "gb-mo": "GB-Months",
    "gb-month": "GB-Months",
    "gigabyte month": "GB-Months",
    "gigabytes": "GB",
    "gigabyte": "GB",
    "bytes": "Bytes",
}
_WORDS = {
    "hrs": "Hours",
    "hr": "Hours",
    "hour": "Hours",
    "hours": "Hours",
    "mo": "Months",
    "month": "Months",
    "months": "Months",
    "second": "Seconds",
    "seconds": "Seconds",
    "sec": "Seconds",
    "minute": "Minutes",
    "minutes": "Minutes",
    "min": "Minutes",
    "day": "Days",
    "days": "Days",
    "request": "Requests",
    "requests": "Requests",
    "token": "Tokens",
    "tokens": "Tokens",
    "event": "Events",
    "message": "Messages",
    "image": "Images",
    "metric": "Metrics",
    "alarm": "Alarms",
    "key": "Keys",
    "query": "Queries",
    "queries": "Queries",
}
_SCALES = {
    "k": Decimal(1000),
    "thousand": Decimal(1000),
    "m": Decimal(1_000_000),
    "million": Decimal(1_000_000),
    "b": Decimal(1_000_000_000),
    "billion": Decimal(1_000_000_000),
}
_COUNT = re.compile(
    r"(?:(?i:per)\s+)?"
    r"(?:(\d[\d,]{0,14})\s*(?:((?i:k|m|b|thousand|million|billion))(?=[\s-]|[A-Z]|$))?"
    r"|((?i:thousand|million|billion))(?=[\s-]|$))[\s-]*",
    re.ASCII,
)

UNKNOWN = "Units"
"""What an amount without a unit counts."""


def unit_of(text: str) -> tuple[str, str, Decimal]:
    """Give PricingUnit, ConsumedUnit, and how many of the second make one of the first.

    `1K tokens` -> (`1000 Tokens`, `Tokens`, 1000); `Hrs` -> (`Hours`, `Hours`, 1).
    """
    stripped = " ".join(text.split())
    count, rest = _count(stripped)
    unit = _words(rest) or UNKNOWN
    if count == 1:
        return unit, unit, count
    return f"{count} {unit}", unit, count


def _count(text: str) -> tuple[Decimal, str]:
    """Split a unit into how many and of what."""
    match = _COUNT.match(text)
    if match is None:
        return Decimal(1), text
    number, scale = match[1], match[2] or match[3]
    count = Decimal((number or "1").replace(",", "")) * _SCALES.get((scale or "").lower(), Decimal(1))
    return (count, text[match.end() :]) if count > 0 else (Decimal(1), text)


def _words(text: str) -> str:
    if (whole := _EXACT.get(text.lower())) is not None:
        return whole
    parts = re.split(r"([\s-]+)", text)
    return "".join(_word(part) for part in parts)


def _word(word: str) -> str:
    known = _WORDS.get(word.lower())
    return known if known is not None else word[:1].upper() + word[1:]
