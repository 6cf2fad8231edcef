"""What browsers bring: hosts, origins, cookies, forms; and the headers that keep pages to themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from acme import Acme
from door import HERE, NOW, PROXY, STRANGER, Site, csrf, hidden, sign_in, site
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from daemon.http.door import Door
from daemon.http.headers import EVERY_ANSWER
from daemon.http.sign_in import sign_in_link
from daemon.local_user import local_user
from domain.identity import Role

PAGE = {"accept": "text/html"}
PUBLIC = "https://costd.example"
PROXIED = "{auth: proxy, trusted_proxies: [10.0.0.7], public_url: 'https://costd.example'}"
NOTHING_ELSE = {"style", "onclick", "onerror", "onload"}


@pytest.fixture
def here(acme: Acme) -> Iterator[Site]:
    made = site(acme)
    yield made
    made.services.close()


def code_of(made: Site) -> str:
    return sign_in_link(made.services, HERE).partition("code=")[2]


# Hosts


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "127.0.0.1", "localhost:9090", "LOCALHOST", "[::1]:8080", "localhost.", "127.3.2.1:1"],
)
def test_names_of_this_machine_are_ours(here: Site, host: str) -> None:
    assert here.client().get("/v1/whoami", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", ""),
        *("127.0.0.1:8080@evil.example", "[::1", "10.0.0.5", "costd.example", "a b", "localhost:80:80"),
        *("169.254.169.254", "[::ffff:10.0.0.5]", "localhost/../evil.example", "2130706433"),
    ],
)
def test_a_strangers_name_that_resolves_to_us_is_refused(here: Site, host: str) -> None:
    found = here.client().get("/v1/report", headers={"host": host})
    assert found.status_code == 421
    assert "allowed_hosts" in found.json()["hint"]
    assert host not in found.text or not host
    assert here.services.counts.all()["host_refused"] == 1


def test_two_hosts_are_none(here: Site) -> None:
    headers = [("host", "127.0.0.1:8080"), ("host", "evil.example")]
    assert here.client().get("/v1/whoami", headers=headers).status_code == 421


def test_configured_names_are_ours_and_no_others(acme: Acme) -> None:
    made = site(acme, http="{public_url: 'https://costd.example', allowed_hosts: [costd.monitoring.svc]}")
    for host, status in {
        "costd.example": 200,
        "COSTD.example:443": 200,
        "costd.monitoring.svc:8080": 200,
        "x.costd.example": 421,
    }.items():
        assert made.client().get("/v1/whoami", headers={"host": host}).status_code == status, host
    made.services.close()


def test_the_address_a_connection_came_in_at_is_ours(here: Site) -> None:
    client = here.client(STRANGER, "http://10.2.3.4:8080")
    assert client.get("/sign-in").status_code == 200
    assert client.get("/sign-in", headers={"host": "10.2.3.5:8080"}).status_code == 421


def test_a_forwarded_host_counts_from_a_trusted_proxy_only(acme: Acme) -> None:
    made = site(acme, http=PROXIED)
    headers = {"x-forwarded-host": "evil.example", "x-forwarded-email": "lee@x.example"}
    assert made.client(PROXY).get("/v1/whoami", headers=headers).status_code == 421
    assert made.client(STRANGER).get("/v1/whoami", headers=headers).status_code == 401
    made.services.close()


# Origins


def changing(made: Site) -> Site:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(f"changed by {request.scope['state']['identity'].subject}")

    made.app.router.routes.append(Route("/try/change", endpoint, methods=["POST"]))
    return made


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8081"},
        {"origin": "https://127.0.0.1:8080"},
        {"origin": "http://127.0.0.1:8080.evil.example"},
        {"origin": "http://127.0.0.1:8080@evil.example"},
        {"origin": ""},
        {"origin": HERE, "sec-fetch-site": "cross-site"},
        {"origin": HERE, "sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {},
    ],
)
def test_a_change_that_another_sites_page_sends_is_refused(here: Site, headers: dict[str, str]) -> None:
    client = changing(here).client()
    assert sign_in(client, code=code_of(here)).status_code == 303
    found = client.post("/try/change", data={"csrf": csrf(client)}, headers=headers)
    assert (found.status_code, found.json()["code"]) == (403, "origin_refused")


def test_a_foreign_origin_is_refused_even_with_a_token(here: Site) -> None:
    headers = here.token(Role.ADMIN)[1]
    client = changing(here).client()
    assert client.post("/try/change", headers=headers).status_code == 200
    assert (
        client.post("/try/change", headers={**headers, "origin": "https://evil.example"}).status_code == 403
    )


def test_what_only_reads_may_be_a_followed_link_and_no_part_of_a_foreign_page(here: Site) -> None:
    client = here.client()
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/v1/whoami", headers=followed).status_code == 200
    for dest, mode in (
        ("image", "no-cors"),
        ("iframe", "navigate"),
        ("empty", "cors"),
        ("script", "no-cors"),
    ):
        part = {"sec-fetch-site": "cross-site", "sec-fetch-mode": mode, "sec-fetch-dest": dest}
        assert client.get("/v1/whoami", headers=part).status_code == 403, dest


def test_no_answer_invites_other_sites_to_read(here: Site) -> None:
    found = here.client().get("/v1/whoami", headers={"origin": "https://evil.example"})
    assert not [name for name in found.headers if name.startswith("access-control-")]


# Signing in with the link


def test_the_link_signs_one_browser_in_once_as_the_user_of_the_process(here: Site) -> None:
    link = sign_in_link(here.services, HERE)
    assert link.startswith(f"{HERE}/sign-in?code=")
    client = here.client()
    code = hidden(client.get(link.removeprefix(HERE), headers=PAGE).text)["code"]
    found = sign_in(client, code=code)
    assert (found.status_code, found.headers["location"]) == (303, "/")
    who = client.get("/v1/whoami").json()
    assert (who["subject"], who["role"], who["via"]) == (local_user(), "admin", "session")

    second = sign_in(here.client(), code=code)
    assert (second.status_code, second.json()["code"]) == (401, "sign_in_failed")


def test_looking_at_the_link_uses_nothing_up(here: Site) -> None:
    code = code_of(here)
    for _ in range(3):
        here.client(STRANGER).get(f"/sign-in?code={code}", headers=PAGE)
    assert sign_in(here.client(), code=code).status_code == 303


def test_the_link_is_short_lived(here: Site) -> None:
    code = code_of(here)
    here.clock.at = NOW + timedelta(minutes=15)
    assert sign_in(here.client(), code=code).status_code == 401


def test_a_session_ends_at_its_time_and_at_signing_out(here: Site) -> None:
    client = here.client(STRANGER)
    sign_in(client, code=code_of(here))
    assert client.get("/v1/whoami").status_code == 200
    cookies = dict(client.cookies)
    out = client.post("/sign-out", data={"csrf": csrf(client)}, headers={"origin": HERE})
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert client.get("/v1/whoami").status_code == 401
    stolen = here.client(STRANGER)
    stolen.cookies.update(cookies)
    assert stolen.get("/v1/whoami").status_code == 401

    sign_in(client, code=code_of(here))
    here.clock.at = NOW + timedelta(hours=12)
    assert client.get("/v1/whoami").status_code == 401


def test_a_token_signs_a_browser_in_and_ends_its_session_when_revoked(here: Site) -> None:
    token, header = here.token(Role.APPROVER, team="ml")
    client = here.client(STRANGER)
    assert sign_in(client, token=header["authorization"].removeprefix("Bearer ")).status_code == 303
    who = client.get("/v1/whoami").json()
    assert (who["subject"], who["role"], who["team"]) == (f"token:{token.id}", "approver", "ml")
    here.services.tokens.revoke(token.id, NOW)
    assert client.get("/v1/whoami").status_code == 401


def test_guessing_on_the_page_is_slowed_down_too(here: Site) -> None:
    client = here.client(STRANGER)
    statuses = [sign_in(client, token="wrong").status_code for _ in range(12)]  # noqa: S106  # wrong on purpose
    assert statuses == [401] * 10 + [429] * 2


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        ("/costs?by=team", "/costs?by=team"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/x\r\nset-cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_one_is_on_this_site(here: Site, asked: str, goes: str) -> None:
    found = sign_in(here.client(), code=code_of(here), next=asked)
    assert (found.status_code, found.headers["location"]) == (303, goes)


# Cookies


def test_the_session_cookie_is_out_of_reach(here: Site) -> None:
    found = sign_in(here.client(), code=code_of(here))
    (made,) = [c for c in found.headers.get_list("set-cookie") if "session" in c]
    assert made.startswith("costd-session-8080=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"} <= set(made.split("; "))
    assert "Domain" not in made


def test_over_https_cookies_are_bound_to_it(acme: Acme) -> None:
    made = site(acme, http="{auth: token, trusted_proxies: [10.0.0.7], public_url: 'https://costd.example'}")
    client = made.client(PROXY, "http://costd.example")
    client.headers.update({"x-forwarded-proto": "https", "x-forwarded-for": "198.51.100.4"})
    page = client.get("/sign-in", headers=PAGE)
    (cookie,) = page.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-costd-forms=")
    assert "Secure" in cookie.split("; ")
    assert page.headers["strict-transport-security"].startswith("max-age=")
    made.services.close()


# Forms


def test_a_form_of_ours_is_taken(here: Site) -> None:
    client = changing(here).client()
    sign_in(client, code=code_of(here))
    token = csrf(client)
    assert client.post("/try/change", data={"csrf": token}, headers={"origin": HERE}).status_code == 200
    by_header = {"origin": HERE, "x-csrf-token": token}
    assert client.post("/try/change", json={"a": 1}, headers=by_header).status_code == 200


@pytest.mark.parametrize("sent", [{}, {"csrf": ""}, {"csrf": "a" * 64}, {"csrf": "é"}, {"x": "y"}])
def test_a_form_that_is_not_ours_is_refused(here: Site, sent: dict[str, str]) -> None:
    client = changing(here).client()
    sign_in(client, code=code_of(here))
    found = client.post("/try/change", data=sent, headers={"origin": HERE})
    assert (found.status_code, found.json()["code"]) == (403, "form_refused")
    assert here.services.counts.all()["csrf_refused"] == 1


def test_a_form_made_for_somebody_else_is_refused(here: Site) -> None:
    client, other = changing(here).client(), here.client()
    before = csrf(client)
    sign_in(client, code=code_of(here))
    sign_in(other, code=code_of(here))
    for stale in (before, csrf(other)):
        found = client.post("/try/change", data={"csrf": stale}, headers={"origin": HERE})
        assert (found.status_code, found.json()["code"]) == (403, "form_refused")


def test_forms_are_signed_with_a_key_that_only_this_costd_has(acme: Acme, tmp_path: Path) -> None:
    one, same = site(acme), site(acme)
    (tmp_path / "other").mkdir()
    other = site(Acme(folder=tmp_path / "other"))
    made = [Door(each.services).form_token("planted", "os:lee") for each in (one, same, other)]
    assert made[0] == made[1]
    assert made[0] != made[2]
    for each in (one, same, other):
        each.services.close()


def test_a_planted_cookie_makes_no_form_valid(here: Site) -> None:
    """Other ports of this host may set cookies for it; they do not have the key that signs."""
    client = changing(here).client()
    sign_in(client, code=code_of(here))
    client.cookies.delete("costd-forms-8080")
    client.cookies.set("costd-forms-8080", "planted", domain="127.0.0.1")
    from hashlib import sha256

    for guess in ("planted", sha256(b"planted").hexdigest()):
        found = client.post("/try/change", data={"csrf": guess}, headers={"origin": HERE})
        assert found.status_code == 403


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
def test_signing_in_and_out_need_a_form_of_ours_too(here: Site, path: str) -> None:
    client = here.client()
    sign_in(client, code=code_of(here))
    assert client.post(path, data={"code": code_of(here)}, headers={"origin": HERE}).status_code == 403
    assert client.get("/v1/whoami").json()["via"] == "session"


def test_changes_behind_a_proxy_need_a_form_of_ours_as_well(acme: Acme) -> None:
    made = changing(site(acme, http=PROXIED))
    client = made.client(PROXY, "http://costd.example")
    client.headers.update(
        {"x-forwarded-proto": "https", "x-forwarded-email": "lee@x.example", "origin": PUBLIC}
    )
    assert client.post("/try/change").json()["code"] == "form_refused"
    page = client.get("/sign-in", headers=PAGE)
    name, _, value = page.headers["set-cookie"].partition(";")[0].partition("=")
    sent = {"cookie": f"{name}={value}"}
    found = client.post("/try/change", data={"csrf": hidden(page.text)["csrf"]}, headers=sent)
    assert found.text == "changed by lee@x.example"
    made.services.close()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"a=1&" * 60, "application/x-www-form-urlencoded"),
        (b"csrf=a&csrf=b", "application/x-www-form-urlencoded"),
        (b"csrf=%ff%fe", "application/x-www-form-urlencoded"),
        (b"csrf=\xff", "application/x-www-form-urlencoded"),
        (b'{"csrf": "x"}', "application/json"),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
        (b"", ""),
    ],
)
def test_a_form_that_cannot_be_read_is_refused_and_nothing_fails(
    here: Site, content: bytes, kind: str
) -> None:
    found = here.client().post("/sign-in", content=content, headers={"origin": HERE, "content-type": kind})
    assert found.status_code in {400, 403, 415}


# Answers


class Attributes(HTMLParser):
    """Collects what a browser could be made to run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}


@pytest.mark.parametrize(
    "path", ["/sign-in", "/sign-in?code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&next=%22onload=x", "/nowhere"]
)
def test_pages_hold_no_script_no_style_and_nothing_that_was_sent_unescaped(here: Site, path: str) -> None:
    page = here.client().get(path, headers=PAGE).text
    found = Attributes()
    found.feed(page)
    assert "script" not in found.tags
    assert "style" not in found.tags
    assert not found.names & NOTHING_ELSE
    assert "<script" not in page


@pytest.mark.parametrize("path", ["/v1/report", "/v1/nothing", "/sign-in", "/nowhere", "/v1/report?x=1"])
@pytest.mark.parametrize("peer", ["127.0.0.1", STRANGER])
def test_every_answer_leaves_with_every_header(here: Site, path: str, peer: str) -> None:
    found = here.client(peer).get(path)
    assert {name: found.headers[name] for name in EVERY_ANSWER} == EVERY_ANSWER
    policy = found.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert found.headers["cache-control"] in {"no-store", "private, no-cache"}
    assert "Cookie" in found.headers["vary"]
    assert "server" not in found.headers


def test_a_defect_tells_nobody_what_it_was_and_keeps_the_headers(here: Site) -> None:
    async def broken(request: Request) -> Response:
        raise ZeroDivisionError(f"secret {request.url}")

    here.app.router.routes.append(Route("/try/broken", broken))
    found = here.client(raise_server_exceptions=False).get("/try/broken")
    assert found.status_code == 500
    assert found.json() == {
        "code": "internal",
        "message": "costd itself failed",
        "hint": "the log of `costd run` has the details",
    }
    assert found.headers["content-security-policy"] == EVERY_ANSWER["content-security-policy"]


def test_a_redirect_never_repeats_what_was_sent(here: Site) -> None:
    for path in ("//evil.example/%2f..", "/v1/report/", "/%2e%2e/", "/v1//report", "/sign-in/"):
        found = here.client().get(path)
        assert found.status_code == 404, path
        assert "location" not in found.headers


def test_a_websocket_is_closed_at_once(here: Site) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), here.client().websocket_connect("/v1/report"):
        pass


def test_a_program_that_sends_no_token_is_told_so_and_not_called_a_page(here: Site) -> None:
    found = changing(here).client().request("DELETE", "/v1/report")
    assert (found.status_code, found.json()["code"]) == (403, "origin_refused")
    assert "another site" not in found.json()["message"]
    assert "Authorization: Bearer" in found.json()["hint"]


def test_an_error_is_a_page_with_a_way_home(here: Site) -> None:
    found = here.client().get("/nowhere", headers={"accept": "text/html"})
    assert found.status_code == 404
    assert "<h1>Not found</h1>" in found.text
    assert "<p>There is nothing at this address</p>" in found.text
    assert found.text.count('href="/"') == 2
