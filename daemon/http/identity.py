"""Who asks, and whether they may: the one place where a request is let in.

Everything is closed. Open to everybody are the few paths of `PUBLIC`; reading is open to
this machine itself; everything else needs a token, a session, or a trusted proxy's word.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.http.asker import Asker, asker_of
from daemon.http.bodies import is_form, parse_form
from daemon.http.cookies import FORMS, SESSION, cookie, read_cookie
from daemon.http.door import Door, new_secret
from daemon.http.errors import Refused, wants_page
from daemon.http.origins import SAFE_METHODS
from domain.identity import LOCAL_READER, Identity, Right, Role, Via

PUBLIC = frozenset({"/healthz", "/readyz", "/sign-in", "/favicon.ico"})
"""Paths that say nothing about anybody's cost."""

PUBLIC_FOLDERS = ("/static/",)
SIGN_IN = "/sign-in"
_BEARER = "bearer "

Endpoint = Callable[[Request], Awaitable[Response]]


def identity_of(request: Request) -> Identity | None:
    """Give who asks; None for somebody unknown on a public path."""
    found: Identity | None = request.scope["state"]["identity"]
    return found


def require(right: Right) -> Callable[[Endpoint], Endpoint]:
    """Let an endpoint be used only by those who may."""

    def closed(endpoint: Endpoint) -> Endpoint:
        @wraps(endpoint)
        async def guarded(request: Request) -> Response:
            """Answer, or say what it takes."""
            identity = identity_of(request)
            if identity is None or not (identity.known or right is Right.READ):
                raise _unknown()
            if not identity.may(right):
                raise Refused(
                    403,
                    "forbidden",
                    f"the role {identity.role.value} may not {right.value}",
                    hint=_who_may(right),
                )
            return await endpoint(request)

        return guarded

    return closed


def form_token(request: Request) -> str:
    """Give what a form of this page must send back in its field `csrf`."""
    state = request.scope["state"]
    identity: Identity | None = state["identity"]
    door: Door = state["door"]
    if not state["form_secret"]:
        state["form_secret"] = state["new_form_secret"] = new_secret()
    return door.form_token(state["form_secret"], _subject(identity))


class Access:
    """Finds out who asks, and lets them in or not."""

    def __init__(self, app: ASGIApp, *, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with who asks, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asker = asker_of(scope)
        assert asker is not None  # noqa: S101  # the guard before this one
        identity = await self._identity(scope, asker)
        state = scope["state"]
        state.update(identity=identity, door=self._door, form_secret=read_cookie(scope, FORMS))
        if scope["method"] in SAFE_METHODS:
            _check_reading(scope, identity)
        else:
            receive = await self._check_changing(scope, receive, identity)
        await self._app(scope, receive, partial(_with_form_cookie, scope, send))

    async def _identity(self, scope: Scope, asker: Asker) -> Identity | None:
        token = _bearer(scope)
        if token is not None:
            return await self._by_token(token, asker)
        if asker.person:
            role = self._door.services.settings.http.roles.role_of(asker.person, asker.groups)
            return Identity(subject=asker.person, role=role, via=Via.PROXY)
        secret = read_cookie(scope, SESSION)
        if secret:
            found = await self._door.ask(
                lambda: self._door.services.sessions.session(secret, self._door.now())
            )
            if found is not None:
                return found
        return LOCAL_READER if asker.is_local else None

    async def _by_token(self, text: str, asker: Asker) -> Identity:
        refuse_guessing(self._door, asker)
        token = await self._door.ask(lambda: self._door.services.tokens.find(text, self._door.now()))
        if token is None:
            self._door.slowdown.failed(asker.address)
            self._door.services.counts.add("sign_in_failed")
            raise Refused(
                401,
                "token_refused",
                "this token is unknown, expired or revoked",
                hint="`costd token list` shows which there are, `costd token create` makes one",
                headers={"www-authenticate": 'Bearer realm="costd", error="invalid_token"'},
            )
        self._door.slowdown.succeeded(asker.address)
        self._door.note_use(token)
        return Identity(subject=f"token:{token.id}", role=token.role, via=Via.TOKEN, team=token.team)

    async def _check_changing(self, scope: Scope, receive: Receive, identity: Identity | None) -> Receive:
        """Let a change through that somebody known asks for, by a page of ours or with a token."""
        if scope["path"] not in PUBLIC and (identity is None or not identity.known):
            raise _unknown()
        if identity is not None and identity.via is Via.TOKEN:
            return receive  # browsers add no token by themselves
        sent = next((value.decode("latin-1") for n, value in scope["headers"] if n == b"x-csrf-token"), "")
        if not sent and is_form(scope):
            body = await _body(receive)
            sent = parse_form(body).get("csrf", "")
            receive = _replayed(body, receive)
        if not self._door.is_form_token(sent, scope["state"]["form_secret"], _subject(identity)):
            self._door.services.counts.add("csrf_refused")
            raise Refused(
                403,
                "form_refused",
                "this form is too old, or was not made by costd",
                hint="load the page again and send it once more",
            )
        return receive


def refuse_guessing(door: Door, asker: Asker) -> None:
    """Refuse to look at a secret from an address that got too many wrong.

    Raises:
        Refused: it must wait; how long is in `Retry-After`.
    """
    seconds = door.slowdown.wait_seconds(asker.address)
    if seconds > 0:
        door.services.counts.add("slowed_down")
        raise Refused(
            429,
            "slowed_down",
            "too many wrong tokens came from this address",
            hint="wait, then try the right one",
            headers={"retry-after": str(int(seconds) + 1)},
        )


def _check_reading(scope: Scope, identity: Identity | None) -> None:
    path = scope["path"]
    if identity is None and path not in PUBLIC and not path.startswith(PUBLIC_FOLDERS):
        if wants_page(scope):
            location = f"{SIGN_IN}?next={quote(_asked_for(scope), safe='')}"
            raise Refused(303, "unauthenticated", "sign in first", headers={"location": location})
        raise _unknown()


def _asked_for(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return str(scope["path"]) + (f"?{query}" if query else "")


def _unknown() -> Refused:
    return Refused(
        401,
        "unauthenticated",
        "this needs to know who you are",
        hint="send `Authorization: Bearer TOKEN` (`costd token create`), or sign in at /sign-in",
        headers={"www-authenticate": 'Bearer realm="costd"'},
    )


def _who_may(right: Right) -> str:
    return "it takes one of the roles " + ", ".join(role.value for role in Role if right in role.rights)


def _subject(identity: Identity | None) -> str:
    return identity.subject if identity is not None and identity.known else ""


def _bearer(scope: Scope) -> str | None:
    """Give the token of a request; another scheme is a proxy's business and says nothing here."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    sent = [value.decode("latin-1") for name, value in headers if name == b"authorization"]
    if len(sent) > 1:
        raise Refused(400, "bad_request", "there are two Authorization headers")
    if not sent or not sent[0].lower().startswith(_BEARER):
        return None
    return sent[0][len(_BEARER) :].strip()


async def _with_form_cookie(scope: Scope, send: Send, message: Message) -> None:
    fresh = scope["state"].get("new_form_secret")
    if fresh and message["type"] == "http.response.start":
        MutableHeaders(scope=message).append("set-cookie", cookie(scope, FORMS, fresh))
    await send(message)


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give a body again that was read already, then whatever comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
