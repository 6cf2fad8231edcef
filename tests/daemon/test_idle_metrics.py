"""What is idle in numbers for Prometheus, with labels that stay few."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from idle_company import every_kind, idle_finding, idle_site, pod, result_of
from prometheus_client.parser import text_string_to_metric_families

from daemon.activity import Activity
from daemon.idle_look import IdleLook
from daemon.idle_metrics import metrics_of
from domain.finding import Finding

AT = datetime(2026, 6, 20, 6, tzinfo=UTC)
Samples = dict[tuple[str, ...], float]


def samples(findings: tuple[Finding, ...], most: int = 50) -> dict[str, Samples]:
    look = IdleLook(at=AT, result=result_of(findings), activity=Activity(start=AT, hours=336))
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in metrics_of(look, most_teams=most)
    }


def test_findings_are_counted_by_verdict_and_team() -> None:
    found = samples(every_kind())
    assert found["costd_idle_findings"]["idle-held", "ml"] == 1
    assert found["costd_idle_findings"]["free", "unallocated"] == 1
    assert found["costd_idle_findings"]["unknown", "ml"] == 1
    assert not [labels for labels in found["costd_idle_findings"] if labels[0] == "working"]
    assert found["costd_idle_cost_per_hour"]["free", "unallocated", "USD"] == 9.75


def test_what_has_no_cost_is_in_no_cost() -> None:
    found = samples(every_kind())
    assert not [
        labels for labels in found["costd_idle_cost_per_hour"] if labels[0] in {"abandoned", "unknown"}
    ]


def test_teams_beyond_the_bound_are_one() -> None:
    many = tuple(
        idle_finding(owner_team=f"team-{at % 9}", resource=pod(f"p{at}", f"u{at}"), workload=None)
        for at in range(90)
    )
    found = samples(many, most=3)
    assert len(found["costd_idle_findings"]) == 4
    assert found["costd_idle_findings"]["idle-held", "other"] == 60
    assert sum(found["costd_idle_cost_per_hour"].values()) == 90 * 3.5


def test_without_owners_neither_teams_nor_costs_are_told() -> None:
    found = samples(every_kind(), most=0)
    assert {labels[1] for labels in found["costd_idle_findings"]} == {""}
    assert "costd_idle_cost_per_hour" not in found


def test_a_scrape_has_them_once_something_is_measured(tmp_path: Path) -> None:
    for name, usage in (("with", True), ("without", False)):
        folder = tmp_path / name
        folder.mkdir()
        made = idle_site(folder, every_kind(), usage=usage)
        try:
            text = made.client().get("/metrics").text
        finally:
            made.services.close()
        names = {family.name for family in text_string_to_metric_families(text)}
        assert ("costd_idle_findings" in names) is usage
