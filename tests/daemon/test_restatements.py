"""What a provider changed about days that were complete, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from builders import a_batch, a_charge

from attribution.ownership import compile_rules
from attribution.star import star_of
from config.ownership import Ownership
from daemon.labels import Labels, labels_of
from daemon.restatements import Restatement, find_restatements
from ledger.charges import ChargeLedger

RULES = compile_rules(Ownership())
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> ChargeLedger:
    return ChargeLedger(str(tmp_path), promote=RULES.keys, max_loss=Decimal("0.9"))


def labels(ledger: ChargeLedger, *by: str) -> Labels:
    return labels_of(star_of(ledger.resources().collect(), RULES, ledger.prices().collect()), by)


def store(ledger: ChargeLedger, day: int, *rows: dict[str, object]) -> None:
    seen = datetime(2026, 6, day, 6, tzinfo=UTC)
    batch = a_batch(*rows, manifest_hash=f"hash-{day}")
    assert [result.gate for result in ledger.replace(batch, seen_at=seen)] == [""]


def web(day: int, cost: str, **columns: object) -> dict[str, object]:
    return a_charge(
        start=f"2026-06-{day:02d}",
        hours=24,
        EffectiveCost=cost,
        BilledCost=cost,
        ResourceId="i-web",
        **columns,
    )


def found(ledger: ChargeLedger, *by: str, since: datetime = LONG_AGO) -> list[Restatement]:
    return find_restatements(ledger, labels(ledger, *by), since=since, cost="effective")


def test_an_empty_ledger_has_no_restatements(ledger: ChargeLedger) -> None:
    assert found(ledger) == []


def test_a_new_day_is_late_and_not_restated(ledger: ChargeLedger) -> None:
    store(ledger, 11, web(10, "1"))
    store(ledger, 12, web(10, "1"), web(11, "7"))
    assert found(ledger) == []


def test_a_changed_past_day_says_old_new_and_when(ledger: ChargeLedger) -> None:
    store(ledger, 12, web(10, "1"), web(11, "2"))
    store(ledger, 13, web(10, "3.5"), web(11, "2"), web(12, "1"))
    (row,) = found(ledger)
    assert (row.source, row.day, row.currency) == ("aws", date(2026, 6, 10), "USD")
    assert (row.old, row.new, row.change, row.gross) == (1, Decimal("3.5"), Decimal("2.5"), Decimal("2.5"))
    assert row.first_seen == datetime(2026, 6, 13, 6, tzinfo=UTC)


def test_several_restatements_of_a_day_add_up_from_first_to_now(ledger: ChargeLedger) -> None:
    store(ledger, 12, web(10, "1"))
    store(ledger, 13, web(10, "3"))
    store(ledger, 14, web(10, "2"))
    (row,) = found(ledger)
    assert (row.old, row.new, row.gross) == (1, 2, 3)
    (last,) = found(ledger, since=datetime(2026, 6, 14, tzinfo=UTC))
    assert (last.old, last.new, last.gross) == (3, 2, 1)


def test_what_was_seen_before_is_left_out(ledger: ChargeLedger) -> None:
    store(ledger, 12, web(10, "1"))
    store(ledger, 13, web(10, "3"))
    assert found(ledger, since=datetime(2026, 6, 14, tzinfo=UTC)) == []


def test_a_charge_that_vanished_or_came_late_counts(ledger: ChargeLedger) -> None:
    store(ledger, 12, web(10, "1"), web(10, "4", ServiceName="Amazon S3"), web(11, "1"))
    store(ledger, 13, web(10, "1"), web(11, "1"), web(11, "5", ServiceName="AWS Lambda"))
    rows = {row.values[0]: (row.old, row.new) for row in found(ledger, "cloud_service")}
    assert rows == {"Amazon S3": (4, 0), "AWS Lambda": (0, 5)}


def test_money_that_moves_between_owners_nets_to_zero_but_is_gross_change(ledger: ChargeLedger) -> None:
    store(ledger, 12, web(10, "4", Tags={"team": "web"}))
    store(ledger, 13, web(10, "4", Tags={"team": "ml"}))
    (row,) = found(ledger)
    assert (row.change, row.gross) == (0, 8)
    assert {r.values: r.change for r in found(ledger, "team")} == {("ml",): 4, ("web",): -4}


def test_currencies_stay_apart(ledger: ChargeLedger) -> None:
    store(ledger, 12, web(10, "1"), web(10, "10", BillingCurrency="EUR"))
    store(ledger, 13, web(10, "2"), web(10, "30", BillingCurrency="EUR"))
    assert {row.currency: row.change for row in found(ledger)} == {"USD": 1, "EUR": 20}


def test_days_come_newest_first_and_the_largest_change_leads(ledger: ChargeLedger) -> None:
    store(
        ledger, 13, web(10, "1"), web(11, "1", Tags={}), web(11, "1", ServiceName="Amazon S3"), web(12, "1")
    )
    store(
        ledger, 14, web(10, "9"), web(11, "2", Tags={}), web(11, "9", ServiceName="Amazon S3"), web(12, "1")
    )
    rows = found(ledger, "cloud_service")
    assert [(row.day.day, row.change) for row in rows] == [(11, 8), (11, 1), (10, 8)]


def test_labels_of_a_null_value_still_join(ledger: ChargeLedger) -> None:
    store(ledger, 12, web(10, "1", Tags=None), web(10, "2", Tags={"team": "ml"}))
    store(ledger, 13, web(10, "5", Tags=None), web(10, "2", Tags={"team": "ml"}))
    (row,) = found(ledger, "team")
    assert (row.values, row.old, row.new) == ((None,), 1, 5)


def test_a_price_dimension_names_the_change_too(ledger: ChargeLedger) -> None:
    store(ledger, 12, web(10, "1", SkuId="A"), web(10, "1", SkuId="B"))
    store(ledger, 13, web(10, "1", SkuId="A"), web(10, "3", SkuId="B"))
    assert [(row.values, row.change) for row in found(ledger, "sku")] == [(("B",), 2)]


def test_a_day_that_its_source_calls_incomplete_is_not_restated(ledger: ChargeLedger) -> None:
    store(ledger, 12, web(10, "1"), web(11, "1"))
    store(ledger, 13, web(10, "2"), web(11, "2"))
    through = {"aws": datetime(2026, 6, 11, 14, tzinfo=UTC)}
    rows = find_restatements(ledger, labels(ledger), since=LONG_AGO, cost="effective", through=through)
    assert [row.day.day for row in rows] == [10]
