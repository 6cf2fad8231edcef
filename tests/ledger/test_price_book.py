"""The price book: dated prices, never overwritten, and never a guess."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.price import BOOK_SCHEMA, Asked, NoPrice, Offer, Price, Tier
from ledger.charges import ChargeLedger
from ledger.price_book import Contract, LedgerPriceBook, flat
from ledger.upkeep import MANY_FILES

SEEN = datetime(2026, 6, 20, tzinfo=UTC)
M5 = Asked(provider="aws", item="m5.large", region="eu-central-1")


def day(number: int, month: int = 6) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


def row(amount: str, since: datetime, **fields: Any) -> dict[str, Any]:
    blank = dict.fromkeys(BOOK_SCHEMA, "") | {"tiers": None, "seen_at": None}
    given = {
        "provider": "aws",
        "item": "m5.large",
        "region": "eu-central-1",
        "offer": "list",
        "currency": "USD",
        "unit": "Hrs",
        "sku": "SKU1",
        "origin": "list of June",
    }
    return blank | given | {"amount": Decimal(amount), "effective_from": since} | fields


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=BOOK_SCHEMA)


def book(root: Path, *contracts: Contract) -> LedgerPriceBook:
    return LedgerPriceBook(ChargeLedger(str(root)).tables["price_book"], contracts)


def amount(found: Price | NoPrice) -> Decimal:
    assert isinstance(found, Price), found
    return found.amount


def test_a_price_says_what_it_costs_and_where_and_when_that_came_from(tmp_path: Path) -> None:
    prices = book(tmp_path)
    assert prices.add(frame(row("0.096", day(1)), row("0.1", day(10))), seen_at=SEEN) == 2
    found = prices.price(M5, day(5))
    assert found == Price(
        tiers=(Tier(start=Decimal(0), amount=Decimal("0.096")),),
        unit="Hrs",
        currency="USD",
        offer=Offer.LIST,
        origin="list of June",
        seen_at=SEEN,
        effective_from=day(1),
        sku="SKU1",
    )
    assert amount(prices.price(M5, day(10))) == Decimal("0.1")


@pytest.mark.parametrize(
    ("asked", "at", "told"),
    [
        (M5, day(1, month=5), "the oldest list price for m5.large eu-central-1 USD is from 2026-06-01"),
        (Asked(provider="aws", item="m9.huge"), SEEN, "has no list price of aws for m9.huge"),
        (Asked(provider="aws", item="m5.large", offer=Offer.SPOT), SEEN, "has no spot prices of aws"),
        (Asked(provider="gcp", item="n2"), SEEN, "has no list prices of gcp"),
        (Asked(provider="aws", item="m5.large", currency="CNY"), SEEN, "for m5.large CNY"),
        (Asked(provider="aws"), SEEN, "several prices fit USD: sku SKU1, SKU2"),
    ],
)
def test_what_is_not_known_is_no_price_with_a_reason(
    tmp_path: Path, asked: Asked, at: datetime, told: str
) -> None:
    prices = book(tmp_path)
    prices.add(frame(row("0.096", day(1)), row("9", day(1), item="p5", sku="SKU2")), seen_at=SEEN)
    found = prices.price(asked, at)
    assert isinstance(found, NoPrice)
    assert told in found.reason


def test_an_empty_book_has_no_price_and_no_shelf(tmp_path: Path) -> None:
    prices = book(tmp_path)
    assert isinstance(prices.price(M5, SEEN), NoPrice)
    assert (prices.shelves(), prices.newest()) == ([], {})


def test_what_is_known_is_not_written_again_and_a_correction_is_kept_beside_it(tmp_path: Path) -> None:
    prices = book(tmp_path)
    first = frame(row("0.096", day(1)))
    assert prices.add(first, seen_at=SEEN) == 1
    assert prices.add(first, seen_at=SEEN + timedelta(days=1)) == 0
    assert prices.add(frame(row("0.095", day(1))), seen_at=SEEN + timedelta(days=2)) == 1
    assert amount(prices.price(M5, SEEN)) == Decimal("0.095")
    assert prices.add(first, seen_at=SEEN + timedelta(days=3)) == 1
    assert amount(prices.price(M5, SEEN)) == Decimal("0.096")
    kept = ChargeLedger(str(tmp_path)).tables["price_book"].scan().collect()
    assert sorted(kept["amount"]) == [Decimal("0.095"), Decimal("0.096"), Decimal("0.096")]


def test_tiers_come_back_as_they_went_in(tmp_path: Path) -> None:
    tiers = [
        Tier(start=Decimal(0), amount=Decimal("0.09")),
        Tier(start=Decimal(10240), amount=Decimal("0.085")),
    ]
    first, all_of_them = flat(tiers)
    prices = book(tmp_path)
    prices.add(frame(row(str(first), day(1), tiers=all_of_them, unit="GB")), seen_at=SEEN)
    found = prices.price(M5, SEEN)
    assert isinstance(found, Price)
    assert found.tiers == tuple(tiers)
    assert flat(tiers[:1]) == (Decimal("0.09"), None)


def test_a_contract_wins_over_the_list_while_it_is_in_force(tmp_path: Path) -> None:
    fixed = Contract(asked=M5, amount=Decimal("0.08"), unit="Hrs", effective_from=day(5), until=day(15))
    general = Contract(asked=Asked(provider="aws"), discount=Decimal("0.12"), effective_from=day(3))
    prices = book(tmp_path, fixed, general)
    prices.add(frame(row("0.1", day(1)), row("2", day(1), item="p5", sku="SKU2")), seen_at=SEEN)
    agreed = Asked(provider="aws", offer=Offer.CONTRACT, item="m5.large", region="eu-central-1")
    assert amount(prices.price(agreed, day(2))) == Decimal("0.1")
    assert amount(prices.price(agreed, day(4))) == Decimal("0.088")
    assert amount(prices.price(agreed, day(5))) == Decimal("0.08")
    assert amount(prices.price(agreed, day(15))) == Decimal("0.088")
    assert amount(prices.price(M5, day(5))) == Decimal("0.1")
    off = prices.price(Asked(provider="aws", offer=Offer.CONTRACT, item="p5"), day(5))
    assert isinstance(off, Price)
    assert (off.amount, off.offer, off.origin) == (Decimal("1.76"), Offer.CONTRACT, "12 % off list of June")
    nothing = prices.price(Asked(provider="aws", offer=Offer.CONTRACT, item="m9"), day(5))
    assert isinstance(nothing, NoPrice)


def test_shelves_say_how_many_prices_there_are_and_how_old(tmp_path: Path) -> None:
    prices = book(tmp_path)
    prices.add(frame(row("0.096", day(1)), row("0.1", day(10))), seen_at=SEEN)
    prices.add(frame(row("0.03", day(19), offer="spot", origin="spot history")), seen_at=SEEN)
    assert [(one.offer, one.prices, one.effective_from) for one in prices.shelves()] == [
        ("list", 1, day(10)),
        ("spot", 1, day(19)),
    ]
    assert prices.newest() == {"list of June": day(10), "spot history": day(19)}


def test_maintenance_joins_small_files_and_loses_no_price(tmp_path: Path) -> None:
    ledger, prices = ChargeLedger(str(tmp_path)), book(tmp_path)
    for at in range(MANY_FILES):
        prices.add(frame(row(f"0.{at + 1:03d}", day(1) + timedelta(hours=at))), seen_at=SEEN)
    before = ledger.tables["price_book"].scan().sort("effective_from").collect()
    done = ledger.maintain(SEEN + timedelta(days=30))
    assert done.joined["price_book"] == MANY_FILES
    assert ledger.tables["price_book"].scan().sort("effective_from").collect().equals(before)
    assert amount(prices.price(M5, SEEN)) == Decimal(f"0.{MANY_FILES:03d}")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 900), st.integers(0, 5)), min_size=1, max_size=12),
    st.integers(-3, 45),
)
def test_the_price_at_an_instant_is_the_newest_effective_one_not_after_it(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int, int]], asked: int
) -> None:
    prices = book(tmp_path_factory.mktemp("book"))
    known: dict[int, int] = {}
    for visit in sorted({visit for _, _, visit in changes}):
        mine = {hours: cents for hours, cents, seen in changes if seen == visit}
        rows = [row(f"0.{cents:03d}", day(1) + timedelta(hours=hours)) for hours, cents in mine.items()]
        prices.add(frame(*rows), seen_at=SEEN + timedelta(days=visit))
        known |= mine
    found = prices.price(M5, day(1) + timedelta(hours=asked))
    past = [hours for hours in known if hours <= asked]
    if not past:
        assert isinstance(found, NoPrice)
    else:
        assert amount(found) == Decimal(f"0.{known[max(past)]:03d}")
