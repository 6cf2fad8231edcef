"""The worked example of docs/kubernetes-costs.md gives the figures that the page shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from acme import Acme
from builders import a_charge
from usage import a_usage_batch, rows

from daemon.assemble import open_settings
from daemon.clock import FixedClock
from daemon.rooms import Rooms

HOUR = datetime(2026, 6, 10, tzinfo=UTC)


def page(root: Path) -> str:
    return (root / "docs" / "kubernetes-costs.md").read_text(encoding="utf-8")


def table(text: str, head: str) -> list[list[str]]:
    """Give the rows of the table with this head."""
    (found,) = re.findall(rf"\| {re.escape(head)} \|\n\|[-|]+\|\n((?:\|.*\|\n)+)", text)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()]


def test_the_example_is_what_costd_says(root: Path, acme: Acme) -> None:
    text = page(root)
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    charges = [
        a_charge(
            start=HOUR,
            ResourceId="i-0a1",
            Tags={},
            ChargeCategory="Credit" if name == "credit" else "Usage",
            **dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), cost),
        )
        for name, cost in table(text, "charge | effective cost")
    ]
    acme.collected(*charges, more=block.replace("ownership:\n", "ownership:\n  follow: {credits: none}\n"))
    node = {"cpu_cores": 4.0, "memory_gib": 16.0, "alive_seconds": 3600.0, "provider_id": "aws:///a/i-0a1"}
    pods = [
        {
            "namespace": namespace,
            "pod": pod,
            "uid": f"u-{pod}",
            "cpu_hours": float(cpu),
            "memory_hours": float(memory),
        }
        for namespace, pod, cpu, memory in table(text, "namespace | pod | core-hours | GiB-hours")
    ]
    rooms = Rooms(settings=open_settings(acme.folder / "costd.yaml"), clock=FixedClock(at=HOUR))
    batch = a_usage_batch(hours=24, node_hours=rows("node_hours", node), pod_hours=rows("pod_hours", *pods))
    rooms.ledger.replace_usage(batch, seen_at=HOUR)
    assert acme.costd("collect").status == 0
    ran = acme.costd("report", "--from", "2026-06-01", "--by", "namespace,pod,cost_kind", "--output", "json")
    said = {
        (row["namespace"] or "", row["pod"] or "", row["cost_kind"]): row["cost"] for row in ran.json["rows"]
    }
    shown = {
        (namespace, pod, kind): cost
        for namespace, pod, kind, cost in table(text, "namespace | pod | cost kind | cost")
    }
    assert said == shown
    assert sum(map(Decimal, shown.values())) == Decimal("0.18")
