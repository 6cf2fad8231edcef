"""What an answer is: whole, only a part, an error, or too much at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson

from collectors.prometheus.web import Reply, TooMuchError, UnavailableError
from domain.errors import SourceError
from domain.text import shortened

_TOO_MUCH = (
    "too many samples",
    "exceeded maximum resolution",
    "exceeds the limit",
    "exceeds limit",
    "timed out",
    "timeout",
    "maxsamples",
    "maxpoints",
    "the limit is",
    "limit exceeded",
)
_LONGEST_WAIT = 20.0
BUSY = frozenset({429, 502, 503, 504})
"""Statuses of a server that may answer later."""

URL_HINT = "`url` must be the address below which `/api/v1/query` is, e.g. http://host:9090"


def read(reply: Reply, place: str) -> dict[str, Any]:
    """Read an answer.

    Raises:
        TooMuchError: the question was too large.
        SourceError: it is an error, or no answer of Prometheus.
    """
    try:
        content = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        content = None
    said = content.get("error") if isinstance(content, dict) else None
    text = shortened(str(said), 300) if said else f"status {reply.status}"
    if is_too_much(reply):
        raise TooMuchError(f"{place} finds a question too large: {text}", hint="raise the server's limits")
    if reply.status in (401, 403):
        raise SourceError(
            f"{place} refuses the login: {text}",
            hint="give this source `token`, or `username` and `password`, that may read metrics; for Mimir "
            "also the header X-Scope-OrgID",
        )
    if reply.status in BUSY:
        raise UnavailableError(f"{place} cannot answer now: {text}", hint="the next collection tries again")
    if said or reply.status != 200:
        raise SourceError(f"{place} answered with an error: {text}", hint=URL_HINT if not said else "")
    if not isinstance(content, dict) or content.get("status") != "success":
        raise SourceError(f"{place} did not answer as Prometheus does", hint=URL_HINT)
    return content


def is_too_much(reply: Reply) -> bool:
    """Tell whether an error says that a smaller question would be answered."""
    if reply.status in (413, 414):
        return True
    if reply.status not in (400, 422, 429, 500, 503):
        return False
    text = reply.body[:4096].decode("utf-8", "replace").lower()
    return any(words in text for words in _TOO_MUCH)


def refuse_parts(content: Mapping[str, Any], place: str) -> None:
    """Refuse an answer that leaves something out; notes about PromQL itself are none."""
    warnings = content.get("warnings") or []
    said = [str(one) for one in warnings if not str(one).startswith("PromQL ")]
    if content.get("isPartial") or said:
        why = f": {shortened(said[0], 300)}" if said else ""
        raise UnavailableError(
            f"{place} gave only part of an answer{why}",
            hint="a store behind it is down; its hours are read once it answers in full",
        )


def pause(reply: Reply, attempt: int) -> float:
    """Give the seconds to wait before asking again."""
    said = reply.headers.get("retry-after", "")
    return min(_LONGEST_WAIT, float(said)) if said.isdigit() else float(attempt)


def is_series(one: Any) -> bool:
    """Tell whether it has labels, and a point or points; one of histograms alone has none."""
    if not isinstance(one, dict) or not isinstance(one.get("metric"), dict):
        return False
    if not all(isinstance(text, str) for text in one["metric"].values()):
        return False
    points = one.get("values") or []
    first = [one["value"]] if "value" in one else points[:1] if isinstance(points, list) else [None]
    return all(
        isinstance(point, list)
        and len(point) == 2
        and isinstance(point[0], int | float)
        and isinstance(point[1], str)
        for point in first
    )


def number_of(one: Mapping[str, Any]) -> float:
    """Give the value at an instant; 0 for what is no finite number."""
    try:
        number = float(one["value"][1])
    except (KeyError, ValueError):
        return 0.0
    return number if math.isfinite(number) else 0.0
