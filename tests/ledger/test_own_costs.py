"""What costd itself costs is counted before it is asked, and stays below its limit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from domain.money import Money
from domain.own_cost import Paid
from ledger.own_costs import OwnCosts
from ledger.state import State

NOW = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)
ONE = Paid(
    source="aws",
    service="Cost Explorer",
    unit="requests",
    quantity=1,
    cost=Money(amount=Decimal("0.01"), currency="USD"),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/costd.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def state(url: str) -> Iterator[State]:
    state = State(url)
    state.open()
    yield state
    state.close()


@pytest.fixture
def costs(state: State) -> OwnCosts:
    return OwnCosts(lambda: state.database)


def test_no_day_takes_more_than_its_limit_however_many_ask_at_once(costs: OwnCosts) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: costs.take(ONE, limit=5, now=NOW), range(20)))
    assert taken.count(True) == 5
    (spent,) = costs.spent(since=date(2026, 11, 20))
    assert (spent.paid.quantity, spent.paid.cost.amount, spent.limit) == (5, Decimal("0.05"), 5)


def test_a_limit_of_zero_allows_nothing(costs: OwnCosts) -> None:
    assert not costs.take(ONE, limit=0, now=NOW)
    assert costs.spent(since=date(2026, 1, 1)) == []


def test_what_was_asked_is_remembered_by_the_next_process(costs: OwnCosts, url: str) -> None:
    assert costs.take(ONE, limit=2, now=NOW)
    again = State(url)
    again.open()
    later = OwnCosts(lambda: again.database)
    assert later.left("aws", "Cost Explorer", limit=2, now=NOW) == 1
    assert later.take(ONE, limit=2, now=NOW)
    assert not later.take(ONE, limit=2, now=NOW)
    again.close()


def test_the_next_utc_day_begins_at_zero(costs: OwnCosts) -> None:
    assert costs.take(ONE, limit=1, now=NOW)
    assert not costs.take(ONE, limit=1, now=NOW)
    assert costs.take(ONE, limit=1, now=NOW + timedelta(minutes=1))
    assert [spent.day.day for spent in costs.spent(since=date(2026, 11, 1))] == [20, 21]


def test_sources_and_services_are_counted_apart(costs: OwnCosts) -> None:
    assert costs.take(ONE, limit=1, now=NOW)
    assert costs.take(replace(ONE, source="aws-cn"), limit=1, now=NOW)
    assert costs.take(replace(ONE, service="BigQuery", unit="bytes", quantity=10**12), limit=10**12, now=NOW)
    assert costs.left("aws", "Cost Explorer", limit=1, now=NOW) == 0
    assert costs.left("gcp", "BigQuery", limit=7, now=NOW) == 7
