"""Ledgers that earlier versions wrote still open, still say the same, and can be gone on with."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import old_ledger
import polars as pl
import pytest
from acme import Acme
from builders import a_batch, a_charge
from usage import a_usage_batch, rows

from domain.charge import CUBE_SCHEMA, FACT_SCHEMA, PRICE_SCHEMA, RESOURCE_SCHEMA
from domain.delivery import Verdict
from domain.usage import FRAMES
from ledger.charges import ChargeLedger

DATA = Path(__file__).parents[1] / "data"
LEDGERS = ["ledger-v1", "ledger-v2"]
SINCE_CLUSTERS = LEDGERS[1:]
"""Those that have hours of usage, parts and estimates."""
NOW = datetime(2026, 7, 4, 6, tzinfo=UTC)
SUMS = {
    ("aws", "2026-06", "USD"): (Decimal("16.250000000001"), Decimal("14.25"), 4),
    ("aws", "2026-07", "USD"): (Decimal(7), Decimal(7), 1),
    ("azure", "2026-06", "EUR"): (Decimal("0.10"), Decimal("0.10"), 1),
}


@pytest.fixture(params=[*LEDGERS, "today"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The ledger as a version wrote it; also as today's does, so that its writer stays honest."""
    folder = tmp_path / "ledger"
    if request.param == "today":
        old_ledger.write(str(folder))
    else:
        shutil.copytree(DATA / request.param, folder)
    return folder


def sums(ledger: ChargeLedger) -> dict[tuple[str, ...], tuple[Decimal, Decimal, int]]:
    joined = ledger.charges().join(ledger.resources().drop("source"), on="dim_id")
    costs = [pl.col(name).sum() for name in ("BilledCost", "EffectiveCost")]
    keys = ("source", "billing_period", "BillingCurrency")
    found = joined.group_by(keys).agg(*costs, pl.len()).collect()
    return {row[:3]: row[3:] for row in found.iter_rows()}


def test_every_ledger_that_was_kept_is_tested() -> None:
    assert sorted(folder.name for folder in DATA.glob("ledger-v*")) == LEDGERS
    for name in LEDGERS:
        files = [file for file in (DATA / name).rglob("*") if file.is_file()]
        assert sum(file.stat().st_size for file in files) < 300_000


def test_its_charges_add_up_to_what_they_did(root: Path) -> None:
    ledger = ChargeLedger(str(root), promote=("team", "env"))
    assert sums(ledger) == SUMS
    assert ledger.charges().collect().schema == FACT_SCHEMA
    assert ledger.prices().collect().schema == PRICE_SCHEMA
    assert ledger.cube().collect().schema == CUBE_SCHEMA
    resources = ledger.resources().collect()
    assert resources.drop("x_tag_team", "x_tag_env").schema == RESOURCE_SCHEMA
    assert sorted(set(resources["x_tag_team"].drop_nulls())) == ["ml", "web"]
    assert set(resources["x_tag_env"].drop_nulls()) == {"prod"}  # promoted only now


def test_its_history_says_what_it_did(root: Path) -> None:
    ledger = ChargeLedger(str(root))
    recovered = ledger.recover()
    assert list(recovered.damage) == []
    june = [d for d in ledger.deliveries() if (d.source, d.billing_period) == ("aws", "2026-06")]
    assert [(d.seen_at, d.rows, d.manifest_hash) for d in june] == [
        (old_ledger.FIRST, 3, "first"),
        (old_ledger.SECOND, 4, "second"),
    ]
    assert june[0].sums["USD"]["BilledCost"] == Decimal("13.750000000001")
    assert ledger.cursors("aws") == {"2026-06": {"etag": "e2"}, "2026-07": {"etag": "e3"}}
    known = ledger.as_first_seen(old_ledger.FIRST).collect()
    assert known["EffectiveCost"].sum() == Decimal("12.25")


def test_what_it_knows_of_clusters_is_what_it_was(root: Path, request: pytest.FixtureRequest) -> None:
    ledger = ChargeLedger(str(root), promote=("team",))
    july = ledger.attributable(periods=["2026-07"]).join(ledger.resources().drop("source"), on="dim_id")
    found = (
        july.select("source", "EffectiveCost", "x_AllocationKind", "x_EstimatedUntil")
        .sort("source")
        .collect()
        .rows()
    )
    if request.node.callspec.params["root"] not in {*SINCE_CLUSTERS, "today"}:
        assert found == [("aws", Decimal(7), None, None)]
        assert ledger.usage("objects").collect().is_empty()
        return
    assert found == [("aws", Decimal(7), "workload", None), ("cluster", Decimal(0), None, "aws")]
    assert sums(ledger) == SUMS, "the bill stays what it is"
    for name, schema in FRAMES.items():
        (row,) = ledger.usage(name).collect().to_dicts()
        assert row == {"source": "cluster", **rows(name, {}).to_dicts()[0]}
        assert set(row) == {"source", *schema}
    assert ledger.usage_cursor("cluster") == {"hour": 1}
    assert ledger.splits()["aws", "2026-07"].usage == "u1"
    ledger.replace_usage(a_usage_batch(hour=1), seen_at=NOW)
    assert ledger.usage("pod_hours").collect().height == 2


def test_collecting_goes_on_where_it_ended(root: Path) -> None:
    ledger = ChargeLedger(str(root), promote=("team",))
    again = a_batch(a_charge(start="2026-07-01T00:00"), manifest_hash="july", cursor={"etag": "e3"})
    (result,) = ledger.replace(again, seen_at=NOW)
    assert result.verdict is Verdict.UNCHANGED
    more = a_batch(
        a_charge(start="2026-07-01T00:00", BilledCost="7", EffectiveCost="7"),
        a_charge(start="2026-07-02T00:00", BilledCost="1", EffectiveCost="1"),
        manifest_hash="more",
    )
    (result,) = ledger.replace(more, seen_at=NOW)
    assert result.verdict is Verdict.REPLACED
    assert sums(ledger) == SUMS | {("aws", "2026-07", "USD"): (Decimal(8), Decimal(8), 2)}
    ledger.maintain(NOW)
    assert sums(ledger)["aws", "2026-06", "USD"] == SUMS["aws", "2026-06", "USD"]


def test_every_command_answers_from_it(root: Path) -> None:
    acme = Acme(folder=root.parent)
    acme.configure("aws", "azure", more="ledger: {path: ./ledger}\n")
    ran = acme.costd("report", "--by", "team", "--from", "all", "--output", "json", now=NOW.isoformat())
    assert ran.status == 0, ran.err
    assert sorted((total["currency"], total["cost"]) for total in ran.json["totals"]) == [
        ("EUR", "0.1"),
        ("USD", "21.25"),
    ]
    found = {(row["team"], row["currency"]): row["cost"] for row in ran.json["rows"]}
    assert found == {("web", "USD"): "14.25", ("ml", "USD"): "2", (None, "USD"): "5", ("ml", "EUR"): "0.1"}
    for command in ("reconcile", "status", "restatements"):
        ran = acme.costd(
            command, *(("--since", "60d") if command == "restatements" else ()), now=NOW.isoformat()
        )
        assert ran.status in {0, 5}, ran.err


def test_a_sum_that_changed_would_be_noticed(root: Path) -> None:
    ledger = ChargeLedger(str(root))
    wrong = a_charge(start="2026-06-01T00:00", BilledCost="10", EffectiveCost="8.5")
    ledger.replace(a_batch(wrong, manifest_hash="wrong"), seen_at=NOW, force=True)
    assert sums(ledger) != SUMS
