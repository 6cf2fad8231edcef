"""Whole hours of clusters out of a real Prometheus: what every number must be is known by heart."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from metrics_world import START
from polars.testing import assert_frame_equal

from collectors.interface import UsageCollector
from collectors.prometheus import questions as ask
from collectors.prometheus.reading import read_window, window_of
from collectors.prometheus_usage import PrometheusSettings, PrometheusUsageCollector
from daemon.clock import FixedClock
from daemon.progress import Silent
from domain.delivery import Cursor, Freshness
from domain.errors import SourceError
from domain.ports import Evidence
from domain.probe import Health
from domain.resource import ResourceId
from domain.usage import HOUR, UsageBatch

NOW = START + timedelta(hours=30, minutes=15)
pytestmark = pytest.mark.peer


def collector(
    url: str, cluster: str = "prod", *, now: datetime = NOW, **settings: Any
) -> PrometheusUsageCollector:
    made = PrometheusSettings(name="metrics", url=url, cluster=cluster, cluster_label="cluster", **settings)
    return PrometheusUsageCollector(made, clock=FixedClock(at=now))


def read(url: str, cluster: str = "prod", cursor: Cursor | None = None) -> list[UsageBatch]:
    fetch = collector(url, cluster).fetch_usage(cursor or {}, progress=Silent())
    return list(fetch.batches)


def rows(batches: list[UsageBatch], frame: str) -> pl.DataFrame:
    return pl.concat([batch.frames[frame] for batch in batches if frame in batch.frames])


@pytest.fixture(scope="session")
def prod(prometheus_url: str) -> list[UsageBatch]:
    return read(prometheus_url)


@pytest.fixture(scope="session")
def pods(prod: list[UsageBatch]) -> pl.DataFrame:
    return rows(prod, "pod_hours")


@pytest.fixture(scope="session")
def devices(prod: list[UsageBatch]) -> pl.DataFrame:
    return rows(prod, "device_hours")


def of(frame: pl.DataFrame, hour: int, **values: object) -> dict[str, Any]:
    return frame.filter(pl.col("hour") == START + hour * HOUR, **values).row(0, named=True)


def test_a_history_is_given_in_whole_hours_within_days_oldest_first(prod: list[UsageBatch]) -> None:
    assert prod[0].start == START
    assert prod[-1].end == START + 30 * HOUR
    assert all(one.end == two.start for one, two in pairwise(prod))
    assert prod[-1].cursor == {"through": "2025-11-11T06:00:00+00:00"}


def test_the_greater_of_request_and_usage_counts_every_five_minutes_and_hours_add_up(
    pods: pl.DataFrame,
) -> None:
    first_day = pods.filter(pl.col("hour") < START + 24 * HOUR, uid="u-web")
    assert first_day["cpu_hours"].sum() == pytest.approx(48.0, rel=1e-3)  # V10: 36 by daily averages
    assert first_day["cpu_request_hours"].sum() == pytest.approx(24.0)
    assert first_day["cpu_used_hours"].sum() == pytest.approx(36.0, rel=1e-3)
    assert of(pods, 3, uid="u-web")["memory_hours"] == pytest.approx(2.0)
    assert of(pods, 3, uid="u-web")["memory_used_hours"] == pytest.approx(1.0)


def test_a_deployment_a_cronjob_and_a_lone_pod_are_the_workloads(pods: pl.DataFrame) -> None:
    found = {(r["pod"], r["workload_kind"], r["workload"]) for r in pods.iter_rows(named=True)}
    assert {
        ("web-1", "Deployment", "web"),
        ("job-1", "CronJob", "nightly"),
        ("db-0", "StatefulSet", "db"),
        ("unseen", "Pod", "unseen"),
    } <= found


def test_a_finished_job_costs_nothing_though_its_request_is_still_exported(pods: pl.DataFrame) -> None:
    job = pods.filter(uid="u-job")
    assert job["hour"].max() == START + 5 * HOUR
    assert of(job, 5)["alive_seconds"] == 20 * 60
    assert of(job, 5)["cpu_hours"] == pytest.approx(2 * 20 / 60)


def test_a_name_that_returns_with_another_uid_is_another_pod(pods: pl.DataFrame) -> None:
    first, second = of(pods, 10, uid="u-db-a"), of(pods, 10, uid="u-db-b")
    assert (first["alive_seconds"], second["alive_seconds"]) == (1800, 1200)
    assert first["cpu_used_hours"] == pytest.approx(0.5, abs=0.02)
    assert second["cpu_used_hours"] == pytest.approx(1 / 3, abs=0.04)
    assert first["cpu_request_hours"] == pytest.approx(0.25)
    assert first["memory_used_hours"] == pytest.approx(2.0)
    assert pods.filter(pl.col("hour") > START + 10 * HOUR, uid="u-db-a").is_empty()


def test_a_resize_counts_from_when_it_was_made(pods: pl.DataFrame) -> None:
    assert of(pods, 7, uid="u-resized")["cpu_request_hours"] == pytest.approx(1.0)
    assert of(pods, 8, uid="u-resized")["cpu_request_hours"] == pytest.approx(1.5)
    assert of(pods, 9, uid="u-resized")["cpu_request_hours"] == pytest.approx(2.0)


def test_a_restart_neither_loses_nor_invents_usage(pods: pl.DataFrame) -> None:
    hour = of(pods, 7, uid="u-restarted")
    assert hour["cpu_used_hours"] == pytest.approx(1.0, abs=0.04)
    assert hour["alive_seconds"] == 3600


def test_a_pod_that_nobody_measured_counts_its_request_and_its_usage_is_not_zero(pods: pl.DataFrame) -> None:
    hour = of(pods, 3, uid="u-unseen")
    assert (hour["cpu_hours"], hour["cpu_used_hours"], hour["memory_used_hours"]) == (0.25, None, None)


def test_traffic_of_pods_on_the_nodes_own_network_is_left_out(pods: pl.DataFrame) -> None:
    assert of(pods, 3, uid="u-web")["egress_gib"] == pytest.approx(1.0, rel=1e-3)
    assert pods.filter(uid="u-proxy")["egress_gib"].null_count() == pods.filter(uid="u-proxy").height


def test_an_outage_counts_what_was_seen_and_is_said(prod: list[UsageBatch], pods: pl.DataFrame) -> None:
    hour = of(pods, 26, uid="u-web")
    assert hour["alive_seconds"] == pytest.approx(20 * 60, abs=60)
    assert hour["cpu_request_hours"] == pytest.approx(20 / 60, abs=0.02)
    assert any("40 minutes without samples" in note for batch in prod for note in batch.notes)


def test_a_second_exporter_adds_nothing(pods: pl.DataFrame) -> None:
    assert pods.select("hour", "node", "uid").is_duplicated().sum() == 0
    assert of(pods, 3, uid="u-web")["cpu_request_hours"] == pytest.approx(1.0)


def test_nodes_have_what_joins_them_to_the_bill(prod: list[UsageBatch]) -> None:
    nodes = rows(prod, "node_hours")
    plain, cut = of(nodes, 3, node="n1"), of(nodes, 3, node="m1")
    assert (plain["provider_id"], plain["alive_seconds"]) == ("aws:///eu-central-1a/i-0n1", 3600)
    assert (plain["instance_type"], plain["zone"], plain["capacity_type"]) == (
        "m5.4xlarge",
        "eu-central-1a",
        "on-demand",
    )
    assert (plain["cpu_cores"], plain["memory_gib"], plain["gpus"]) == (16, 64, 0)
    assert (cut["capacity_type"], cut["gpus"], cut["gpu_model"]) == ("spot", 1, "NVIDIA A100-SXM4-80GB")


def test_a_shared_device_stands_on_each_holder_and_is_never_whole(devices: pl.DataFrame) -> None:
    shared = devices.filter(pl.col("hour") == START + 3 * HOUR, device="GPU-g1")
    assert shared["uid"].to_list() == ["u-nb-1", "u-nb-2"]
    assert shared["sharing"].to_list() == ["time-slicing"] * 2
    assert shared["activity"].to_list() == pytest.approx([0.4, 0.4])
    assert shared["share"].to_list() == [0.25, 0.25]  # two of four replicas are held


def test_pods_on_shared_and_cut_devices_hold_parts_of_them(pods: pl.DataFrame) -> None:
    held = {
        r["pod"]: r["gpu_request_hours"]
        for r in pods.filter(pl.col("hour") == START + 3 * HOUR).iter_rows(named=True)
    }
    assert (held["train-1"], held["nb-1"], held["vllm-1"], held["web-1"]) == (1.0, 0.25, 0.5, 0.0)


def test_instances_of_a_cut_device_are_told_apart_and_a_free_one_has_no_holder(devices: pl.DataFrame) -> None:
    cut = devices.filter(pl.col("hour") == START + 3 * HOUR, device="GPU-m1")
    assert cut.select("instance", "profile", "sharing", "uid", "share", "requests").rows() == [
        ("1", "3g.40gb", "mig", "u-vllm", 0.5, 7.0),
        ("2", "3g.40gb", "mig", None, 0.5, None),
    ]
    assert cut["node"].to_list() == ["m1", "m1"]  # the exporter calls it m1.example.internal


def test_a_free_device_is_a_row_without_holder_and_blank_values_are_unknown(devices: pl.DataFrame) -> None:
    free, held = of(devices, 3, device="GPU-f1b"), of(devices, 3, device="GPU-f1a")
    assert (free["uid"], free["activity"], free["tensor"], free["share"]) == (None, 0.0, None, 1.0)
    assert (held["tensor"], held["memory_used_mib"], held["memory_total_mib"]) == (0.5, 60000, 81000)
    assert held["power_watts"] == pytest.approx(320)
    assert (of(devices, 1, device="GPU-f1a")["xid"], held["xid"]) == (79, 0)


def test_old_and_new_names_of_the_host_are_one_device(devices: pl.DataFrame) -> None:
    for hour in (3, 11, 12, 20):
        assert of(devices, hour, device="GPU-f1a")["seconds"] == 3600
    assert devices.select("hour", "device", "instance", "uid").is_duplicated().sum() == 0


def test_volumes_go_to_who_mounted_them(prod: list[UsageBatch]) -> None:
    volumes = rows(prod, "volume_hours")
    both = volumes.filter(pl.col("hour") == START + 10 * HOUR, volume="pv-1")
    assert both["uid"].to_list() == ["u-db-a", "u-db-b"]
    assert both.select("volume_id", "claim", "size_gib", "used_gib").row(0) == (
        "vol-0abc",
        "data-db-0",
        120,
        40,
    )
    left = of(volumes, 3, volume="pv-2")
    assert (left["volume_id"], left["claim"], left["uid"]) == ("vol-0def", None, None)


def test_quotas_are_in_cores_and_gib(prod: list[UsageBatch]) -> None:
    quotas = rows(prod, "quota_hours").filter(pl.col("hour") == START)
    assert quotas.select("resource", "hard", "used").rows() == [("cpu", 10, 3), ("memory", 10, 3)]


def test_the_newest_labels_are_given_under_the_names_they_have(prod: list[UsageBatch]) -> None:
    objects = prod[1].frames["objects"]  # the hours in which a label changed
    pod = objects.filter(kind="pod", name="web-1").row(0, named=True)
    assert dict(pod["labels"]) == {"app.kubernetes.io/name": "web", "team": "blue"}
    assert pod["uid"] == "u-web"
    service = objects.filter(kind="service").row(0, named=True)
    assert service["address"] == "web.elb.example"
    assert set(objects["kind"]) == {"pod", "namespace", "node", "service"}


def test_a_scrape_that_renamed_the_labels_gives_the_same(prometheus_url: str) -> None:
    lab = read(prometheus_url, "lab")
    pods, devices = rows(lab, "pod_hours"), rows(lab, "device_hours")
    assert set(pods.select("namespace", "pod", "node", "workload").rows()) == {("shop", "web-1", "l1", "web")}
    assert of(pods, 3, uid="u-lab")["alive_seconds"] == 3600  # its exporter was replaced in this hour
    assert of(pods, 5, uid="u-lab")["cpu_hours"] == pytest.approx(2.0)
    assert of(devices, 3, device="GPU-l1")["uid"] == "u-lab"
    assert of(devices, 3, device="GPU-l2")["uid"] is None
    assert of(devices, 3, device="GPU-l1")["activity"] == pytest.approx(0.4)
    assert of(devices, 3, device="GPU-l1")["memory_used_mib"] is None


def test_what_is_not_exported_is_null_and_said_with_who_would(prometheus_url: str) -> None:
    bare = read(prometheus_url, "bare")
    hour = of(rows(bare, "pod_hours"), 3, uid="u-bare")
    assert (hour["cpu_hours"], hour["cpu_request_hours"], hour["cpu_used_hours"]) == (2, 2, None)
    assert "device_hours" not in bare[0].frames
    assert any(
        n.startswith("container_cpu_usage_seconds_total is missing (the kubelet") for n in bare[0].notes
    )
    assert any("kube_node_status_capacity is missing" in note for note in bare[0].notes)


def test_gpus_alone_name_their_holders_for_another_source_to_know(prometheus_url: str) -> None:
    cards = read(prometheus_url, "cards")
    assert set(cards[0].frames) == {"device_hours"}
    devices = rows(cards, "device_hours").filter(pl.col("hour") == START)
    assert devices.select("node", "device", "pod", "uid", "share").rows() == [
        ("c1", "GPU-c1", "solo", None, 1.0),
        ("c1", "GPU-c2", None, None, 1.0),
    ]


def test_a_fetch_goes_on_where_the_last_stored_batch_ended(
    prometheus_url: str, prod: list[UsageBatch]
) -> None:
    more = read(prometheus_url, cursor=prod[2].cursor)
    assert [batch.start for batch in more] == [batch.start for batch in prod[3:]]
    assert more[0].frames["pod_hours"].equals(prod[3].frames["pod_hours"])
    assert read(prometheus_url, cursor=prod[-1].cursor) == []


def test_hours_that_the_server_forgot_are_said_and_passed_over(prometheus_url: str) -> None:
    late = collector(prometheus_url)
    fetch = late.fetch_usage({"through": "2025-11-05T00:00:00+00:00"}, progress=Silent())
    assert fetch.notes == ("2025-11-05 00:00 to 2025-11-10 00:00: the server forgot these hours",)
    assert next(fetch.batches).start == START


@pytest.mark.parametrize("frame", ["node_hours", "pod_hours", "device_hours", "volume_hours", "quota_hours"])
def test_hours_are_the_same_read_one_by_one_or_together(
    prometheus_url: str, prod: list[UsageBatch], frame: str
) -> None:
    one = collector(prometheus_url)
    together = prod[1].frames[frame]
    with one._api() as api:
        starts = [prod[1].start + number * HOUR for number in range(6)]
        hours = [read_window(window_of(one._settings, api, at, at + HOUR))[frame] for at in starts]
    apart = pl.concat(hours).sort(together.columns[:4])
    assert_frame_equal(apart, together.sort(together.columns[:4]), check_row_order=False, rel_tol=1e-9)


def test_an_hour_is_left_alone_until_it_ended_long_enough_ago(prometheus_url: str) -> None:
    early = collector(prometheus_url, now=START + timedelta(hours=5, minutes=9))
    assert early.fetch_usage({}, progress=Silent()).coverage.delivered_through == START + 4 * HOUR


def test_hours_that_nobody_scraped_yet_are_waited_for(prometheus_url: str) -> None:
    late = collector(prometheus_url, now=START + timedelta(hours=40))
    fetch = late.fetch_usage({"through": "2025-11-11T05:00:00+00:00"}, progress=Silent())
    assert fetch.coverage.freshness is Freshness.STALE
    assert "was scraped since 2025-11-11 06:00" in fetch.coverage.reason
    assert [batch.end for batch in fetch.batches] == [START + 30 * HOUR]


def test_a_cluster_that_is_not_there_is_an_error_that_says_what_to_correct(prometheus_url: str) -> None:
    with pytest.raises(SourceError, match='no metrics of a cluster with cluster="nowhere"') as error:
        read(prometheus_url, "nowhere")
    assert "cluster_label" in error.value.hint


def test_the_probe_lists_metrics_and_what_each_missing_one_costs(prometheus_url: str) -> None:
    now = START + timedelta(hours=30, minutes=10)
    found = collector(prometheus_url, "lab", now=now, since=timedelta(days=1)).probe()
    assert not [probe for probe in found if probe.health is Health.FAIL]
    assert found[0].server_time is not None
    subjects = {probe.subject: probe for probe in found}
    assert "series of dcgm-exporter: DCGM_FI_DEV_GPU_UTIL (2)" in subjects
    missing = subjects["kube_pod_labels is missing (kube-state-metrics)"]
    assert "--metric-labels-allowlist" in missing.fix
    strange = collector(prometheus_url, "nowhere", now=now).probe()[-1]
    assert "cluster is one of bare, lab, prod" in strange.breaks


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "frame"),
    [
        ("deployment", "shop", "web", "web-1"),
        ("pod", "shop", "web-1", "web-1"),
        ("gpu", "", "GPU-f1a", "train-1"),
        ("node", "", "f1", "train-1"),
    ],
)
def test_what_was_measured_lately_of_a_thing_can_be_asked(
    prometheus_url: str, kind: str, namespace: str, name: str, frame: str
) -> None:
    evidence: Evidence = collector(prometheus_url)
    found = evidence.recent(ResourceId(place="prod", kind=kind, namespace=namespace, name=name))
    assert found is not None
    assert set(found["pod"]) == {frame}
    assert set(found["hour"]) == {START + 29 * HOUR}
    gone = ResourceId(place="prod", kind=kind, namespace=namespace, name="nothing")
    assert evidence.recent(gone) is None


def test_a_server_of_several_clusters_needs_a_label_and_questions_do_without_one(prometheus_url: str) -> None:
    settings = PrometheusSettings(name="metrics", url=prometheus_url, cluster="all")
    one = PrometheusUsageCollector(settings, clock=FixedClock(at=START + timedelta(hours=1, minutes=10)))
    with pytest.raises(SourceError, match="has nodes of several clusters") as caught:
        one.fetch_usage({}, progress=Silent())
    assert "cluster_label: cluster" in caught.value.hint
    with one._api() as api:
        frames = read_window(window_of(settings, api, START, START + HOUR))
    assert set(frames) == {
        *("node_hours", "pod_hours", "device_hours", "volume_hours", "quota_hours", "objects")
    }
    assert {"u-web", "u-lab", "u-bare"} <= set(frames["pod_hours"]["uid"])


def test_a_cluster_without_phases_tells_by_usage_who_ran(prometheus_url: str) -> None:
    one = collector(prometheus_url)
    question = replace(ask.RUNNING, text="absent_metric{$C}")
    with pytest.MonkeyPatch.context() as patch, one._api() as api:
        patch.setattr(ask, "RUNNING", question)
        window = window_of(one._settings, api, START, START + HOUR)
        pods = read_window(window)["pod_hours"]
    assert of(pods, 0, uid="u-web")["alive_seconds"] == 3600
    assert of(pods, 0, uid="u-web")["cpu_hours"] == pytest.approx(1.0)
    assert pods.filter(uid="u-unseen").is_empty()
    assert "kube_pod_status_phase" in window.missing


def test_it_is_a_source_of_usage(prometheus_url: str) -> None:
    assert isinstance(collector(prometheus_url), UsageCollector)
