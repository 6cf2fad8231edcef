from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from daemon.clock import FixedClock
from daemon.demo.company import PROVIDERS
from daemon.demo.world import World

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(seed=7, folder=tmp_path, clock=FixedClock(at=NOW))


def last_use(bill: pl.DataFrame) -> datetime:
    usage = bill.filter(pl.col("ChargeCategory") == "Usage", pl.col("ChargeClass").is_null())
    last = usage["ChargePeriodEnd"].max()
    assert isinstance(last, datetime)
    return last


@pytest.mark.parametrize(
    ("provider", "through"),
    [
        ("aws", datetime(2026, 11, 19, 23, tzinfo=UTC)),
        ("gcp", datetime(2026, 11, 19, 14, tzinfo=UTC)),
        ("azure", datetime(2026, 11, 19, tzinfo=UTC)),
    ],
)
def test_each_provider_is_late_in_its_own_way(world: World, provider: str, through: datetime) -> None:
    assert world.delivered_through(provider, seen_at=NOW) == through
    assert last_use(world.bill(provider, "2026-11", seen_at=NOW)) >= through


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nothing_is_billed_before_it_happened(world: World, provider: str) -> None:
    assert last_use(world.bill(provider, "2026-11", seen_at=NOW)) <= NOW


def test_some_services_of_google_report_later_than_the_rest(world: World) -> None:
    bill = world.bill("gcp", "2026-11", seen_at=NOW)
    assert last_use(bill) == datetime(2026, 11, 19, 20, tzinfo=UTC)
    slow = bill.filter(pl.col("ServiceName").is_in(["BigQuery", "Vertex AI"]))
    assert last_use(slow) == datetime(2026, 11, 19, 14, tzinfo=UTC)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_complete_days_stay_as_they_are_but_for_small_restatements(world: World, provider: str) -> None:
    """What a later delivery says of days that were complete differs by little, and not by nothing."""
    day = pl.col("ChargePeriodStart").dt.date()
    complete = (day >= datetime(2026, 11, 10).date()) & (day < datetime(2026, 11, 19).date())  # noqa: DTZ001
    first, later = (
        world.bill(provider, "2026-11", seen_at=at)
        .filter(complete, pl.col("ChargeCategory") == "Usage")["EffectiveCost"]
        .sum()
        for at in (NOW, NOW + timedelta(days=20))
    )
    assert first != later
    assert abs(first - later) < later * Decimal("0.01")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_month_is_restated_after_it_was_invoiced(world: World, provider: str) -> None:
    invoiced = datetime(2026, 11, 6, 19, tzinfo=UTC)
    first = world.bill(provider, "2026-10", seen_at=invoiced)
    final = world.bill(provider, "2026-10", seen_at=NOW)
    assert first["InvoiceId"].null_count() == 0
    assert first["BilledCost"].sum() != final["BilledCost"].sum()
    assert abs(first["BilledCost"].sum() - final["BilledCost"].sum()) < Decimal(100)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_settled_month_does_not_change_any_more(world: World, provider: str) -> None:
    settled = world.bill(provider, "2026-10", seen_at=datetime(2026, 11, 16, 6, tzinfo=UTC))
    assert settled.equals(world.bill(provider, "2026-10", seen_at=NOW + timedelta(days=700)))


def test_support_and_tax_arrive_on_the_sixth(world: World) -> None:
    def late(at: datetime) -> int:
        bill = world.bill("aws", "2026-10", seen_at=at)
        support = pl.col("ServiceName").str.starts_with("AWS Support")
        return bill.filter(support | (pl.col("ChargeCategory") == "Tax")).height

    assert late(datetime(2026, 11, 6, 3, tzinfo=UTC)) == 0
    assert late(datetime(2026, 11, 6, 5, tzinfo=UTC)) == 9  # one fee, and tax in eight accounts


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_later_delivery_never_looks_like_one_that_lost_something(world: World, provider: str) -> None:
    """The ledger refuses a delivery with fewer days or 5 % less of anything."""
    days, rows, billed = 0, 0, Decimal(0)
    for hours in range(0, 30 * 24, 12):
        at = datetime(2026, 11, 2, 6, tzinfo=UTC) + timedelta(hours=hours)
        bill = world.bill(provider, "2026-11", seen_at=at, hourly_from=NOW.date())
        assert bill["ChargePeriodStart"].dt.date().n_unique() >= days
        assert len(bill) >= rows * 0.95
        assert bill["BilledCost"].sum() >= billed * Decimal("0.95")
        days = bill["ChargePeriodStart"].dt.date().n_unique()
        rows, billed = len(bill), bill["BilledCost"].sum()
