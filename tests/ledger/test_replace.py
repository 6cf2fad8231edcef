"""What replacing a period does to the ledger, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from builders import a_batch, a_charge, a_chunk
from polars.testing import assert_frame_equal

from domain.charge import CUBE_SCHEMA, FACT_SCHEMA, PRICE_SCHEMA, RESOURCE_SCHEMA
from domain.delivery import Chunk, Verdict
from domain.errors import SourceError
from ledger.charges import ChargeLedger

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)
LATER = datetime(2026, 7, 3, 6, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> ChargeLedger:
    return ChargeLedger(str(tmp_path / "ledger"))


def billed(ledger: ChargeLedger, source: str = "aws", period: str = "2026-06") -> Decimal | None:
    facts = ledger.charges(sources=[source], periods=[period])
    total = facts.select(pl.col("BilledCost").sum(), pl.len()).collect()
    return total["BilledCost"].item() if total["len"].item() else None


def test_an_empty_ledger_gives_empty_frames_of_the_right_schema(ledger: ChargeLedger) -> None:
    assert ledger.charges().collect().schema == FACT_SCHEMA
    assert ledger.resources().collect().schema == RESOURCE_SCHEMA
    assert ledger.prices().collect().schema == PRICE_SCHEMA
    assert ledger.cube().collect().schema == CUBE_SCHEMA
    assert ledger.as_first_seen(NOW).collect().schema == CUBE_SCHEMA
    assert ledger.deliveries() == []
    assert ledger.cursors("aws") == {}


def test_stores_charges_as_a_star_that_gives_every_column_back(ledger: ChargeLedger) -> None:
    row = a_charge(SkuMeter="box", AvailabilityZone="eu-central-1a", Tags={"team": "web", "Env": "x"})
    (result,) = ledger.replace(a_batch(row), seen_at=NOW)
    assert result.verdict is Verdict.REPLACED
    assert result.delivery is not None
    back = (
        ledger.charges()
        .join(ledger.resources().drop("source"), on="dim_id")
        .join(ledger.prices().drop("source"), on="price_id")
        .collect()
        .row(0, named=True)
    )
    tags = back.pop("Tags")
    assert tags == {"Env": "x", "team": "web"}
    assert (back["source"], back["billing_period"], back["day"]) == ("aws", "2026-06", date(2026, 6, 10))
    assert {name: back[name] for name in row if name != "Tags"} == {
        name: value for name, value in row.items() if name != "Tags"
    }


def test_the_delivery_says_what_was_stored(ledger: ChargeLedger) -> None:
    batch = a_batch(
        a_charge(BilledCost="1.5"), a_charge(BilledCost="-0.25", start="2026-06-12"), cursor={"etag": "e1"}
    )
    ledger.replace(batch, seen_at=NOW)
    (delivery,) = ledger.deliveries()
    assert (delivery.rows, delivery.days) == (2, 2)
    assert (delivery.first_day, delivery.last_day) == ("2026-06-10", "2026-06-12")
    assert delivery.sums["USD"]["BilledCost"] == Decimal("1.25")
    assert delivery.seen_at == NOW
    assert delivery.through == datetime(2026, 6, 12, 1, tzinfo=UTC)
    assert ledger.cursors("aws") == {"2026-06": {"etag": "e1"}}


def test_the_same_delivery_twice_changes_nothing_and_commits_nothing(ledger: ChargeLedger) -> None:
    ledger.replace(a_batch(a_charge()), seen_at=NOW)
    before = ledger.charges().collect()
    (result,) = ledger.replace(a_batch(a_charge()), seen_at=LATER)
    assert result.verdict is Verdict.UNCHANGED
    assert result.delivery == ledger.deliveries()[0]
    assert len(ledger.deliveries()) == 1
    assert_frame_equal(ledger.charges().collect(), before)


def test_replacing_a_period_leaves_other_periods_and_sources_alone(ledger: ChargeLedger) -> None:
    ledger.replace(a_batch(a_charge(BilledCost="1"), source="aws"), seen_at=NOW)
    ledger.replace(a_batch(a_charge(BilledCost="2"), source="azure"), seen_at=NOW)
    ledger.replace(a_batch(a_charge(BilledCost="3", start="2026-07-01"), source="aws"), seen_at=NOW)
    ledger.replace(a_batch(a_charge(BilledCost="9"), source="aws", manifest_hash="h2"), seen_at=LATER)
    assert billed(ledger) == 9
    assert billed(ledger, "azure") == 2
    assert billed(ledger, "aws", "2026-07") == 3


def test_a_restated_month_shows_in_the_history_what_changed(ledger: ChargeLedger) -> None:
    stable, moving = a_charge(ResourceId="i-1"), a_charge(ResourceId="i-2", BilledCost="1.00")
    ledger.replace(a_batch(stable, moving), seen_at=NOW)
    ledger.replace(
        a_batch(stable, {**moving, "BilledCost": Decimal("1.02")}, manifest_hash="h2"), seen_at=LATER
    )
    changed = ledger.cube().filter(pl.col("seen_at") == LATER).collect()
    assert changed["BilledCost"].to_list() == [Decimal("1.02")]
    assert ledger.as_first_seen(NOW).collect()["BilledCost"].sum() == Decimal("2.25")
    assert ledger.as_first_seen(LATER).collect()["BilledCost"].sum() == Decimal("2.27")
    first, second = ledger.versions("aws", "2026-06")
    assert ledger.charges_at(first).collect()["BilledCost"].sum() == Decimal("2.25")
    assert ledger.charges_at(second).collect()["BilledCost"].sum() == Decimal("2.27")


def test_a_cell_that_vanished_is_gone_from_the_state_but_not_from_the_history(ledger: ChargeLedger) -> None:
    rows = [a_charge(ResourceId=f"i-{number}") for number in range(40)]
    ledger.replace(a_batch(*rows), seen_at=NOW)
    ledger.replace(a_batch(*rows[1:], manifest_hash="h2"), seen_at=LATER)
    gone = ledger.cube().filter(pl.col("rows") == 0).collect()
    assert gone.height == 1
    assert gone["BilledCost"].to_list() == [None]
    assert ledger.as_first_seen(LATER).collect().height == 39
    assert ledger.as_first_seen(NOW).collect().height == 40


def test_currencies_are_summed_apart(ledger: ChargeLedger) -> None:
    rows = [
        a_charge(BillingCurrency=currency, BilledCost=cost) for currency, cost in (("USD", 1), ("EUR", 2))
    ]
    ledger.replace(a_batch(*rows), seen_at=NOW)
    (delivery,) = ledger.deliveries()
    assert {currency: sums["BilledCost"] for currency, sums in delivery.sums.items()} == {"USD": 1, "EUR": 2}


def test_an_empty_month_is_stored_as_a_delivery_without_rows(ledger: ChargeLedger) -> None:
    batch = a_batch(chunks=(), periods=["2026-06"])
    (result,) = ledger.replace(batch, seen_at=NOW)
    assert result.verdict is Verdict.REPLACED
    assert ledger.deliveries()[0].rows == 0
    (again,) = ledger.replace(a_batch(chunks=(), periods=["2026-06"]), seen_at=LATER)
    assert again.verdict is Verdict.UNCHANGED


def test_a_source_that_fails_half_way_keeps_every_period_of_the_batch(
    ledger: ChargeLedger, tmp_path: Path
) -> None:
    ledger.replace(a_batch(a_charge(BilledCost="1")), seen_at=NOW)

    def broken() -> Iterator[Chunk]:
        yield a_chunk(a_charge(BilledCost="7"), a_charge(start="2026-07-01"))
        raise SourceError("part-2.parquet is truncated", hint="ask for the export again")

    batch = a_batch(chunks=broken(), periods=["2026-06", "2026-07"], manifest_hash="h2")
    results = ledger.replace(batch, seen_at=LATER)
    assert [result.verdict for result in results] == [Verdict.REFUSED, Verdict.REFUSED]
    assert {result.gate for result in results} == {"source"}
    assert "part-2.parquet is truncated" in results[0].reason
    assert billed(ledger) == 1
    assert billed(ledger, "aws", "2026-07") is None
    assert len(list((tmp_path / "ledger" / "charges").rglob("*.parquet"))) == 1


def test_a_row_of_a_period_that_the_batch_does_not_name_refuses_the_batch(ledger: ChargeLedger) -> None:
    batch = a_batch(
        chunks=(a_chunk(a_charge(), a_charge(start="2026-05-31")),), periods=["2026-06"], manifest_hash="h2"
    )
    (result,) = ledger.replace(batch, seen_at=NOW)
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "period")
    assert "2026-05" in result.reason
    assert ledger.deliveries() == []


@pytest.mark.parametrize("column", ["BilledCost", "BillingCurrency"])
def test_rows_without_what_every_sum_needs_are_refused(ledger: ChargeLedger, column: str) -> None:
    chunk = a_chunk(a_charge(), a_charge(**{column: None}), parsed={})
    (result,) = ledger.replace(a_batch(chunks=[chunk], periods=["2026-06"]), seen_at=NOW)
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "period")
    assert f"1 rows without {column}" in result.reason


def test_unknown_costs_stay_unknown(ledger: ChargeLedger) -> None:
    ledger.replace(a_batch(a_charge(ListCost=None, EffectiveCost=None)), seen_at=NOW)
    (delivery,) = ledger.deliveries()
    assert delivery.sums == {"USD": {"BilledCost": Decimal("1.25"), "ContractedCost": Decimal("1.25")}}
    assert ledger.as_first_seen(NOW).collect()["ListCost"].to_list() == [None]


def test_threads_that_share_a_ledger_see_every_delivery_once(ledger: ChargeLedger) -> None:
    other = ChargeLedger(ledger.root)
    for number in range(5):
        other.replace(a_batch(a_charge(BilledCost=f"1.0{number}"), manifest_hash=f"h{number}"), seen_at=NOW)
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: len(ledger.deliveries()), range(16)))
    assert counts == [5] * 16
