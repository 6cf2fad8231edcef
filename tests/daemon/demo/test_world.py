from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from daemon.clock import FixedClock
from daemon.demo.company import PROVIDERS
from daemon.demo.world import World
from domain.charge import RAW_SCHEMA
from domain.errors import UsageError
from domain.window import month_of, next_month

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)


def a_world(folder: Path, now: datetime = NOW, seed: int = 7) -> World:
    return World(seed=seed, folder=folder, clock=FixedClock(at=now))


def by_day(bill: pl.DataFrame) -> pl.DataFrame:
    """What was used per day and price, whatever the grain of the rows."""
    return (
        bill.filter(pl.col("ChargeCategory") == "Usage")
        .group_by(
            pl.col("ChargePeriodStart").dt.date().alias("day"),
            "SubAccountId",
            "ResourceId",
            "SkuPriceId",
            "Tags",
            "CommitmentDiscountStatus",
        )
        .agg(pl.col("BilledCost").sum(), pl.col("EffectiveCost").sum(), pl.col("PricingQuantity").sum())
        .sort(pl.all())
    )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_gives_the_same_bytes_in_another_process(provider: str, tmp_path: Path, root: Path) -> None:
    bill = a_world(tmp_path).bill(provider, "2026-11", seen_at=NOW)
    script = (
        "import sys; from datetime import UTC, datetime\n"
        "from hashlib import sha256; from pathlib import Path\n"
        "from daemon.clock import FixedClock; from daemon.demo.world import World\n"
        "now = datetime(2026, 11, 20, 6, tzinfo=UTC)\n"
        "world = World(seed=7, folder=Path(sys.argv[2]), clock=FixedClock(at=now))\n"
        "bill = world.bill(sys.argv[1], '2026-11', seen_at=now)\n"
        "print(sha256(bill.write_json().encode()).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, provider, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=root,
    )
    assert done.stdout.strip() == sha256(bill.write_json().encode()).hexdigest()


def test_another_seed_is_another_company(tmp_path: Path) -> None:
    one = a_world(tmp_path).bill("aws", "2026-10", seen_at=NOW)
    other = a_world(tmp_path, seed=8).bill("aws", "2026-10", seen_at=NOW)
    assert not one.equals(other)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_settled_day_never_changes_when_today_moves_on(provider: str, tmp_path: Path) -> None:
    later = NOW + timedelta(days=300)
    before = a_world(tmp_path).bill(provider, "2026-09", seen_at=NOW)
    after = a_world(tmp_path, now=later).bill(provider, "2026-09", seen_at=later)
    assert before.equals(after)


def test_the_hours_of_a_day_cost_what_the_day_costs(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    hourly = world.bill("aws", "2026-11", seen_at=NOW, hourly_from=date(2026, 11, 6))
    daily = world.bill("aws", "2026-11", seen_at=NOW)
    assert len(hourly) > len(daily)
    assert by_day(hourly).equals(by_day(daily))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_prices_times_quantities_are_the_costs_exactly(provider: str, tmp_path: Path) -> None:
    bill = (
        a_world(tmp_path)
        .bill(provider, "2026-10", seen_at=NOW)
        .filter(pl.col("PricingQuantity").is_not_null())
    )
    for quantity, list_price, contract, list_cost, contracted in bill.select(
        "PricingQuantity", "ListUnitPrice", "ContractedUnitPrice", "ListCost", "ContractedCost"
    ).iter_rows():
        assert quantity * list_price == list_cost
        assert quantity * contract == contracted


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_was_promised_is_what_was_used_and_not_used(provider: str, tmp_path: Path) -> None:
    bill = a_world(tmp_path).bill(provider, "2026-10", seen_at=datetime(2026, 12, 1, tzinfo=UTC))
    covered = bill.filter(pl.col("CommitmentDiscountId").is_not_null())
    sums = covered.group_by("CommitmentDiscountId").agg(
        pl.col("BilledCost").sum(), pl.col("EffectiveCost").sum()
    )
    assert len(sums) > 0
    assert (sums["BilledCost"] == sums["EffectiveCost"]).all()
    bought = covered.filter(pl.col("ChargeCategory") == "Purchase")
    assert (bought["EffectiveCost"] == Decimal(0)).all()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_list_is_never_below_contracted_nor_contracted_below_effective(provider: str, tmp_path: Path) -> None:
    bill = a_world(tmp_path).bill(provider, "2026-10", seen_at=NOW)
    used = bill.filter(
        (pl.col("ChargeCategory") == "Usage")
        & (pl.col("CommitmentDiscountStatus").fill_null("Used") == "Used")
        & pl.col("ChargeClass").is_null()
    )
    assert (used["ListCost"] >= used["ContractedCost"]).all()
    assert (used["ContractedCost"] >= used["EffectiveCost"]).all()


def test_covers_four_hundred_days_with_a_bounded_number_of_rows(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    first = world.first_day()
    assert 400 <= (NOW.date() - first).days <= 431
    rows = 0
    day = first
    while day <= NOW.date():
        for provider in PROVIDERS:
            bill = world.bill(provider, month_of(day), seen_at=NOW, hourly_from=date(2026, 11, 6))
            assert bill.schema == RAW_SCHEMA
            assert bill["ChargePeriodStart"].dt.date().n_unique() >= min(28, (NOW.date() - day).days - 1)
            rows += len(bill)
        day = next_month(day)
    assert 100_000 < rows < 250_000


def test_costs_about_what_a_company_of_its_size_spends(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    month = pl.concat(world.bill(provider, "2026-10", seen_at=NOW) for provider in PROVIDERS)
    daily = month["EffectiveCost"].sum() / 31
    assert 1500 < daily < 2600


def test_knows_no_other_provider(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="oracle"):
        a_world(tmp_path).bill("oracle", "2026-10", seen_at=NOW)


def test_has_no_bill_before_its_first_day_nor_after_today(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    assert world.bill("aws", "2025-09", seen_at=NOW).is_empty()
    assert world.bill("aws", "2026-12", seen_at=NOW).is_empty()


@pytest.mark.parametrize(
    "now", ["2019-03-31T23:00+00:00", "2024-02-29T00:00+00:00", "2035-01-01T05:00+00:00"]
)
def test_works_at_any_date(now: str, tmp_path: Path) -> None:
    at = datetime.fromisoformat(now)
    bill = a_world(tmp_path, now=at).bill("gcp", month_of(at - timedelta(days=40)), seen_at=at)
    assert bill["BilledCost"].sum() > 3000
