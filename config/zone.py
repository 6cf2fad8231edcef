"""Time zones as people name them."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(value if isinstance(value, str) else "")
    except (LookupError, ValueError, OSError):
        hint = "write a name of the IANA time zone database, like `Europe/Berlin` or `UTC`"
        if not available_timezones():
            hint = "this machine has no time zone database; install its package tzdata"
        raise PydanticCustomError("zone", "not a time zone", {"hint": hint}) from None


Zone = Annotated[
    ZoneInfo,
    BeforeValidator(_zone),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["Europe/Berlin"]}),
]
"""An IANA time zone by its name."""
