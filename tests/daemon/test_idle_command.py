"""`costd idle` over a real ledger: lists, filters, outputs, back-tests and GPU-hours."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from acme import Acme, Ran
from idle_worlds import device_hours, pod_hours

from daemon.assemble import build_ledger, open_settings
from domain.usage import DEVICE_HOURS, NODE_HOURS, OBJECTS, POD_HOURS, UsageBatch

END = datetime(2026, 6, 20, 6, tzinfo=UTC)
NOW = "2026-06-20T06:10Z"
HOURS = 48
SETTINGS = "quotas: {gpu_hours: [{team: ml, model: '*A100*', hours: 40}]}\n"
WORK: dict[str, float] = {"activity": 0.8, "activity_max": 1.0}
BUSY: dict[str, float] = {"cpu_used_hours": 3.8, "memory_used_hours": 30.0, "egress_gib": 1.0}


def at(row: dict[str, Any], number: int) -> dict[str, Any]:
    return {**row, "hour": END - timedelta(hours=HOURS - number)}


def on_clock(rows: list[dict[str, Any]], numbers: range) -> list[dict[str, Any]]:
    return [at(row, number) for row, number in zip(rows, numbers, strict=True)]


def stored(folder: Path, devices: list[dict[str, Any]], pods: list[dict[str, Any]]) -> None:
    """Put hours into the ledger, day by day, as a source of usage does."""
    ledger = build_ledger(open_settings(folder / "costd.yaml"))
    frames = {
        "device_hours": pl.DataFrame(devices, schema=DEVICE_HOURS),
        "pod_hours": pl.DataFrame(pods, schema=POD_HOURS),
    }
    labels = {"cluster": "prod", "kind": "pod", "namespace": "ml", "name": "notebook-0", "uid": "u-1"}
    objects = pl.DataFrame([{**labels, "labels": {"team": "ml"}, "seen_at": END}], schema=OBJECTS)
    for day in (
        pl.concat([frame.select(pl.col("hour").dt.date()) for frame in frames.values()])["hour"]
        .unique()
        .sort()
    ):
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        end = start + timedelta(days=1)
        mine = {
            name: frame.filter((pl.col("hour") >= start) & (pl.col("hour") < end))
            for name, frame in frames.items()
        }
        batch = UsageBatch(
            source="metrics",
            cluster="prod",
            start=start,
            end=end,
            frames={**mine, "node_hours": NODE_HOURS.to_frame(), "objects": objects},
        )
        ledger.replace_usage(batch, seen_at=END)


@pytest.fixture
def measured(acme: Acme) -> Acme:
    """A company with two pods on GPUs: one stopped working 30 hours ago, of one no metric tells."""
    acme.configure(more=SETTINGS)
    every, idle = range(HOURS), range(18, HOURS)
    devices = on_clock(device_hours(range(18), **WORK), range(18)) + on_clock(device_hours(idle), idle)
    pods = on_clock(pod_hours(every, **BUSY), every)
    pods += on_clock(
        pod_hours(every, **BUSY, uid="u-2", pod="secret-0", workload="secret", node="gpu-2"), every
    )
    stored(acme.folder, devices, pods)
    return acme


def idle(acme: Acme, *args: str) -> Ran:
    return acme.costd("idle", *args, now=NOW)


def test_what_is_idle_is_listed_with_its_owner_and_what_speaks_for_it(measured: Acme) -> None:
    ran = idle(measured, "--output", "json")
    assert (ran.status, ran.json["schema"], ran.json["complete"]) == (0, "costd.idle/1", True)
    (row,) = ran.json["rows"]
    assert (row["verdict"], row["resource"], row["team"], row["rule"]) == (
        "idle-held",
        "prod/pod/ml/notebook-0",
        "ml",
        "gpu-idle",
    )
    assert row["since"] == "2026-06-19T00:00:00Z"
    assert (row["cost_per_hour"], row["wasted"], row["currency"]) == (None, None, None)
    assert "idle without a break: 30 h, the rule asks for 1 h" in row["evidence_for"]
    assert "cost: no cost is known of it" in row["not_measured"]


def test_what_could_not_be_told_is_counted_and_explained_but_in_no_total(measured: Acme) -> None:
    ran = idle(measured)
    assert "1 no metrics of its GPUs" in ran.out
    assert "No cost is known of 1 finding; in no total. Unknown is not 0." in ran.out
    assert "secret" not in ran.out
    everything = idle(measured, "--all", "--output", "ndjson").ndjson
    unknown = [row for row in everything if row["verdict"] == "unknown" and row["rule"] == "gpu-idle"]
    assert [row["name"] for row in unknown] == ["secret-0"]
    assert all(row["wasted"] is None for row in everything)


@pytest.mark.parametrize(
    ("args", "count"),
    [
        (["--team", "ML"], 1),
        (["--team", "web"], 0),
        (["--team", "unallocated"], 0),
        (["--cluster", "prod"], 1),
        (["--cluster", "other"], 0),
        (["--rule", "gpu-idle"], 1),
        (["--rule", "gpu-free"], 0),
        (["--min", "1"], 0),
    ],
)
def test_filters_choose_and_a_cost_that_is_unknown_is_not_above_any_amount(
    measured: Acme, args: list[str], count: int
) -> None:
    assert len(idle(measured, *args, "--output", "ndjson").out.splitlines()) == count


def test_evidence_stands_below_the_table_when_asked_for(measured: Acme) -> None:
    assert "for        GPU activity, highest: 0.0 %" not in idle(measured).out
    assert "for        GPU activity, highest: 0.0 %" in idle(measured, "--evidence").out


def test_every_output_has_the_same_rows(measured: Acme) -> None:
    rows = list(csv.DictReader(StringIO(idle(measured, "--output", "csv").out)))
    assert [row["resource"] for row in rows] == ["prod/pod/ml/notebook-0"]
    assert rows[0]["wasted"] == ""
    assert "| idle-held |" in idle(measured, "--output", "markdown").out


def test_a_cluster_whose_usage_is_old_is_not_judged_and_said_so(measured: Acme) -> None:
    ran = measured.costd("idle", "--require-complete", now="2026-06-22T00:00Z")
    assert ran.status == 5
    assert "Nothing is judged in prod: its usage ends 2026-06-20 06:00Z" in ran.out
    assert "idle-held" not in ran.out


def test_without_usage_it_says_what_to_add(acme: Acme) -> None:
    acme.configure()
    ran = idle(acme)
    assert (ran.status, ran.out.startswith("No usage is stored")) == (0, True)
    assert idle(acme, "--require-complete").status == 5
    assert idle(acme, "backtest", "gpu-idle").status == 5


def test_a_rule_that_does_not_exist_is_told_with_the_nearest(measured: Acme) -> None:
    for args in (["--rule", "gpu-idel"], ["backtest", "gpu-idel"]):
        ran = idle(measured, *args)
        assert ran.status == 2
        assert 'did you mean "gpu-idle"?' in ran.err


@pytest.mark.parametrize("args", [["--window", "soon"], ["--window", "100d"], ["--came-back", "5m"]])
def test_lengths_that_make_no_sense_are_refused(measured: Acme, args: list[str]) -> None:
    assert idle(measured, "backtest", "gpu-idle", *args).status == 2


def test_a_backtest_says_what_it_frees_misses_and_cannot_tell(measured: Acme) -> None:
    document = idle(measured, "backtest", "gpu-idle", "--window", "2d", "--output", "json").json
    assert document["schema"] == "costd.idle-backtest/1"
    assert document["hours"] == {"working": 18.0, "idle": 30.0, "unknown": 48.0}
    assert (document["freed_hours"], document["missed_hours"]) == (29.0, 1.0)
    assert document["unpriced_hours"] == 29.0
    (spell,) = document["spells"]
    assert (spell["resource"], spell["hours"], spell["false"]) == ("prod/pod/ml/notebook-0", 30.0, False)
    by_variant = {row["variant"]: row["freed_hours"] for row in document["rows"]}
    assert by_variant == {
        "as it is": 29,
        "active below 2.5 %": 29,
        "active below 10 %": 29,
        "for 4h": 26,
        "signal: average": 29,
    }


def test_a_backtest_for_people_has_the_lengths_of_spells_as_bars(measured: Acme) -> None:
    out = idle(measured, "backtest", "gpu-idle", "--window", "2d").out
    assert "It would have freed 29 idle hours; it fired in 1 spell." in out
    assert "  24 to 72 h           1         30 h  ##############################" in out
    assert "48 hours could not be told" in out


def test_the_rules_in_force_are_listed_and_the_packaged_ones_printed_to_copy(measured: Acme) -> None:
    names = [row["name"] for row in idle(measured, "rules", "--output", "ndjson").ndjson]
    assert names == ["gpu-idle", "gpu-free", "gpu-wrong-class", "oversized", "abandoned"]
    assert "kind: gpu_idle" in idle(measured, "rules", "--packaged").out


def test_rules_of_the_configuration_replace_the_packaged_ones(measured: Acme) -> None:
    measured.configure(more="idle:\n  rules:\n    - {name: mine, kind: gpu_idle, for: 40h}\n")
    ran = idle(measured, "--output", "json")
    assert [rule["name"] for rule in ran.json["rules"]] == ["mine"]
    assert ran.json["rows"] == []


def test_gpu_hours_are_counted_by_team_and_model_against_the_quota(measured: Acme) -> None:
    ran = idle(measured, "gpus", "--output", "json")
    assert ran.status == 4
    rows = {row["team"]: row for row in ran.json["rows"]}
    assert (rows["ml"]["gpu_hours"], rows["ml"]["quota"], rows["ml"]["quota_used"], rows["ml"]["over"]) == (
        "48",
        "40",
        "48",
        True,
    )
    assert (rows[None]["model"], rows[None]["gpu_hours"], rows[None]["measured"]) == (
        "unknown model",
        "48",
        "0",
    )
    assert "Over quota: ml (*A100*)." in idle(measured, "gpus").out
    assert idle(measured, "gpus", "--month", "2026-05").status == 0
    assert idle(measured, "gpus", "--month", "May").status == 2


def test_a_quota_of_nothing_allows_nothing_and_one_that_nobody_uses_is_shown(measured: Acme) -> None:
    quotas = "[{team: ml, hours: 0}, {team: web, model: '*H100*', hours: 10}]"
    measured.configure(more=f"quotas: {{gpu_hours: {quotas}}}\n")
    ran = idle(measured, "gpus", "--output", "json")
    rows = {row["team"]: row for row in ran.json["rows"]}
    assert (ran.status, rows["ml"]["over"], rows["web"]["over"]) == (4, True, False)
    assert Decimal(rows["web"]["quota_used"]) == 0
