"""A company's web app under a test client, as browsers and programs meet it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from acme import Acme
from starlette.testclient import TestClient

from daemon.assemble import open_settings
from daemon.http.app import create_app
from daemon.http.limits import Limits
from daemon.rooms import Rooms
from daemon.services import Services
from domain.identity import Role
from ledger.tokens import NewToken, Token

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)
HERE = "http://127.0.0.1:8080"
STRANGER = "203.0.113.9"
PROXY = "10.0.0.7"


@dataclass(slots=True, kw_only=True)
class MovingClock:
    """A clock that stands still until a test moves it."""

    at: datetime = NOW

    def now(self) -> datetime:
        """Give the instant."""
        return self.at


@dataclass(frozen=True, kw_only=True)
class Site:
    """One web app with its services."""

    services: Services
    app: Any
    clock: MovingClock = field(default_factory=MovingClock)

    def client(self, peer: str = "127.0.0.1", base_url: str = HERE, **more: Any) -> TestClient:
        """Give a client that connects from an address; redirects are shown, not followed."""
        more.setdefault("follow_redirects", False)
        return TestClient(self.app, base_url=base_url, client=(peer, 50_000), **more)

    def token(self, role: Role = Role.VIEWER, **fields: Any) -> tuple[Token, dict[str, str]]:
        """Make a token, and the header that brings it."""
        new = NewToken(name="test", role=role, created_by="os:test", **fields)
        token, text = self.services.tokens.create(new, self.clock.now())
        return token, bearer(text)


def bearer(text: str) -> dict[str, str]:
    """Give the header that brings a token."""
    return {"authorization": f"Bearer {text}"}


def site(acme: Acme, limits: Limits | None = None, http: str = "") -> Site:
    """Give the web app of a company; `http` is the section of that name."""
    path = acme.folder / "costd.yaml"
    if not path.exists():
        acme.configure("aws")
    if http:
        path.write_text(path.read_text(encoding="utf-8") + f"http: {http}\n", encoding="utf-8")
    clock = MovingClock()
    services = Services.of(Rooms(settings=open_settings(path), clock=clock))
    return Site(services=services, app=create_app(services, limits), clock=clock)


def csrf(client: TestClient, path: str = "/sign-in") -> str:
    """Load a page and give what its form must send back."""
    return hidden(client.get(path, headers={"accept": "text/html"}).text)["csrf"]


def hidden(page: str) -> Mapping[str, str]:
    """Give the hidden fields of a page's forms."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def sign_in(client: TestClient, **fields: str) -> Any:
    """Send the sign-in form as a browser does."""
    fields = {"csrf": csrf(client), **fields}
    origin = str(client.base_url).rstrip("/")
    return client.post("/sign-in", data=fields, headers={"origin": origin})
