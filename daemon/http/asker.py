"""Where a request really comes from: the machine that connected, and what a trusted proxy says.

Anybody can send `X-Forwarded-For: 127.0.0.1` or `X-Forwarded-Email: boss@…`. What a peer
says about others counts only when its address is among `http.trusted_proxies`; for the
rest of the app these headers do not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from config.http import Auth, HttpSettings, is_address, plain_address
from daemon.http.counts import Counts
from daemon.http.errors import Refused
from daemon.logs import get_logger

_FORWARDING = frozenset({"forwarded", "via", "x-real-ip"})
_KNOWN_IDENTITY = frozenset({"remote-user", "x-remote-user", "x-remote-group", "x-webauth-user"})
_PREFIXES = ("x-forwarded-", "x-auth-request-")
_LONGEST_NAME = 254
_LONGEST_GROUPS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Where a request comes from.

    Attributes:
        address: of the client, as far as anybody trustworthy knows; "" for unknown.
        is_local: it is a process of this very machine, and no proxy stands between.
        scheme: `http` or `https`, as the client's browser sees it.
        host: the host it asked for, as its browser sees it; "" where none was sent.
        person: whom a trusted proxy signed in, or "".
        groups: of that person, as the proxy says.
    """

    address: str
    is_local: bool
    scheme: str
    host: str
    person: str = ""
    groups: frozenset[str] = frozenset()


def asker_of(scope: Scope) -> Asker | None:
    """Give where a request comes from; None before anybody looked."""
    found: Asker | None = scope.get("state", {}).get("asker")
    return found


class Askers:
    """Finds out where each request comes from, and strikes out what only proxies may say."""

    def __init__(self, app: ASGIApp, *, http: HttpSettings, counts: Counts) -> None:
        self._app = app
        self._http = http
        self._counts = counts
        names = {http.identity_header.lower(), http.groups_header.lower()}
        self._identity = names | _KNOWN_IDENTITY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its asker, without the headers that said so."""
        if scope["type"] == "http":
            said = self._taken_out(scope)
            scope.setdefault("state", {})["asker"] = self._asker(scope, said)
        await self._app(scope, receive, send)

    def _taken_out(self, scope: Scope) -> dict[str, list[str]]:
        """Take the headers that only proxies may send out of a request, and give them."""
        kept: list[tuple[bytes, bytes]] = []
        said: dict[str, list[str]] = {}
        for raw, value in scope["headers"]:
            name = raw.decode("latin-1").lower()
            if name in self._identity or name in _FORWARDING or name.startswith(_PREFIXES):
                said.setdefault(name, []).append(_text(value))
            else:
                kept.append((raw, value))
        scope["headers"] = kept
        return said

    def _asker(self, scope: Scope, said: dict[str, list[str]]) -> Asker:
        peer = str(scope["client"][0]) if scope.get("client") else ""
        host = _host(scope)
        if self._http.trusts(peer):
            return self._behind_proxy(scope, said, peer, host)
        self._count_forged(said, peer)
        # A loopback peer with a proxy's headers is a proxy that nobody configured: whoever
        # is behind it is not this machine.
        direct = not any(name in _FORWARDING or name.startswith(_PREFIXES) for name in said)
        local = direct and is_address(peer) and plain_address(peer).is_loopback
        return Asker(address=peer, is_local=local, scheme=scope.get("scheme", "http"), host=host)

    def _behind_proxy(self, scope: Scope, said: dict[str, list[str]], peer: str, host: str) -> Asker:
        scheme = _last(said, "x-forwarded-proto").lower()
        named = self._http.auth is Auth.PROXY
        return Asker(
            address=self._client(said, peer),
            is_local=False,
            scheme=scheme if scheme in {"http", "https"} else scope.get("scheme", "http"),
            host=_last(said, "x-forwarded-host") or host,
            person=_person(said.get(self._http.identity_header.lower(), [])) if named else "",
            groups=_groups(said.get(self._http.groups_header.lower(), [])) if named else frozenset(),
        )

    def _client(self, said: dict[str, list[str]], peer: str) -> str:
        """Give the last address that no trusted proxy has: what is left of it the client made up."""
        hops = [hop.strip() for line in said.get("x-forwarded-for", []) for hop in line.split(",")]
        for hop in reversed(hops):
            if not is_address(hop):
                break
            if not self._http.trusts(hop):
                return str(plain_address(hop))
        return peer

    def _count_forged(self, said: dict[str, list[str]], peer: str) -> None:
        if not self._identity.isdisjoint(said):
            seen = self._counts.add("forged_identity")
            if seen & (seen - 1) == 0:  # 1, 2, 4, 8 …: told, and no way to fill the disk
                names = sorted(self._identity & set(said))
                get_logger().warning("identity_header_ignored", peer=peer, headers=names, seen=seen)


def _person(values: list[str]) -> str:
    if not values or values == [""]:
        return ""
    name = values[0].strip()
    if len(values) > 1 or "," in name or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise Refused(
            400,
            "identity_ambiguous",
            "the proxy's identity header does not name exactly one person",
            hint="have the proxy overwrite the header on every request, not append to it",
        )
    return name.casefold() if "@" in name else name


def _groups(values: list[str]) -> frozenset[str]:
    text = ",".join(values)[:_LONGEST_GROUPS]
    return frozenset(group.strip() for group in text.split(",") if group.strip())


def _last(said: dict[str, list[str]], name: str) -> str:
    """Give what the nearest proxy said: the last of a list that each one appends to."""
    return ",".join(said.get(name, [])).rpartition(",")[2].strip()


def _host(scope: Scope) -> str:
    hosts = [_text(value) for name, value in scope["headers"] if name.lower() == b"host"]
    return hosts[0] if len(hosts) == 1 else ""


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
