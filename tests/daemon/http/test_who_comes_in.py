"""Reading on this machine is open, everything else needs somebody; tokens, proxies, sessions."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
from acme import Acme
from door import HERE, NOW, PROXY, STRANGER, Site, bearer, site
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from daemon.http.identity import require
from daemon.http.slowdown import FREE_TRIES
from domain.identity import Right, Role

PROXIED = "{auth: proxy, trusted_proxies: [10.0.0.0/24], public_url: 'https://costd.example', roles: {approver: ['*@ops.example'], admin: ['group:finops']}}"  # noqa: E501  # one line of YAML
PUBLIC = "https://costd.example"


@pytest.fixture
def here(acme: Acme) -> Iterator[Site]:
    made = site(acme)
    yield made
    made.services.close()


@pytest.fixture
def proxied(acme: Acme) -> Iterator[Site]:
    made = site(acme, http=PROXIED)
    yield made
    made.services.close()


def from_proxy(person: str = "lee@web.example", **more: str) -> dict[str, str]:
    return {
        "x-forwarded-for": "198.51.100.4",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "costd.example",
        "x-forwarded-email": person,
        **more,
    }


def whoami(made: Site, headers: dict[str, str], peer: str = "127.0.0.1", base_url: str = HERE) -> Response:
    return made.client(peer, base_url).get("/v1/whoami", headers=headers)  # type: ignore[return-value]  # httpx's


def with_endpoints(made: Site) -> Site:
    """Add what later issues bring: one endpoint per right."""

    def answering(right: Right) -> Route:
        async def endpoint(request: Request) -> Response:
            del request
            return JSONResponse({"done": right.value})

        return Route(f"/try/{right.value}", require(right)(endpoint), methods=["GET", "POST"])

    made.app.router.routes.extend(answering(right) for right in Right)
    return made


# Reading


def test_reading_on_this_machine_needs_no_sign_in(here: Site) -> None:
    for peer in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        found = whoami(here, {}, peer)
        assert found.status_code == 200
        assert found.json()["via"] == "local"  # type: ignore[attr-defined]  # httpx's
        assert found.json()["rights"] == ["read"]  # type: ignore[attr-defined]  # httpx's


@pytest.mark.parametrize("path", ["/v1/report", "/v1/status", "/v1/owners", "/v1/deliveries", "/v1/whoami"])
def test_reading_from_elsewhere_needs_a_viewer(here: Site, path: str) -> None:
    found = here.client(STRANGER).get(path)
    assert found.status_code == 401
    assert found.headers["www-authenticate"].startswith("Bearer")
    assert found.json()["code"] == "unauthenticated"
    assert here.client(STRANGER).get(path, headers=here.token()[1]).status_code == 200


def test_a_person_without_identity_is_sent_to_the_sign_in_page_and_back(here: Site) -> None:
    found = here.client(STRANGER).get("/v1x?by=team", headers={"accept": "text/html"})
    assert found.status_code == 303
    assert found.headers["location"] == "/sign-in?next=%2Fv1x%3Fby%3Dteam"


def test_every_route_but_the_public_ones_is_closed_to_strangers(here: Site) -> None:
    client = here.client(STRANGER)
    public = {"/sign-in", "/healthz", "/readyz", "/favicon.ico"}
    paths = {route.path for route in here.app.routes if isinstance(route, Route)} - public
    for path in (path for path in paths if not path.startswith("/static/")):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            found = client.request(method, path.replace("{", "").replace("}", ""), headers={"origin": HERE})
            assert found.status_code == 401, (method, path)


def test_an_unconfigured_proxy_on_this_machine_makes_nobody_local(here: Site) -> None:
    for header in ("x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-proto"):
        assert whoami(here, {header: "198.51.100.4"}).status_code == 401, header


# Tokens


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("right", list(Right))
def test_a_role_opens_what_it_may_and_nothing_else(here: Site, role: Role, right: Right) -> None:
    with_endpoints(here)
    token = here.token(role)[1]
    found = here.client(STRANGER).post(f"/try/{right.value}", headers=token)
    assert found.status_code == (200 if right in role.rights else 403)
    if found.status_code == 403:
        assert f"the role {role.value} may not" in found.json()["message"]


def test_an_agent_may_never_approve(here: Site) -> None:
    with_endpoints(here)
    token = here.token(Role.AGENT)[1]
    assert here.client().post("/try/propose", headers=token).status_code == 200
    assert here.client().post("/try/approve", headers=token).status_code == 403
    assert here.client().post("/try/administer", headers=token).status_code == 403


@pytest.mark.parametrize("right", list(Right))
def test_changing_anything_needs_an_identity_on_this_machine_too(here: Site, right: Right) -> None:
    with_endpoints(here)
    found = here.client().post(f"/try/{right.value}", headers={"origin": HERE})
    assert found.status_code == 401
    if right is not Right.READ:
        assert here.client().get(f"/try/{right.value}").status_code == 401


def test_a_token_says_who_it_is_and_for_which_team(here: Site) -> None:
    token, header = here.token(Role.APPROVER, team="ml")
    assert whoami(here, header).json() == {  # type: ignore[attr-defined]  # httpx's
        "schema": "costd.whoami/1",
        "subject": f"token:{token.id}",
        "role": "approver",
        "team": "ml",
        "via": "token",
        "rights": ["approve", "propose", "read"],
    }


def test_an_expired_token_is_refused_from_its_very_second(here: Site) -> None:
    _, header = here.token(expires_at=NOW + timedelta(hours=1))
    here.clock.at = NOW + timedelta(minutes=59, seconds=59)
    assert whoami(here, header).status_code == 200
    here.clock.at = NOW + timedelta(hours=1)
    found = whoami(here, header)
    assert found.status_code == 401
    assert found.json()["code"] == "token_refused"  # type: ignore[attr-defined]  # httpx's


def test_a_revoked_token_is_refused_by_the_next_request(here: Site) -> None:
    token, header = here.token()
    assert whoami(here, header).status_code == 200
    here.services.tokens.revoke(token.id, NOW)
    assert whoami(here, header).status_code == 401


def test_a_wrong_token_is_never_taken_for_nobody(here: Site) -> None:
    for text in ("", "x", "costd_aaaaaaaa_" + "a" * 52, "costd_", "\xff", "null", "undefined"):
        found = here.client().get(
            "/v1/whoami", headers={"authorization": b"Bearer " + text.encode("latin-1")}
        )
        assert found.status_code == 401, text


def test_other_schemes_are_somebody_elses_business(here: Site) -> None:
    assert whoami(here, {"authorization": "Basic bGVlOng="}).status_code == 200
    assert here.client(STRANGER).get("/v1/whoami", auth=("lee", "x")).status_code == 401


def test_two_authorizations_are_refused(here: Site) -> None:
    good = here.token()[1]["authorization"]
    headers = [("authorization", good), ("authorization", "Bearer x")]
    assert here.client().get("/v1/whoami", headers=headers).status_code == 400


def test_the_last_use_of_a_token_is_noted(here: Site) -> None:
    _, header = here.token()
    assert whoami(here, header).status_code == 200
    for _ in range(100):
        used = here.services.tokens.list()[0].used_at
        if used is not None:
            break
        time.sleep(0.02)
    assert used == NOW


def test_no_token_ever_reaches_the_log(here: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _, header = here.token()
    whoami(here, header)
    assert header["authorization"][-40:] not in caplog.text


# Guessing


def test_who_guesses_is_slowed_down_and_others_are_not(here: Site) -> None:
    wrong = bearer("costd_aaaaaaaa_" + "a" * 52)
    statuses = [whoami(here, wrong, STRANGER).status_code for _ in range(FREE_TRIES + 5)]
    assert statuses[:FREE_TRIES] == [401] * FREE_TRIES
    assert set(statuses[FREE_TRIES:]) == {429}
    refused = whoami(here, here.token()[1], STRANGER)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert whoami(here, here.token()[1], "203.0.113.10").status_code == 200
    assert here.services.counts.all()["slowed_down"] == 6


# Proxies


def test_a_trusted_proxy_says_who_somebody_is(proxied: Site) -> None:
    found = whoami(proxied, from_proxy("Lee@Web.example"), PROXY, "http://10.0.0.9:8080").json()  # type: ignore[attr-defined]  # httpx's
    assert (found["subject"], found["role"], found["via"]) == ("lee@web.example", "viewer", "proxy")


def test_roles_behind_a_proxy_come_from_the_configuration(proxied: Site) -> None:
    def role(person: str, groups: str) -> str:
        headers = from_proxy(person) | {"x-forwarded-groups": groups}
        return str(whoami(proxied, headers, PROXY).json()["role"])  # type: ignore[attr-defined]  # httpx's

    assert role("kim@ops.example", "") == "approver"
    assert role("kim@web.example", "web, finops") == "admin"
    assert role("kim@web.example", "FinOps") == "viewer"


@pytest.mark.parametrize("peer", [STRANGER, "127.0.0.1", "10.0.1.7", "::1", "testclient"])
def test_a_forged_identity_header_is_ignored_and_counted(proxied: Site, peer: str) -> None:
    found = whoami(proxied, from_proxy("lee@ops.example"), peer)
    assert found.status_code == 401
    assert proxied.services.counts.all()["forged_identity"] == 1


@pytest.mark.parametrize(
    "header",
    ["x-forwarded-email", "X-Forwarded-User", "x-auth-request-email", "remote-user", "X-WebAuth-User"],
)
def test_no_identity_header_means_anything_without_a_proxy(here: Site, header: str) -> None:
    assert here.client(STRANGER).get("/v1/whoami", headers={header: "admin"}).status_code == 401


def test_only_the_configured_header_names_somebody(proxied: Site) -> None:
    headers = from_proxy()
    del headers["x-forwarded-email"]
    for other in ("x-auth-request-email", "x-forwarded-user", "remote-user"):
        assert whoami(proxied, headers | {other: "lee@ops.example"}, PROXY).status_code == 401


def test_a_proxy_is_not_believed_about_persons_unless_that_is_configured(acme: Acme) -> None:
    made = site(
        acme, http="{auth: token, trusted_proxies: [10.0.0.0/24], public_url: 'https://costd.example'}"
    )
    assert whoami(made, from_proxy(), PROXY).status_code == 401
    made.services.close()


@pytest.mark.parametrize("person", ["a@x.example,b@x.example", "lee\x01", "x" * 300, "a\u202eb"])
def test_a_proxy_that_names_nobody_in_particular_is_refused(proxied: Site, person: str) -> None:
    found = proxied.client(PROXY).get(
        "/v1/whoami", headers={**from_proxy(), "x-forwarded-email": person.encode()}
    )
    assert found.status_code == 400
    assert found.json()["code"] == "identity_ambiguous"


def test_a_header_sent_twice_is_refused_for_one_may_be_the_clients(proxied: Site) -> None:
    headers = [*from_proxy().items(), ("x-forwarded-email", "boss@ops.example")]
    assert proxied.client(PROXY).get("/v1/whoami", headers=headers).status_code == 400


def test_nobody_is_local_behind_a_proxy(acme: Acme) -> None:
    made = site(acme, http="{auth: proxy, trusted_proxies: [127.0.0.1], public_url: 'https://costd.example'}")
    assert whoami(made, {}).status_code == 401
    assert whoami(made, {"x-forwarded-for": "127.0.0.1"}).status_code == 401
    assert whoami(made, from_proxy()).status_code == 200
    made.services.close()


def test_guessing_behind_a_proxy_slows_the_client_down_and_not_the_proxy(proxied: Site) -> None:
    def status(client: str) -> int:
        headers = {"x-forwarded-for": f"9.9.9.9, {client}", **bearer("wrong")}
        return whoami(proxied, headers, PROXY).status_code

    assert {status("198.51.100.4") for _ in range(FREE_TRIES)} == {401}
    assert status("198.51.100.4") == 429
    assert status("198.51.100.5") == 401


# Hostile everything


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("authorization", "cookie", "x-forwarded-for", "x-forwarded-email", "x-forwarded-proto"),
                *("x-forwarded-host", "forwarded", "origin", "referer", "sec-fetch-site", "accept"),
                *("if-none-match", "x-csrf-token", "content-type", "remote-user", "x-real-ip", "range"),
            ]
        ),
        st.binary(max_size=40).map(
            lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
        ),
    ),
    max_size=6,
)


@given(
    headers=HEADERS,
    path=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    query=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X"]),
    peer=st.sampled_from(["127.0.0.1", STRANGER, PROXY, "", "::1"]),
    body=st.binary(max_size=60),
)
def test_nothing_that_is_sent_makes_costd_fail_or_lets_a_stranger_in(
    hostile: Site,
    *,
    headers: list[tuple[str, bytes]],
    path: str,
    query: str,
    method: str,
    peer: str,
    body: bytes,
) -> None:
    client = hostile.client(peer)
    url = f"/{quote(path)}?{quote(query, safe='=&')}"
    found = client.request(method, url, headers=headers, content=body)  # type: ignore[arg-type]  # bytes values
    assert found.status_code < 500, (found.status_code, found.text)
    assert found.headers["x-content-type-options"] == "nosniff"
    if peer == STRANGER and not path.startswith(("sign-in", "static/", "healthz", "readyz", "favicon.ico")):
        assert found.status_code >= 300


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = site(Acme(folder=tmp_path_factory.mktemp("hostile")), http=PROXIED)
    yield made
    made.services.close()
