"""Text with a unit, as people write it in YAML: `14d`, `512MiB`, `5%`, `25.00 USD`."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

from domain.errors import MoneyError
from domain.money import Money as MoneyAmount
from domain.money import parse_amount, plain

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_DURATION = re.compile(r"(?:\d{1,6}[wdhms])+", re.ASCII)
_PART = re.compile(r"(\d+)([wdhms])", re.ASCII)
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?([kMGT]?B|[KMGT]iB)", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,9})?) ?%", re.ASCII)
_MONEY = re.compile(r"([-+]?[0-9.]+) ([A-Z]{3})", re.ASCII)
_LONGEST = timedelta(days=3660)


def parse_duration(value: object) -> timedelta:
    """Read a length of time: `14d`, `6h`, `90m`, `30s`, `2w`, or parts together, `1h30m`.

    Raises:
        ValueError: not such a text, or more than ten years.
    """
    if isinstance(value, timedelta):
        return value
    text = _text(value)
    if not _DURATION.fullmatch(text):
        raise ValueError("not a length of time; write a whole number with a unit (w, d, h, m, s), like `6h`")
    total = timedelta(seconds=sum(int(n) * _SECONDS[unit] for n, unit in _PART.findall(text)))
    if total > _LONGEST:
        raise ValueError("longer than ten years")
    return total


def format_duration(value: timedelta) -> str:
    """Write a length of time in the largest units that are exact: `1h30m`."""
    left = int(value.total_seconds())
    parts = []
    for unit, seconds in sorted(_SECONDS.items(), key=lambda item: -item[1]):
        if unit != "w" and left >= seconds:
            parts.append(f"{left // seconds}{unit}")
            left %= seconds
    return "".join(parts) or "0s"


def parse_size(value: object) -> int:
    """Read a size in bytes: `512MiB` (binary), `10MB` (decimal).

    Raises:
        ValueError: no such text, or no unit.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(_text(value))
    if match is None:
        raise ValueError("not a size; write a number with a unit (kB, MB, GB, KiB, MiB, GiB), like `512MiB`")
    return int(Decimal(match[1]) * _BYTES[match[2]])


def parse_percent(value: object) -> Decimal:
    """Read a share between `0%` and `100%` as a decimal between 0 and 1.

    Raises:
        ValueError: not such a text, or out of range.
    """
    if isinstance(value, Decimal):
        return value
    match = _PERCENT.fullmatch(_text(value))
    if match is None:
        raise ValueError("not a share; write a number with a percent sign, like `5%`")
    share = Decimal(match[1]) / 100
    if share > 1:
        raise ValueError("more than 100%")
    return share


def parse_money(value: object) -> MoneyAmount:
    """Read an amount with its ISO 4217 currency: `25.00 USD`.

    Raises:
        ValueError: not such a text.
    """
    if isinstance(value, MoneyAmount):
        return value
    match = _MONEY.fullmatch(_text(value))
    try:
        if match is not None:
            return MoneyAmount(amount=parse_amount(match[1]), currency=match[2])
    except MoneyError:
        pass
    raise ValueError("not money; write an amount and a currency, like `25.00 USD`")


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than zero")
    return value


def _local_path(value: Path, info: ValidationInfo) -> Path:
    base = (info.context or {}).get("folder")
    return Path(base, value.expanduser()) if base is not None else value.expanduser()


def _location(value: str, info: ValidationInfo) -> str:
    if not value.strip():
        raise ValueError("is empty; name a folder or `s3://bucket/prefix`")
    scheme, sep, rest = value.partition("://")
    if not sep:
        return str(_local_path(Path(value), info))
    if scheme != "s3" or not rest.partition("/")[0]:
        raise ValueError("not a place costd knows; name a folder or `s3://bucket/prefix`")
    return value.rstrip("/")


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _schema(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "examples": [example]})


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    _schema(r"(?:[0-9]+[wdhms])+", "6h"),
]
"""A length of time, zero allowed; `timedelta` once read."""

PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
"""A length of time longer than zero."""

ByteSize = Annotated[int, BeforeValidator(parse_size), _schema(r"[0-9.]+ ?([kMGT]?B|[KMGT]iB)", "512MiB")]
"""A size; bytes as `int` once read."""

Percent = Annotated[
    Decimal,
    BeforeValidator(parse_percent),
    PlainSerializer(lambda share: f"{plain(share * 100)}%", return_type=str),
    _schema("[0-9.]+ ?%", "5%"),
]
"""A share from `0%` to `100%`; a `Decimal` from 0 to 1 once read."""

Money = Annotated[
    MoneyAmount,
    BeforeValidator(parse_money),
    PlainSerializer(lambda m: f"{plain(m.amount)} {m.currency}", return_type=str),
    _schema("[-+]?[0-9.]+ [A-Z]{3}", "25.00 USD"),
]
"""An amount in one currency; `domain.money.Money` once read."""

LocalPath = Annotated[Path, AfterValidator(_local_path)]
"""A path on this machine; relative ones start at the configuration file's folder."""

Location = Annotated[str, AfterValidator(_location)]
"""A folder or file on this machine (absolute once read), or `s3://bucket/prefix`."""
