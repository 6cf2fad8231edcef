"""How a refusal or a failure is told: JSON to programs, a page to people, never more than they need."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from daemon.http.html import document
from daemon.logs import safe
from daemon.output import json_text
from daemon.work import BusyError
from domain.errors import ConflictError, CostdError, IncompleteError, StorageError, UsageError

_STATUS: dict[type[CostdError], int] = {
    UsageError: 400,
    ConflictError: 409,
    IncompleteError: 409,
    StorageError: 503,
    BusyError: 503,
}
_RETRY_AFTER_SECONDS = "5"


class Refused(CostdError):  # noqa: N818  # it is an answer, not a failure of ours
    """A request that is not answered, with the status that says why.

    Attributes:
        status: of HTTP.
        headers: that belong to the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


def wants_page(scope: Scope) -> bool:
    """Tell whether a person looks at the answer in a browser."""
    if scope["path"].startswith("/v1/"):
        return False
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return b"text/html" in accepted


def respond(scope: Scope, error: CostdError) -> Response:
    """Give the answer that tells an error."""
    if isinstance(error, Refused):
        return _answer(scope, error, error.status, error.headers)
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    headers = {"retry-after": _RETRY_AFTER_SECONDS} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return _answer(scope, error, status, headers)


def _answer(scope: Scope, error: CostdError, status: int, headers: Mapping[str, str]) -> Response:
    message, hint = safe(str(error)), safe(error.hint)
    headers = {"cache-control": "no-store", **headers}
    if wants_page(scope):
        title = HTTPStatus(status).phrase.capitalize()
        body = f"<h1>{escape(title)}</h1>\n<p>{escape(_sentence(message))}</p>\n"
        body += f'<p class="soft">{escape(_sentence(hint))}</p>\n' if hint else ""
        body += '<p><a href="/">To the first page</a></p>'
        return Response(document(title, body), status, headers, "text/html; charset=utf-8")
    told = json_text({"code": error.code, "message": message, "hint": hint})
    return Response(told + "\n", status, headers, "application/json")


def _sentence(text: str) -> str:
    """Give a message as people read it on a page."""
    return f"{text[:1].upper()}{text[1:]}" if not text.startswith("`") else text


async def on_costd_error(request: Request, error: Exception) -> Response:
    """Answer an error that costd raised on purpose."""
    assert isinstance(error, CostdError)  # noqa: S101  # registered for nothing else
    if isinstance(error, BusyError):
        request.app.state.services.counts.add("busy")
    return respond(request.scope, error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: no such page, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for nothing else
    told: dict[int, tuple[str, str, str]] = {
        404: ("not_found", "there is nothing at this address", "docs/reference/api.md lists what there is"),
        405: ("method_not_allowed", "this address takes no such method", ""),
    }
    code, message, hint = told.get(error.status_code, ("refused", HTTPStatus(error.status_code).phrase, ""))
    headers = dict(error.headers or {})
    return respond(request.scope, Refused(error.status_code, code, message, hint=hint, headers=headers))


HANDLERS: dict[Any, Any] = {CostdError: on_costd_error, HTTPException: on_http_exception}
"""What Starlette calls for each kind of error that a route raises."""
