"""What the product map says of a price: the service's name, and the properties FOCUS has names for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import orjson
import polars as pl

from collectors.aws.lookup import looked_up
from collectors.aws.names import PRODUCT_KEYS
from collectors.aws.tags import folded
from collectors.focus.normalise import Memory

_NUMBERS = {"vcpu": "CoreCount", "gpu": "GpuCount", "memory": "MemorySize", "max_iopsvolume": "DiskMaxIops"}
"""Properties that FOCUS wants as numbers; memory in GB as AWS counts it."""

_TEXTS = {"operating_system": "OperatingSystem", "storage_class": "StorageClass", "volume_type": "DiskType"}
_NOT_OF_A_PRICE = {"product_name", "region"}
_NUMBER = re.compile(r"(\d[\d,]*(?:\.\d+)?)", re.ASCII)


def product_of(text: str) -> tuple[str | None, str | None]:
    """Give (name of the service, properties as JSON) of a product map."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(found, dict):
        return None, None
    known = {key: str(value).strip() for key, value in found.items() if value not in {"", None, "NA"}}
    return known.get("product_name") or None, _properties(known)


def _properties(known: Mapping[str, str]) -> str | None:
    first: dict[str, str | int | float] = {}
    rest: dict[str, str] = {}
    for key in sorted(PRODUCT_KEYS - _NOT_OF_A_PRICE):
        value = known.get(key)
        if not value:
            continue
        number = _number(value) if key in _NUMBERS else None
        if number is not None:
            first[_NUMBERS[key]] = number
        elif key in _TEXTS:
            first[_TEXTS[key]] = value
        else:
            rest[f"x_{''.join(word.capitalize() for word in key.split('_'))}"] = value
    found = dict(sorted(first.items())) | rest
    return orjson.dumps(found).decode() if found else None


def _number(text: str) -> int | float | None:
    match = _NUMBER.match(text)
    if match is None:
        return None
    try:
        value = Decimal(match[1].replace(",", ""))
    except InvalidOperation:
        return None
    # A property, not money: JSON numbers are what FOCUS wants here.
    return int(value) if value == value.to_integral_value() else float(value)


def products(rows: pl.DataFrame, memory: Memory) -> tuple[pl.Series, pl.Series]:
    """Give the service's name and SkuPriceDetails of every line, null where the file says nothing."""
    raw = folded(rows, "product", "product", memory)
    if raw is None:
        raw = pl.Series("product", [None], dtype=pl.String).new_from_index(0, rows.height)
    schema = [("product_name", pl.String()), ("SkuPriceDetails", pl.String())]
    name, details = looked_up(raw, "product", schema, product_of, memory)
    return name, details
