"""Bodies of requests, read with care: few fields, shallow JSON, nothing twice."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import Scope

from daemon.http.errors import Refused

MOST_FIELDS = 50
DEEPEST = 32
_FORM = "application/x-www-form-urlencoded"
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def is_form(scope: Scope) -> bool:
    """Tell whether the body is a form as pages send it."""
    return media_type(scope) == _FORM


def media_type(scope: Scope) -> str:
    """Give the type of the body without its parameters, "" if it has none."""
    sent = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return sent.decode("latin-1").partition(";")[0].strip().lower()


def parse_form(body: bytes) -> Mapping[str, str]:
    """Read the fields of a form.

    Raises:
        Refused: too many fields, one of them twice, or not UTF-8.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise Refused(400, "bad_form", "the form cannot be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Refused(400, "bad_form", "the form has a field twice")
    return fields


async def read_form(request: Request) -> Mapping[str, str]:
    """Read a form that was sent.

    Raises:
        Refused: it is none, or cannot be read.
    """
    if not is_form(request.scope):
        raise Refused(415, "bad_media_type", f"a form must come as {_FORM}")
    return parse_form(await request.body())


async def read_json(request: Request) -> Any:
    """Read JSON that was sent.

    Raises:
        Refused: it is none, too deep, or has a key twice.
    """
    if media_type(request.scope) != "application/json":
        raise Refused(415, "bad_media_type", "the body must come as application/json")
    return parse_json(await request.body())


def parse_json(body: bytes) -> Any:
    """Read JSON of bounded depth, without NaN, without a key twice.

    Raises:
        Refused: it is anything else.
    """
    _refuse_depth(body)
    try:
        return json.loads(body, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(400, "bad_json", "the body is not JSON that can be read") from None


def _refuse_depth(body: bytes) -> None:
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(body):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > DEEPEST:
            raise Refused(400, "json_too_deep", f"the JSON is nested deeper than {DEEPEST} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
