"""The API gives what the commands of the same names print, and refuses what they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from acme import Acme
from builders import a_charge
from door import Site, site
from starlette.testclient import TestClient


@pytest.fixture(scope="module")
def june(tmp_path_factory: pytest.TempPathFactory) -> Acme:
    acme = Acme(folder=tmp_path_factory.mktemp("june"))
    return acme.collected(
        a_charge(start="2026-06-01", hours=24, EffectiveCost="10.000000000001", Tags={"team": "web"}),
        a_charge(start="2026-06-10", hours=24, EffectiveCost="20", Tags={"team": "ml"}, ResourceId="i-ml"),
        a_charge(start="2026-06-19", hours=24, EffectiveCost="3", Tags={}, ResourceId="=cmd()"),
    )


@pytest.fixture(scope="module")
def june_site(june: Acme) -> Iterator[Site]:
    made = site(june)
    yield made
    made.services.close()


@pytest.fixture
def client(june_site: Site) -> TestClient:
    return june_site.client()


OPTIONS: list[dict[str, Any]] = [
    {},
    {"by": "team,service"},
    {"by": "resource", "top": "1"},
    {"where": ["team=ml", "provider=AWS"]},
    {"where": "team=unallocated"},
    {"from": "2026-06-10", "to": "2026-06-20", "step": "day"},
    {"period": ["2026-06"], "cost": "billed", "sharing": "after"},
    {"from": "all", "sort": "team"},
    {"as-of": "2026-06-20T06:00Z"},
    {"from": "2025-01", "to": "2025-02"},
]


@pytest.mark.parametrize("output", ["json", "ndjson", "csv"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_report_is_byte_for_byte_what_the_command_prints(
    june: Acme, client: TestClient, options: dict[str, Any], output: str
) -> None:
    flags = [
        part
        for name, values in options.items()
        for value in ([values] if isinstance(values, str) else values)
        for part in (f"--{name}", value)
    ]
    printed = june.costd("report", *flags, "--output", output)
    found = client.get("/v1/report", params={**options, "output": output})
    assert found.status_code == 200, found.text
    assert found.content.decode() == printed.out


def test_the_form_is_chosen_by_what_the_client_accepts(client: TestClient) -> None:
    def kind(accept: str) -> str:
        return client.get("/v1/report", headers={"accept": accept}).headers["content-type"]

    assert kind("*/*") == "application/json"
    assert kind("") == "application/json"
    assert kind("text/html,application/xhtml+xml,*/*;q=0.8") == "application/json"
    assert kind("text/csv") == "text/csv; charset=utf-8"
    assert kind("application/x-ndjson") == "application/x-ndjson"
    assert kind("text/csv;q=0.1, application/x-ndjson;q=0.9, */*;q=0.05") == "application/x-ndjson"
    assert kind("image/png, text/csv;q=nonsense") == "application/json"
    found = client.get("/v1/report?output=csv", headers={"accept": "application/json"})
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert found.headers["content-disposition"] == 'attachment; filename="costd-report.csv"'


def test_cells_that_a_spreadsheet_would_run_are_escaped(client: TestClient) -> None:
    assert "'=cmd()" in client.get("/v1/report?by=resource&output=csv").text


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("by=nonsense", "nonsense"),
        ("wehre=team%3Dml", "did you mean 'where'?"),
        ("by=team&by=service", "'by' is there 2 times"),
        ("step=hour", "one of: day week month"),
        ("cost=free", "one of: billed effective"),
        ("top=0", "whole number from 1"),
        ("top=-1", "whole number from 1"),
        ("top=99999999999999999999", "whole number from 1"),
        ("top=%D9%A1", "whole number from 1"),
        ("from=yesteryear", "not a day"),
        ("from=2026-06-10&to=2026-06-01", "not after"),
        ("where=team", "DIMENSION=VALUE"),
        ("as-of=then", "not an instant"),
        ("period=June", "2026-11"),
        ("output=xml", "one of: json ndjson csv"),
        ("output=table", "one of: json ndjson csv"),
        ("require-complete=maybe", "true or false"),
        ("sort=owner", "cannot sort"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_hint(client: TestClient, query: str, says: str) -> None:
    found = client.get(f"/v1/report?{query}")
    assert found.status_code == 400
    error = found.json()
    assert set(error) == {"code", "message", "hint"}
    assert error["code"] == "usage"
    assert says in error["message"] + error["hint"]


def test_an_incomplete_report_is_refused_where_completeness_is_required(client: TestClient) -> None:
    found = client.get("/v1/report?require-complete")
    assert found.status_code == 409
    assert found.json()["code"] == "incomplete"
    assert client.get("/v1/report?require-complete&from=2026-06-01&to=2026-06-20").status_code == 200


def test_a_client_that_has_the_answer_is_told_so_until_it_changes(acme: Acme) -> None:
    acme.collected(a_charge(EffectiveCost="10"))
    made = site(acme)
    client = made.client()
    first = client.get("/v1/report")
    assert first.headers["cache-control"] == "private, no-cache"
    again = client.get("/v1/report", headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]

    acme.bill("aws", a_charge(EffectiveCost="12"))
    assert acme.costd("collect").status == 0
    made.services.answers._looked = None
    changed = client.get("/v1/report", headers={"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.json()["totals"] == [{"currency": "USD", "cost": "12"}]
    made.services.close()


def test_status_says_what_the_command_says(june: Acme, client: TestClient) -> None:
    printed = june.costd("status", "--output", "json").json
    found = client.get("/v1/status").json()
    for document in (printed, found):
        document["ledger"].pop("size_bytes")
    assert found == printed
    periods = june.costd("status", "--periods", "--output", "csv")
    assert client.get("/v1/status?periods&output=csv").text == periods.out


def test_owners_lists_who_owns_anything_and_how_much_nobody_does(client: TestClient) -> None:
    found = client.get("/v1/owners?field=team").json()
    assert found == {
        "schema": "costd.owners/1",
        "rows": [
            {"field": "team", "owner": "ml", "resources": 1},
            {"field": "team", "owner": "web", "resources": 1},
            {"field": "team", "owner": None, "resources": 1},
        ],
    }
    assert {row["field"] for row in client.get("/v1/owners").json()["rows"]} >= {"team", "service"}


def test_owners_of_one_resource_is_what_why_owner_says(june: Acme, client: TestClient) -> None:
    printed = june.costd("why-owner", "i-ml", "--output", "json").json
    assert client.get("/v1/owners", params={"resource": "i-ml"}).json() == printed
    several = client.get("/v1/owners", params={"resource": "i"})
    assert several.status_code == 300
    assert several.json() == june.costd("why-owner", "i", "--output", "json").json
    nothing = client.get("/v1/owners", params={"resource": "nope"})
    assert (nothing.status_code, nothing.json()["code"]) == (400, "usage")


def test_deliveries_are_listed_newest_first_and_say_what_is_stored_now(acme: Acme) -> None:
    acme.collected(a_charge(EffectiveCost="10"))
    acme.bill("aws", a_charge(EffectiveCost="12"))
    assert acme.costd("collect", now="2026-06-20T07:00Z").status == 0
    made = site(acme)
    client = made.client()
    found = client.get("/v1/deliveries").json()
    assert [row["current"] for row in found["rows"]] == [True, False]
    assert [row["sums"]["USD"]["EffectiveCost"] for row in found["rows"]] == ["12", "10"]
    assert found["rows"][0]["seen_at"] == "2026-06-20T07:00:00Z"
    assert found["more"] == 0
    assert client.get("/v1/deliveries?limit=1").json()["more"] == 1
    assert client.get("/v1/deliveries?source=gcp").json()["rows"] == []
    assert client.get("/v1/deliveries?period=2026-05").json()["rows"] == []
    assert len(client.get("/v1/deliveries?since=2026-06-20T06:30Z").json()["rows"]) == 1
    assert len(client.get("/v1/deliveries?output=ndjson").text.splitlines()) == 2
    made.services.close()


def test_a_crowd_that_asks_the_same_gets_the_same_answer(june_site: Site, client: TestClient) -> None:
    expected = client.get("/v1/report?by=provider").json()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: june_site.client().get("/v1/report?by=provider").json(), range(64)))
    assert all(one == expected for one in found)


def test_an_answer_with_too_many_rows_says_what_to_do(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.http.api.MOST_ROWS", 2)
    found = client.get("/v1/report?by=resource&from=2026-06-02")
    assert found.status_code == 200
    found = client.get("/v1/report?by=resource&step=day&from=2026-06-01")
    assert found.status_code == 422
    assert "top=" in found.json()["hint"]


def test_what_is_not_there_is_told_as_the_other_errors_are(client: TestClient) -> None:
    found = client.get("/v1/nothing")
    assert (found.status_code, found.json()["code"]) == (404, "not_found")
    found = client.post("/v1/report", headers={"origin": "http://127.0.0.1:8080"})
    assert found.status_code == 401
