"""The `http:` section: what it takes, what it refuses, and whom it trusts."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.http import Auth, HttpSettings
from config.load import Loaded, Origin, load
from domain.identity import Role


def loaded(text: str) -> Loaded:
    return load(Origin(name="costd.yaml", folder=Path("/srv"), text=text), {})


def http(text: str) -> HttpSettings:
    return loaded(f"http: {text}").usable().http


def test_by_default_only_this_machine_is_served_and_nobody_is_trusted() -> None:
    default = loaded("mode: observe").usable().http
    assert (default.host, default.port, default.auth) == ("127.0.0.1", 8080, Auth.NONE)
    assert default.is_loopback
    assert not default.trusts("127.0.0.1")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("'::1'", True),
        ("'[::1]'", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104  # read, not bound
        ("'::'", False),
        ("10.0.0.7", False),
        ("costd.acme.example", False),
        ("localhost.acme.example", False),
        ("127.0.0.1.acme.example", False),
    ],
)
def test_knows_which_addresses_only_this_machine_reaches(host: str, loopback: bool) -> None:  # noqa: FBT001  # a table
    assert http(f"{{host: {host}}}").is_loopback is loopback


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("{host: 'a b'}", "http.host", "not a host"),
        ("{host: 'costd.example:80'}", "http.host", "not a host"),
        ("{host: 'http://x'}", "http.host", "not a host"),
        ("{host: ''}", "http.host", "not a host"),
        ("{port: 65536}", "http.port", "65535"),
        ("{public_url: costd.acme.example}", "http.public_url", "not the address of a site"),
        ("{public_url: 'https://costd.acme.example/costs'}", "http.public_url", "not the address of a site"),
        ("{public_url: 'https://a:b@costd.example'}", "http.public_url", "not the address of a site"),
        ("{public_url: 'https://x:99999'}", "http.public_url", "not the address of a site"),
        ("{public_url: 'javascript://x'}", "http.public_url", "not the address of a site"),
        ("{auth: open}", "http.auth", "'none', 'token' or 'proxy'"),
        ("{auth: proxy}", "http", "needs to know the proxy"),
        ("{trusted_proxies: [0.0.0.0/0]}", "http.trusted_proxies[0]", "would trust every machine"),
        ("{trusted_proxies: ['::/0']}", "http.trusted_proxies[0]", "would trust every machine"),
        ("{trusted_proxies: [proxy.example]}", "http.trusted_proxies[0]", "not a range of addresses"),
        ("{identity_header: 'X: y'}", "http.identity_header", "not a header"),
        ("{identity_header: User-Agent}", "http.identity_header", "not a header"),
        ("{groups_header: x-forwarded-email}", "http.groups_header", "the same"),
        ("{session_lifetime: 0s}", "http.session_lifetime", "longer than zero"),
        ("{max_reports: 0}", "http.max_reports", "1"),
        ("{allowed_hosts: ['*']}", "http.allowed_hosts[0]", "not a host"),
        ("{secret: x}", "http.secret", ""),
    ],
)
def test_refuses_what_cannot_be_meant_and_says_where(text: str, key: str, says: str) -> None:
    faults = {fault.key: fault for fault in loaded(f"http: {text}").errors}
    assert key in faults, faults
    assert says in faults[key].message


def test_a_proxy_is_trusted_by_its_address_also_when_it_comes_as_ipv6() -> None:
    settings = http("{auth: proxy, trusted_proxies: [10.0.0.0/24, 'fd00::7']}")
    assert settings.trusts("10.0.0.9")
    assert settings.trusts("::ffff:10.0.0.9")
    assert settings.trusts("fd00::7")
    for stranger in ("10.0.1.9", "fd00::8", "127.0.0.1", "", "nonsense", "10.0.0.9%eth0", None):
        assert not settings.trusts(stranger), stranger


def test_roles_are_given_by_name_pattern_and_group_and_the_highest_wins() -> None:
    roles = http(
        "{roles: {approver: ['*@platform.example', 'group:sre'], admin: [lee@platform.example]}}"
    ).roles
    nothing: frozenset[str] = frozenset()
    assert roles.role_of("sam@platform.example", nothing) is Role.APPROVER
    assert roles.role_of("SAM@PLATFORM.EXAMPLE", nothing) is Role.APPROVER
    assert roles.role_of("Lee@platform.example", nothing) is Role.ADMIN
    assert roles.role_of("kim@web.example", frozenset({"sre"})) is Role.APPROVER
    assert roles.role_of("kim@web.example", frozenset({"SRE", "group:sre"})) is Role.VIEWER
    assert roles.role_of("group:sre", nothing) is Role.VIEWER
    assert roles.role_of("x@platform.example.evil.example", nothing) is Role.VIEWER
