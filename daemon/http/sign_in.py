"""Signing in and out: a one-time link from the terminal, or a token, becomes a session of a browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.http.asker import Asker, asker_of
from daemon.http.bodies import read_form
from daemon.http.cookies import SESSION, cookie, read_cookie
from daemon.http.door import Door
from daemon.http.errors import Refused
from daemon.http.html import document
from daemon.http.identity import SIGN_IN, form_token, identity_of, refuse_guessing
from daemon.local_user import local_user
from daemon.logs import get_logger
from domain.identity import Identity, Role, Via
from ledger.tokens import Token

if TYPE_CHECKING:
    from daemon.services import Services

LINK_LIFETIME = timedelta(minutes=15)
_FIRST_PAGE = "/"


def sign_in_link(services: Services, base_url: str) -> str:
    """Give a link that signs in one browser, once, soon, as the user of this process.

    Whoever reads the terminal of `costd run` could do everything on this machine anyway, so
    it makes an admin.
    """
    code = services.sessions.open_link(local_user(), Role.ADMIN, services.clock.now(), LINK_LIFETIME)
    return f"{base_url.rstrip('/')}{SIGN_IN}?code={code}"


def routes(services: Services) -> Iterator[BaseRoute]:
    """Give the routes of signing in and out."""
    del services
    yield Route(SIGN_IN, _page, methods=["GET"])
    yield Route(SIGN_IN, _sign_in, methods=["POST"])
    yield Route("/sign-out", _sign_out, methods=["POST"])


async def _page(request: Request) -> Response:
    """Show what to do; looking at it uses nothing up, for mail scanners and previews look too."""
    code = request.query_params.get("code", "")
    hidden = _hidden("csrf", form_token(request)) + _hidden("next", _next(request.query_params.get("next")))
    identity = identity_of(request)
    if identity is not None and identity.known:
        body = f"<p>You are signed in as {escape(identity.subject)} ({identity.role.value}).</p>\n"
        body += _form("/sign-out", hidden, "Sign out")
    elif code:
        body = "<p>This link works once.</p>\n" + _form(SIGN_IN, hidden + _hidden("code", code), "Sign in")
    else:
        field = (
            '<p><label for="token">Token</label> <input id="token" name="token" type="password" '
            'autocomplete="off" required></p>\n'
        )
        body = (
            "<p>Open the link that <code>costd run</code> printed on its terminal, or paste a token: "
            "<code>costd token create</code> makes one.</p>\n" + _form(SIGN_IN, hidden + field, "Sign in")
        )
    return HTMLResponse(document("Sign in", f"<h1>Sign in</h1>\n{body}"))


async def _sign_in(request: Request) -> Response:
    door: Door = request.scope["state"]["door"]
    asker = _asker(request)
    form = await read_form(request)
    refuse_guessing(door, asker)
    identity, token = await _signed_in(door, form, asker)
    if identity is None:
        door.slowdown.failed(asker.address)
        door.services.counts.add("sign_in_failed")
        get_logger().warning("sign_in_failed", peer=asker.address, by="code" if form.get("code") else "token")
        raise Refused(
            401,
            "sign_in_failed",
            "this link was used already or is too old, or this token does not work",
            hint="start `costd run` again for a new link, or make a token: `costd token create`",
        )
    door.slowdown.succeeded(asker.address)
    lifetime = door.services.settings.http.session_lifetime
    secret = await door.ask(
        lambda: door.services.sessions.open_session(identity, door.now(), lifetime, token=token)
    )
    get_logger().info("signed_in", subject=identity.subject, role=identity.role.value, peer=asker.address)
    answer = RedirectResponse(_next(form.get("next")), 303)
    seconds = int(lifetime.total_seconds())
    answer.headers.append("set-cookie", cookie(request.scope, SESSION, secret, seconds=seconds))
    return answer


async def _signed_in(
    door: Door, form: Mapping[str, str], asker: Asker
) -> tuple[Identity | None, Token | None]:
    code, text = form.get("code", ""), form.get("token", "").strip()
    if code:
        sessions = door.services.sessions
        return await door.ask(lambda: sessions.use_link(code, door.now(), peer=asker.address)), None
    token = await door.ask(lambda: door.services.tokens.find(text, door.now()))
    if token is None:
        return None, None
    door.note_use(token)
    subject = f"token:{token.id}"
    return Identity(subject=subject, role=token.role, via=Via.SESSION, team=token.team), token


async def _sign_out(request: Request) -> Response:
    door: Door = request.scope["state"]["door"]
    secret = read_cookie(request.scope, SESSION)
    await door.ask(lambda: door.services.sessions.close_session(secret))
    answer = RedirectResponse(SIGN_IN, 303)
    answer.headers.append("set-cookie", cookie(request.scope, SESSION, "", seconds=0))
    answer.headers["clear-site-data"] = '"cache"'
    return answer


def _asker(request: Request) -> Asker:
    asker = asker_of(request.scope)
    assert asker is not None  # noqa: S101  # every request has one by now
    return asker


def _next(asked: str | None) -> str:
    """Give where to go on to: a path of ours, whatever was asked for."""
    path = asked or _FIRST_PAGE
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if ours and "\\" not in path else _FIRST_PAGE


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">\n'


def _form(action: str, fields: str, button: str) -> str:
    return f'<form method="post" action="{action}">\n{fields}<button type="submit">{button}</button>\n</form>'
