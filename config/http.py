"""The `http:` section: where the pages are served, and who may come in."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from config.base import Model
from config.units import PositiveDuration
from domain.identity import Role

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.IGNORECASE | re.ASCII)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
_GROUP = "group:"
_TAKEN = frozenset(
    {
        *("accept", "authorization", "connection", "content-length", "content-type", "cookie", "forwarded"),
        *("host", "origin", "referer", "transfer-encoding", "user-agent", "via", "x-forwarded-for"),
        *("x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip"),
    }
)
"""Headers with a meaning of their own; everybody's browser sends most of them."""


class Auth(StrEnum):
    """How people and programs show who they are."""

    NONE = "none"
    TOKEN = "token"  # noqa: S105  # a word of the configuration
    PROXY = "proxy"


def _network(value: Any) -> Network:
    if isinstance(value, (IPv4Network, IPv6Network)):
        return value
    try:
        network = ip_network(value if isinstance(value, str) else "", strict=False)
    except ValueError:
        hint = "write an address or a range, like `10.0.0.7` or `10.0.0.0/24`"
        raise PydanticCustomError("network", "not a range of addresses", {"hint": hint}) from None
    if network.prefixlen == 0:
        hint = "name the addresses of your proxy only; whoever is trusted may say who they are"
        raise PydanticCustomError("network_all", "would trust every machine there is", {"hint": hint})
    return network


def _host_name(value: str) -> str:
    if is_address(value.strip("[]")) or _HOST.fullmatch(value):
        return value.strip("[]").lower()
    hint = "write a host name or an IP address, without a port"
    raise PydanticCustomError("host", "not a host", {"hint": hint})


def _origin(value: str) -> str:
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        url, port = urlsplit(""), None
    bare = url.path in {"", "/"} and not url.query and not url.fragment and "@" not in url.netloc
    if url.scheme not in {"http", "https"} or not url.hostname or not bare or port == 0:
        hint = "write it like `https://costd.acme.example`, without a path"
        raise PydanticCustomError("public_url", "not the address of a site", {"hint": hint})
    _host_name(url.hostname)
    return value.rstrip("/")


def _header(value: str) -> str:
    if not _HEADER.fullmatch(value) or value.lower() in _TAKEN:
        hint = "name a header that your proxy sets on every request, like `X-Forwarded-Email`"
        raise PydanticCustomError("header", "not a header that can name somebody", {"hint": hint})
    return value


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


Networks = tuple[
    Annotated[
        Network,
        BeforeValidator(_network),
        PlainSerializer(str, return_type=str),
        WithJsonSchema({"type": "string", "examples": ["10.0.0.0/24"]}),
    ],
    ...,
]
HostName = Annotated[str, AfterValidator(_host_name)]
HeaderName = Annotated[str, AfterValidator(_header)]


class HttpRoles(Model):
    """Who behind the proxy is more than a viewer."""

    approver: tuple[str, ...] = Field(
        default=(),
        description="Who may approve: identities as the proxy names them, with `*`, or `group:NAME`. Default "
        "none, because approving is a trust that somebody has to give.",
        examples=["*@platform.acme.example"],
    )
    admin: tuple[str, ...] = Field(
        default=(),
        description="Who may do everything: identities as the proxy names them, with `*`, or `group:NAME`. "
        "Default none, because the command line on the machine itself can do what admins can.",
        examples=["group:finops"],
    )

    def role_of(self, subject: str, groups: frozenset[str]) -> Role:
        """Give the highest role that an identity or one of its groups has; everybody is a viewer."""
        if any(_fits(pattern, subject, groups) for pattern in self.admin):
            return Role.ADMIN
        if any(_fits(pattern, subject, groups) for pattern in self.approver):
            return Role.APPROVER
        return Role.VIEWER


def _fits(pattern: str, subject: str, groups: frozenset[str]) -> bool:
    if pattern.startswith(_GROUP):
        return pattern.removeprefix(_GROUP) in groups
    return fnmatchcase(subject.casefold(), pattern.casefold())


class HttpSettings(Model):
    """Where `costd run` serves its pages and its API, and who may come in."""

    host: HostName = Field(
        default="127.0.0.1",
        description="Address to listen on. Default `127.0.0.1`, because costs are nobody else's business "
        "until somebody decided so; any address beyond this machine needs `auth`.",
        examples=["0.0.0.0"],  # noqa: S104  # an example; `binding` refuses it without auth
    )
    port: int = Field(
        default=8080,
        ge=0,
        le=65535,
        description="Port number to listen on, 0 for any free one. Default 8080, because it needs "
        "no privileges.",
    )
    public_url: Annotated[str, AfterValidator(_origin)] | None = Field(
        default=None,
        description="Address that people know these pages by; links in messages begin with it. Default none: "
        "messages have no links, because costd cannot know what is in front of it, and a link to "
        "`localhost` leads each reader to another machine.",
        examples=["https://costd.acme.example"],
    )
    allowed_hosts: tuple[HostName, ...] = Field(
        default=(),
        description="Further host names that requests may ask for. Default none, because `public_url`, "
        "`host` and the names of this machine itself are enough; any other is refused (DNS rebinding).",
        examples=["costd.monitoring.svc"],
    )
    auth: Auth = Field(
        default=Auth.NONE,
        description="How somebody from another machine shows who they are: `none` (only this machine is "
        "served), `token` (`costd token create`) or `proxy` (a signing-in proxy in front; tokens work too). "
        "Default `none`, because on loopback reading needs no sign-in.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Addresses of the proxies in front, single or as CIDR ranges. Only from these are "
        "`X-Forwarded-…` and the identity header believed. Default none, because anybody can send headers.",
        examples=["10.0.0.0/24"],
    )
    identity_header: HeaderName = Field(
        default="X-Forwarded-Email",
        description="Header in which the proxy names the person, with `auth: proxy`. The proxy must set it "
        "itself on every request. Default `X-Forwarded-Email`, because oauth2-proxy sends it.",
    )
    groups_header: HeaderName = Field(
        default="X-Forwarded-Groups",
        description="Header in which the proxy lists the person's groups, with commas between. The proxy "
        "must set it itself on every request. Default `X-Forwarded-Groups`, because oauth2-proxy sends it.",
    )
    roles: HttpRoles = Field(
        default_factory=HttpRoles,
        description="Who behind the proxy is more than a viewer. Default nobody, because signing in proves "
        "who somebody is, not what they may do.",
    )
    session_lifetime: PositiveDuration = Field(
        default=timedelta(hours=12),
        description="How long a browser stays signed in; a length of time. Default `12h`, because that is a "
        "working day.",
    )
    max_connections: int = Field(
        default=2000,
        ge=8,
        le=100_000,
        description="Connections held open at once; a count. Beyond it the one that has waited longest gives "
        "way. Default 2000, because that many cost little memory and no team has as many readers.",
    )
    max_reports: int = Field(
        default=2,
        ge=1,
        le=64,
        description="Reports computed at once; a count. Default 2, because each already uses every core, and "
        "collecting goes on beside them.",
    )
    max_waiting: int = Field(
        default=200,
        ge=1,
        le=10_000,
        description="Different reports that may wait for their turn; a count. Beyond it requests are told to "
        "come back. Default 200, because more would wait longer than anybody looks at a page.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _proxy_needs_addresses(cls, value: Networks, info: ValidationInfo) -> Networks:
        if info.data.get("auth") is Auth.PROXY and not value:
            hint = "add `trusted_proxies: [ADDRESS]`, the addresses your proxy connects from"
            raise PydanticCustomError("proxies", "`auth: proxy` needs to know the proxy", {"hint": hint})
        return value

    @field_validator("groups_header")
    @classmethod
    def _two_headers(cls, value: str, info: ValidationInfo) -> str:
        if value.lower() == str(info.data.get("identity_header", "")).lower():
            raise PydanticCustomError("headers", "`identity_header` and `groups_header` are the same")
        return value

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine can connect."""
        return self.host == "localhost" or (is_address(self.host) and ip_address(self.host).is_loopback)

    def trusts(self, address: str | None) -> bool:
        """Tell whether an address is one of the trusted proxies."""
        if address is None or not is_address(address):
            return False
        found = plain_address(address)
        return any(found.version == network.version and found in network for network in self.trusted_proxies)


def plain_address(text: str) -> Address:
    """Read an IP address; an IPv4 one that came as IPv6 is given as itself.

    Raises:
        ValueError: it is none.
    """
    address = ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address
