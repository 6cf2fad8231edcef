"""A company with two clusters, their GPUs by the hour, and one finding of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from acme import Acme
from builders import a_charge
from door import NOW, Site, site
from pages_read import HOSTILE
from usage import rows

from config.idle import packaged_rules
from daemon.answers import Answers
from daemon.http.app import create_app
from daemon.idle import IdleResult, Reach
from daemon.idle_look import IdleLooks
from daemon.rooms import Rooms
from domain.finding import Confidence, Evidence, Finding, Verdict
from domain.resource import ResourceId
from domain.usage import UsageBatch

START = datetime(2026, 6, 6, tzinfo=NOW.tzinfo)
HOUR = timedelta(hours=1)
REACH = (Reach(cluster="prod", through=NOW, gpus=True, is_stale=False),)
DAYS = 14


def pod(name: str, uid: str, cluster: str = "prod", namespace: str = "research") -> ResourceId:
    return ResourceId(place=cluster, kind="pod", namespace=namespace, name=name, uid=uid)


def idle_finding(**changes: Any) -> Finding:
    """Give a pod that holds an H100 and does nothing with it; name what differs."""
    fields: dict[str, Any] = {
        "rule": "gpu-idle",
        "verdict": Verdict.IDLE_HELD,
        "resource": pod("trainer-7f9c-x2k4p", "u-idle"),
        "workload": ResourceId(place="prod", kind="deployment", namespace="research", name="trainer"),
        "owner_team": "ml",
        "since": datetime(2026, 6, 14, 22, tzinfo=NOW.tzinfo),
        "cost_per_hour": Decimal("3.5"),
        "currency": "USD",
        "wasted": Decimal("444.5"),
        "confidence": Confidence.HIGH,
        "suggestion": "Scale deployment trainer to 0 until it is needed.",
        "evidence": (
            Evidence(metric="idle without a break", value="127 h, the rule asks for 1 h", speaks_for=True),
            Evidence(metric="GPU activity, highest", value="0.4 %", speaks_for=True),
            Evidence(metric="GPU memory held, most", value="61 of 80 GiB", speaks_for=True),
            Evidence(metric="power, average", value="118 W", speaks_for=False),
            Evidence(metric="requests at once, most", value="not measured", speaks_for=None),
        ),
    }
    return Finding(**{**fields, **changes})


def every_kind() -> tuple[Finding, ...]:
    """Give a finding of every verdict, the dearest first, a hostile one and one without a cost among them."""
    node = ResourceId(place="prod", kind="node", namespace="", name="ip-10-0-7-21")
    api = ResourceId(place="test", kind="deployment", namespace="shop", name="api")
    said = Evidence(metric="why", value="GPU activity is not measured on this node", speaks_for=None)
    return (
        idle_finding(
            verdict=Verdict.FREE,
            rule="gpu-free",
            resource=node,
            workload=None,
            owner_team=None,
            cost_per_hour=Decimal("9.75"),
            wasted=Decimal("58.5"),
            confidence=Confidence.MEDIUM,
            suggestion="Let the autoscaler take node ip-10-0-7-21 away, or place waiting work on it.",
            evidence=(Evidence(metric="unclaimed", value="2 of 2 H100 for 6 h", speaks_for=True),),
        ),
        idle_finding(),
        idle_finding(
            verdict=Verdict.WRONG_CLASS,
            rule="gpu-wrong-class",
            resource=pod("embedder-0", "u-small", namespace=HOSTILE[0]),
            workload=None,
            owner_team=HOSTILE[3],
            cost_per_hour=Decimal("1.1"),
            wasted=Decimal("139.7"),
            confidence=Confidence.LOW,
        ),
        idle_finding(
            verdict=Verdict.OVERSIZED,
            rule="oversized",
            resource=api,
            workload=None,
            owner_team="web",
            cost_per_hour=Decimal("0.0425"),
            wasted=Decimal("7.14"),
        ),
        idle_finding(
            verdict=Verdict.ABANDONED,
            rule="abandoned",
            resource=replace(api, name="old-report"),
            workload=None,
            owner_team="web",
            since=None,
            cost_per_hour=None,
            currency="",
            wasted=None,
        ),
        idle_finding(
            verdict=Verdict.UNKNOWN,
            resource=pod("notebook-anna", "u-dark", "test"),
            workload=None,
            since=None,
            cost_per_hour=None,
            currency="",
            wasted=None,
            confidence=Confidence.LOW,
            evidence=(said,),
        ),
        idle_finding(
            verdict=Verdict.WORKING,
            resource=pod("server-1", "u-busy"),
            cost_per_hour=None,
            wasted=None,
            currency="",
        ),
    )


def device_rows() -> list[dict[str, Any]]:
    """Give two weeks of five GPUs: one that stopped, one with a gap, two that nobody holds, one at work."""
    found = []
    for at in range(DAYS * 24 + 6):
        hour = START + at * HOUR
        working = at < 8 * 24 + 22
        wave = (1 + (at % 24 > 7) * 2 + (at % 5) / 5) / 4.5
        gap = 60 <= at < 110
        found += [
            {
                **_device("GPU-5c89eb0c-5d2f-4d43", hour),
                "namespace": "research",
                "pod": "trainer",
                "uid": "u-idle",
            }
            | {"activity": wave * 0.8 if working else 0.001, "activity_max": wave if working else 0.004},
            {
                **_device("GPU-0a11b2c3-7e4d-9f00", hour),
                "namespace": "research",
                "pod": "server-1",
                "uid": "u-busy",
            }
            | ({} if gap else {"activity": wave * 0.5, "activity_max": wave}),
            {**_device("GPU-77aa0001-0000-0001", hour, "ip-10-0-7-21"), "activity": 0.0, "activity_max": 0.0},
            {**_device("GPU-77aa0001-0000-0002", hour, "ip-10-0-7-21"), "activity": 0.0, "activity_max": 0.0},
        ]
    return found


def _device(device: str, hour: datetime, node: str = "ip-10-0-7-20") -> dict[str, Any]:
    return {"hour": hour, "node": node, "device": device, "model": "NVIDIA H100 80GB HBM3", "share": 1.0}


def store(made: Site, devices: Sequence[dict[str, Any]], cluster: str = "prod") -> None:
    """Store hours of a cluster, day by day."""
    for day in range(DAYS + 1):
        begin = START + timedelta(days=day)
        mine = [row for row in devices if begin <= row["hour"] < begin + timedelta(days=1)]
        hours = sorted({row["hour"] for row in mine}) or [begin]
        batch = UsageBatch(
            source="k8s",
            cluster=cluster,
            start=begin,
            end=begin + timedelta(days=1),
            frames={
                "device_hours": rows("device_hours", *mine, cluster=cluster),
                "node_hours": rows(
                    "node_hours", *({"hour": hour, "gpus": 4.0} for hour in hours), cluster=cluster
                ),
                "pod_hours": pl.DataFrame(schema=rows("pod_hours").schema),
            },
        )
        made.services.ledger.replace_usage(batch, seen_at=NOW)


def result_of(findings: Sequence[Finding], reach: Sequence[Reach] = REACH) -> IdleResult:
    """Give findings as the rules in force give them."""
    return IdleResult(
        findings=tuple(findings), reach=tuple(reach), rules=packaged_rules(), start=START, end=NOW
    )


def idle_site(
    folder: Path, findings: Sequence[Finding] = (), *, usage: bool = True, reach: Sequence[Reach] = REACH
) -> Site:
    """Give the web app of that company, with findings as if the rules had found them."""
    acme = Acme(folder=folder).collected(
        a_charge(start="2026-06-10", EffectiveCost="5", Tags={"team": "ml", "k8s-cluster": "prod"})
    )
    made = site(acme)
    if usage:
        store(made, device_rows())

    def judge(_rooms: Rooms, _answers: Answers) -> IdleResult:
        return result_of(findings, reach=reach if usage else ())

    services = replace(made.services, idle=IdleLooks(made.services.rooms, made.services.answers, judge))
    return Site(services=services, app=create_app(services), clock=made.clock)
