"""How a provider splits its resources: kept beside the charges, with the delivery it came with."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from builders import a_batch, a_charge, a_chunk

from domain.allocation import SPLIT_SCHEMA
from domain.delivery import Batch, Chunk, Closing, Objection, Verdict
from ledger.charges import ChargeLedger

HOUR = datetime(2026, 6, 10, 5, tzinfo=UTC)
SEEN = datetime(2026, 6, 11, tzinfo=UTC)
NODE = a_charge(start=HOUR, ResourceId="i-1", BilledCost="0.096", EffectiveCost="0.096")


@pytest.fixture
def ledger(tmp_path: Path) -> ChargeLedger:
    return ChargeLedger(str(tmp_path / "ledger"))


def split(pod: str, cost: str, unused: str = "0.001") -> pl.DataFrame:
    row = {
        **dict.fromkeys(SPLIT_SCHEMA, None),
        "BillingPeriodStart": datetime(2026, 6, 1, tzinfo=UTC),
        "ChargePeriodStart": HOUR,
        "ChargePeriodEnd": HOUR.replace(hour=6),
        "BillingCurrency": "USD",
        "ResourceId": "i-1",
        "AllocatedMethodId": "aws-scad",
        "AllocatedResourceId": pod,
        "AllocatedTags": {"team": "web"},
        "x_SplitCost": Decimal(cost),
        "x_SplitUnusedCost": Decimal(unused),
        "x_UsageUnit": "vCPU-Hours",
    }
    return pl.DataFrame([row], schema=SPLIT_SCHEMA)


def june(chunk: Chunk, manifest: str = "1", **fields: Any) -> Batch:
    return a_batch(chunks=[chunk], periods=["2026-06"], manifest_hash=manifest, **fields)


def pods(ledger: ChargeLedger) -> list[tuple[str, Decimal]]:
    rows = ledger.allocations().select("AllocatedResourceId", "x_SplitCost").collect()
    return sorted(rows.iter_rows())


def test_allocations_lie_beside_the_charges_and_change_no_sum(ledger: ChargeLedger) -> None:
    ledger.replace(june(a_chunk(NODE, allocations=split("pod/a", "0.012"))), seen_at=SEEN)
    assert pods(ledger) == [("pod/a", Decimal("0.012"))]
    assert ledger.charges().select(pl.col("EffectiveCost").sum()).collect().item() == Decimal("0.096")
    (delivery,) = ledger.deliveries()
    assert delivery.allocations == 1
    row = ledger.allocations().collect().row(0, named=True)
    assert (row["billing_period"], row["AllocatedTags"]) == ("2026-06", {"team": "web"})


def test_a_new_delivery_replaces_the_allocations_whole(ledger: ChargeLedger) -> None:
    for cost in ("0.012", "0.013", "0.014"):
        chunk = a_chunk(NODE, allocations=split("pod/b", cost))
        ledger.replace(june(chunk, cost), seen_at=SEEN)
    assert pods(ledger) == [("pod/b", Decimal("0.014"))]
    files = list(Path(ledger.root, "allocations").rglob("*.parquet"))
    table = ledger.tables["allocations"]
    opened = table.open()
    assert opened is not None
    assert len(table.members(opened)) == 2, "the delivery before stays for readers that began with it"
    assert len(files) == 3, "maintenance deletes what no version names"


def test_a_delivery_without_any_leaves_none(ledger: ChargeLedger) -> None:
    ledger.replace(june(a_chunk(NODE, allocations=split("pod/a", "0.012"))), seen_at=SEEN)
    ledger.replace(june(a_chunk(NODE), "2"), seen_at=SEEN)
    assert pods(ledger) == []


def test_a_refused_period_leaves_no_allocations_behind(ledger: ChargeLedger) -> None:
    wrong = Closing(objections=(Objection(gate="billed", reason="the bill says 2, the files 1"),))
    chunk = a_chunk(NODE, allocations=split("pod/a", "0.012"))
    (result,) = ledger.replace(june(chunk, closing=lambda _: wrong), seen_at=SEEN, force=True)
    assert (result.verdict, result.gate, result.reason) == (
        Verdict.REFUSED,
        "billed",
        "the bill says 2, the files 1",
    )
    assert not list(Path(ledger.root).rglob("*.parquet"))


def test_a_person_may_overrule_an_objection_that_says_so(ledger: ChargeLedger) -> None:
    doubt = Objection(gate="commitment", reason="sp-1: 0.9 used and unused of 1.0", forcible=True)
    closes = datetime(2026, 7, 15, tzinfo=UTC)
    closing = Closing(objections=(doubt,), closes_at=closes, notes=("looked at twice",))
    batch = june(a_chunk(NODE), closing=lambda _: closing)
    assert ledger.replace(batch, seen_at=SEEN)[0].verdict is Verdict.REFUSED
    batch = june(a_chunk(NODE), closing=lambda _: closing)
    assert ledger.replace(batch, seen_at=SEEN, force=True)[0].verdict is Verdict.REPLACED
    (delivery,) = ChargeLedger(ledger.root).deliveries()
    assert (delivery.forced, delivery.closes_at) == (True, closes)
    assert "looked at twice" in delivery.notes


def test_what_supersedes_a_first_overview_may_be_smaller(ledger: ChargeLedger) -> None:
    overview = a_chunk(
        *(NODE | {"BilledCost": "100", "EffectiveCost": "100", "ResourceId": f"i-{i}"} for i in range(3))
    )
    assert ledger.replace(june(overview), seen_at=SEEN)[0].verdict is Verdict.REPLACED
    assert ledger.replace(june(a_chunk(NODE), "2"), seen_at=SEEN)[0].gate == "loss"
    batch = june(a_chunk(NODE), "2", closing=lambda _: Closing(supersedes=True))
    (result,) = ledger.replace(batch, seen_at=SEEN)
    assert result.verdict is Verdict.REPLACED
    assert result.delivery is not None
    assert not result.delivery.forced
