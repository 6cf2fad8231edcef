"""GPU-hours in numbers: by team and model, with few labels, against quotas."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from acme import NOW, Acme
from door import site
from idle_worlds import device_hours, pod_hours

from config.idle import GpuQuota
from daemon.assemble import build_ledger, open_settings
from daemon.gpu_hours import GpuUse, against, held
from daemon.gpu_metrics import labelled
from domain.usage import DEVICE_HOURS, NODE_HOURS, POD_HOURS, UsageBatch

DAY = datetime(2026, 6, 19, tzinfo=UTC)


def a_use(team: str | None, model: str, hours: str) -> GpuUse:
    return GpuUse(team=team, model=model, hours=Decimal(hours), measured=Decimal(hours))


def test_the_largest_have_a_series_of_their_own_and_the_rest_is_other() -> None:
    uses = [
        a_use("ml", "A100", "50"),
        a_use(None, "T4", "20"),
        a_use("web", "T4", "5"),
        a_use("qa", "T4", "4"),
    ]
    assert labelled(uses, 2) == {
        ("ml", "A100"): Decimal(50),
        ("unallocated", "T4"): Decimal(20),
        ("other", "other"): Decimal(9),
    }


def test_a_quota_counts_all_models_that_it_is_for_and_the_first_that_fits_counts() -> None:
    uses = [
        a_use("ml", "NVIDIA H100 PCIe", "30"),
        a_use("ml", "NVIDIA H100 NVL", "30"),
        a_use("ml", "T4", "7"),
    ]
    quotas = [GpuQuota(team="ML", model="*h100*", hours=Decimal(50)), GpuQuota(team="ml", hours=Decimal(10))]
    found = against(uses, quotas)
    assert [(use.quota_hours, use.is_over) for use in found] == [
        (Decimal(60), True),
        (Decimal(60), True),
        (Decimal(7), False),
    ]


def test_fractions_count_as_fractions_and_unmeasured_gpus_as_they_were_asked_for() -> None:
    half = {"sharing": "time-slicing", "share": 0.5}
    devices = pl.DataFrame(
        device_hours(range(4), **half) + device_hours(range(4), **half, uid="u-2"), schema=DEVICE_HOURS
    )
    pods = pl.DataFrame(
        pod_hours(range(4)) + pod_hours(range(4), uid="u-3", node="n-2", gpu_request_hours=2.0),
        schema=POD_HOURS,
    )
    node = {"cluster": "prod", "node": "n-2", "gpu_model": "NVIDIA L4"}
    nodes = pl.DataFrame([{**node, "hour": hour} for hour in pods["hour"].unique()], schema=NODE_HOURS)
    found = {row[1]: row[2:] for row in held(devices, pods, nodes).iter_rows()}
    assert found == {
        "u-1": ("NVIDIA A100-SXM4-80GB", 2.0, 2.0),
        "u-2": ("NVIDIA A100-SXM4-80GB", 2.0, 2.0),
        "u-3": ("NVIDIA L4", 8.0, 0.0),
    }


@pytest.mark.parametrize("told", ["true", "false"])
def test_a_scrape_has_the_hours_and_quotas_unless_owners_are_nobodys_business(
    tmp_path: Path, told: str
) -> None:
    acme = Acme(folder=tmp_path)
    acme.configure(more=f"metrics: {{owners: {told}}}\nquotas: {{gpu_hours: [{{team: ml, hours: 40}}]}}\n")
    hours = [DAY + timedelta(hours=number) for number in range(6)]
    rows = zip(device_hours(range(6)), pod_hours(range(6)), hours, strict=True)
    devices, pods = zip(*(({**d, "hour": at}, {**p, "hour": at}) for d, p, at in rows), strict=True)
    batch = UsageBatch(
        source="metrics",
        cluster="prod",
        start=DAY,
        end=DAY + timedelta(days=1),
        frames={
            "device_hours": pl.DataFrame(list(devices), schema=DEVICE_HOURS),
            "pod_hours": pl.DataFrame(list(pods), schema=POD_HOURS),
            "node_hours": NODE_HOURS.to_frame(),
        },
    )
    build_ledger(open_settings(tmp_path / "costd.yaml")).replace_usage(batch, seen_at=DAY)
    acme.costd("status", now=NOW)
    text = site(acme).client().get("/metrics").text
    series = 'costd_gpu_hours_total{model="NVIDIA A100-SXM4-80GB",team="unallocated"} 6.0'
    assert (series in text) is (told == "true")
    assert ('costd_gpu_quota_hours{model="*",team="ml"} 40.0' in text) is (told == "true")
