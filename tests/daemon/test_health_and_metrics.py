"""Others see how costd does: that it lives, whether it can answer, and in numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from acme import NOW, Acme
from builders import a_charge
from door import Site, site
from prometheus_client.parser import text_string_to_metric_families

from daemon.metrics import labelled
from daemon.ranking import Row
from domain.money import parse_amount

JUNE = {"start": "2026-06-18T00:00", "hours": 24}


@pytest.fixture
def acme(tmp_path: Path) -> Acme:
    acme = Acme(folder=tmp_path)
    acme.configure("aws")
    acme.bill(
        "aws",
        a_charge(**JUNE, EffectiveCost="7", Tags={"team": "web", "env": "prod"}),
        a_charge(**JUNE, EffectiveCost="5", Tags={"team": "ml"}),
        a_charge(**JUNE, EffectiveCost="3", Tags={}, ResourceId="orphan"),
    )
    acme.costd("collect", now=NOW)
    return acme


def scraped(made: Site) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = made.client().get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def owners(metrics: dict[tuple[str, tuple[tuple[str, str], ...]], float]) -> dict[tuple[str, ...], float]:
    return {
        tuple(dict(labels)[name] for name in ("team", "environment", "currency")): value
        for (name, labels), value in metrics.items()
        if name == "costd_owner_cost_month_to_date"
    }


def test_health_says_that_the_process_lives_to_anybody(acme: Acme) -> None:
    answer = site(acme).client().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_readiness_names_what_is_waited_for(acme: Acme) -> None:
    made = site(acme)
    assert made.client().get("/readyz").json() == {"ready": True, "waiting": {}, "leads": False}
    made.services.readiness.wait_for("first collection", "the sources are being collected")
    answer = made.client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["waiting"] == {"first collection": "the sources are being collected"}


def test_readiness_names_a_store_that_cannot_be_read(acme: Acme) -> None:
    made = site(acme)
    log = acme.folder / "var" / "ledger" / "charges" / "_delta_log"
    for entry in log.glob("*.json"):
        entry.write_text("no commit", encoding="utf-8")
    answer = made.client().get("/readyz")
    assert (answer.status_code, answer.json()["waiting"]) == (503, {"ledger": "storage_failed"})


def test_owners_cost_what_the_report_says_and_nobody_is_called_unallocated(acme: Acme) -> None:
    assert owners(scraped(site(acme))) == {
        ("web", "prod", "USD"): 7.0,
        ("ml", "", "USD"): 5.0,
        ("unallocated", "", "USD"): 3.0,
    }


def test_owners_beyond_the_bound_are_one_series(acme: Acme) -> None:
    config = acme.folder / "costd.yaml"
    config.write_text(config.read_text(encoding="utf-8") + "metrics: {max_owners: 1}\n", encoding="utf-8")
    assert owners(scraped(site(acme))) == {
        ("web", "prod", "USD"): 7.0,
        ("other", "other", "USD"): 5.0,
        ("unallocated", "", "USD"): 3.0,
    }


def test_costs_of_owners_can_be_switched_off(acme: Acme) -> None:
    config = acme.folder / "costd.yaml"
    config.write_text(config.read_text(encoding="utf-8") + "metrics: {owners: false}\n", encoding="utf-8")
    assert owners(scraped(site(acme))) == {}


def test_a_team_that_is_called_other_is_not_a_series_twice() -> None:
    rows = [
        Row(values=("other", "other"), currency="USD", cost=parse_amount("2")),
        Row(values=("x", "y"), currency="USD", cost=parse_amount("3"), folded=4),
    ]
    assert labelled(rows) == {("other", "other", "USD"): parse_amount("5")}


def test_sources_tell_lag_state_and_when_all_was_well(acme: Acme) -> None:
    metrics = scraped(site(acme))
    assert metrics["costd_source_lag_seconds", (("source", "aws"),)] == 30 * 3600
    assert metrics["costd_source_state", (("source", "aws"), ("state", "fresh"))] == 1
    assert metrics["costd_gate_refused_periods", (("source", "aws"),)] == 0
    assert metrics["costd_last_success_timestamp_seconds", ()] == 1781935200


def test_a_source_that_was_never_collected_leaves_the_switch_unset(acme: Acme) -> None:
    acme.configure("aws", "azure")
    assert ("costd_last_success_timestamp_seconds", ()) not in scraped(site(acme))


def test_a_stranger_from_elsewhere_gets_health_and_no_metrics(acme: Acme) -> None:
    made = site(acme, http="{host: 0.0.0.0, auth: token, allowed_hosts: [costd.example]}")
    client = made.client("203.0.113.9", "http://costd.example:8080")
    assert client.get("/healthz").status_code == 200
    assert client.get("/metrics").status_code == 401
