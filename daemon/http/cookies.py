"""The two cookies: one that says which session a browser has, one that its forms are signed with."""

from __future__ import annotations

from starlette.requests import cookie_parser
from starlette.types import Scope

from daemon.http.asker import asker_of

SESSION = "costd-session"
FORMS = "costd-forms"


def cookie_name(scope: Scope, kind: str) -> str:
    """Name a cookie so that nobody else's can stand in for it.

    `__Host-` binds it to https and to this very host. Without https browsers share cookies
    between all ports of a host, so the port is part of the name.
    """
    if _is_secure(scope):
        return f"__Host-{kind}"
    server = scope.get("server")
    return f"{kind}-{server[1]}" if server and server[1] else kind


def read_cookie(scope: Scope, kind: str) -> str:
    """Give the value of a cookie, "" if the browser sent none."""
    sent = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    return cookie_parser(sent).get(cookie_name(scope, kind), "")


def cookie(scope: Scope, kind: str, value: str, *, seconds: int | None = None) -> str:
    """Give a `Set-Cookie` header: no script reads it, no other site sends it with a change.

    `Lax`, not `Strict`: who follows a link in Slack is still signed in.
    """
    parts = [f"{cookie_name(scope, kind)}={value}", "Path=/", "HttpOnly", "SameSite=Lax"]
    if seconds is not None:
        parts.append(f"Max-Age={seconds}")
    if _is_secure(scope):
        parts.append("Secure")
    return "; ".join(parts)


def _is_secure(scope: Scope) -> bool:
    asker = asker_of(scope)
    return asker is not None and asker.scheme == "https"
