"""What each gate refuses, what it says, and what it lets through."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from builders import a_batch, a_charge, a_chunk, charges, parsed_sums

from domain.delivery import PeriodResult, Verdict
from ledger.charges import ChargeLedger
from ledger.gates import Tally, nothing_is_lost, parsed_is_stored, rows_are_stored

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)
FIVE_PERCENT = Decimal("0.05")
JUNE = date(2026, 6, 1)


def a_tally(
    *, rows: int = 100, days: int = 30, first: int = 0, gross: object = None, **currencies: object
) -> Tally:
    sums = {name: {"BilledCost": Decimal(str(total))} for name, total in currencies.items()}
    loud = {name: {"BilledCost": abs(Decimal(str(total)))} for name, total in currencies.items()}
    if gross is not None:
        loud = {"USD": {"BilledCost": Decimal(str(gross))}}
    return Tally(
        rows=rows,
        days=frozenset(JUNE + timedelta(days=number) for number in range(first, first + days)),
        sums=sums,
        gross=loud,
    )


LOST = [
    ("a day", a_tally(USD=100), a_tally(days=29, USD=100), "1 day (2026-06-30)"),
    ("days", a_tally(USD=100), a_tally(days=20, USD=100), "10 days (2026-06-21 to 2026-06-30)"),
    ("a day while others come", a_tally(USD=1), a_tally(first=1, days=30, USD=9), "1 day (2026-06-01)"),
    ("rows", a_tally(USD=100), a_tally(rows=94, USD=100), "6.0 % of its rows (100 before, 94 now)"),
    ("money", a_tally(USD=100), a_tally(USD="94.99"), "5.0 % of BilledCost (100 USD before, 94.99 USD now)"),
    ("a credit", a_tally(USD=-100), a_tally(USD=-50), "50.0 % of BilledCost (-100 USD before, -50 USD now)"),
    ("a currency", a_tally(USD=9, EUR=1), a_tally(USD=10), "100.0 % of BilledCost (1 EUR before, 0 EUR now)"),
    ("everything", a_tally(USD=100), Tally(), "30 days"),
]
KEPT = [
    ("the same", a_tally(USD=100), a_tally(USD=100)),
    ("a correction of a few percent", a_tally(USD=100), a_tally(USD=95)),
    ("a few rows less", a_tally(USD=100), a_tally(rows=95, USD=100)),
    ("an open month that grows", a_tally(days=9, rows=30, USD=30), a_tally(days=10, rows=33, USD=33)),
    ("a new currency", a_tally(USD=100), a_tally(USD=100, EUR=3)),
    ("a larger credit", a_tally(USD=-100), a_tally(USD=-300)),
    ("a late credit of nearly everything", a_tally(USD=100), a_tally(rows=101, gross=199, USD=1)),
    ("a sign that turned", a_tally(USD=100), a_tally(USD=-100)),
    ("two rows that cancelled out", a_tally(USD=100, gross=180), a_tally(rows=98, USD=100)),
    ("nothing before", Tally(), a_tally(USD=100)),
    ("an empty month again", Tally(), Tally()),
    ("a total of zero", a_tally(USD=0, gross=0), a_tally(USD=0, gross=0)),
]


@pytest.mark.parametrize(("before", "after", "words"), [case[1:] for case in LOST], ids=[c[0] for c in LOST])
def test_refuses_a_delivery_that_lost(before: Tally, after: Tally, words: str) -> None:
    reason = nothing_is_lost(before, after, FIVE_PERCENT, "costd collect aws --force")
    assert reason is not None
    assert words in reason
    assert "costd collect aws --force" in reason


@pytest.mark.parametrize(("before", "after"), [case[1:] for case in KEPT], ids=[c[0] for c in KEPT])
def test_lets_through(before: Tally, after: Tally) -> None:
    assert nothing_is_lost(before, after, FIVE_PERCENT, "") is None


def test_a_limit_of_zero_refuses_every_loss_and_no_growth() -> None:
    assert nothing_is_lost(a_tally(USD=100), a_tally(USD="99.999999999999"), Decimal(0), "") is not None
    assert nothing_is_lost(a_tally(USD=100), a_tally(USD=100), Decimal(0), "") is None


def test_many_lost_stretches_are_named_in_part() -> None:
    before = Tally(days=frozenset(JUNE + timedelta(days=2 * number) for number in range(10)))
    reason = nothing_is_lost(before, Tally(), FIVE_PERCENT, "")
    assert reason is not None
    assert "10 days (2026-06-01, 2026-06-03, 2026-06-05 and 7 more stretches)" in reason


def test_what_was_parsed_must_be_what_is_staged_to_the_last_digit() -> None:
    tally = a_tally(USD="0.3")
    parsed = {"USD": {"BilledCost": Decimal("0.3000000000000004")}}
    residual = {"USD": {"BilledCost": Decimal("0.0000000000000004")}}
    assert parsed_is_stored(tally, parsed, residual) is None
    reason = parsed_is_stored(tally, parsed, {})
    assert reason is not None
    assert "a difference of -0.0000000000000004" in reason
    assert parsed_is_stored(a_tally(EUR="0.3"), parsed, residual) is not None
    assert parsed_is_stored(a_tally(USD="0.3", EUR=1), parsed, residual) is not None


def test_every_row_read_must_be_staged() -> None:
    assert rows_are_stored(a_tally(rows=3), 3) is None
    assert "4 rows were read but 3 staged" in str(rows_are_stored(a_tally(rows=3), 4))


@pytest.fixture
def ledger(tmp_path: Path) -> ChargeLedger:
    return ChargeLedger(str(tmp_path / "ledger"))


def month(days: int, cost: str = "1.00", **columns: object) -> list[dict[str, object]]:
    return [
        a_charge(start=f"2026-06-{day:02d}", BilledCost=cost, EffectiveCost=cost, **columns)
        for day in range(1, days + 1)
    ]


def replaced(ledger: ChargeLedger, rows: list[dict[str, object]], hash_: str, **flags: bool) -> PeriodResult:
    batch = a_batch(*rows, periods=["2026-06"], manifest_hash=hash_)
    (result,) = ledger.replace(batch, seen_at=NOW, **flags)
    return result


def total(ledger: ChargeLedger) -> Decimal:
    return Decimal(ledger.charges().select(pl.col("BilledCost").sum()).collect().item())


def test_a_re_export_that_lost_days_is_refused_and_the_month_stays(ledger: ChargeLedger) -> None:
    replaced(ledger, month(30), "h1")
    result = replaced(ledger, month(20), "h2")
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "loss")
    assert "2026-06-21 to 2026-06-30" in result.reason
    assert result.delivery == ledger.deliveries()[-1]
    assert total(ledger) == 30
    assert len(ledger.deliveries()) == 1


def test_a_person_can_force_a_smaller_delivery_and_the_history_says_so(ledger: ChargeLedger) -> None:
    replaced(ledger, month(30), "h1")
    result = replaced(ledger, month(20), "h2", force=True)
    assert result.verdict is Verdict.REPLACED
    assert [delivery.forced for delivery in ledger.deliveries()] == [False, True]
    assert total(ledger) == 20
    again = replaced(ledger, month(20), "h3", force=True)
    assert again.delivery is not None
    assert not again.delivery.forced


def test_an_emptied_month_is_refused(ledger: ChargeLedger) -> None:
    replaced(ledger, month(30), "h1")
    result = replaced(ledger, [], "h2")
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "loss")
    assert total(ledger) == 30


def test_a_refused_delivery_is_tried_anew_when_it_comes_again(ledger: ChargeLedger) -> None:
    replaced(ledger, month(30), "h1")
    assert replaced(ledger, month(20), "h2").verdict is Verdict.REFUSED
    assert replaced(ledger, month(20), "h2").verdict is Verdict.REFUSED
    assert replaced(ledger, month(30, "1.01"), "h3").verdict is Verdict.REPLACED


def test_one_refused_period_leaves_the_others_of_the_batch_alone(ledger: ChargeLedger) -> None:
    july = a_charge(start="2026-07-01")
    replaced(ledger, month(30), "h1")
    batch = a_batch(*month(10), july, manifest_hash="h2")
    results = ledger.replace(batch, seen_at=NOW)
    assert [result.verdict for result in results] == [Verdict.REFUSED, Verdict.REPLACED]
    assert total(ledger) == 30 + Decimal("1.25")


def test_rows_that_do_not_sum_to_what_was_parsed_are_refused(ledger: ChargeLedger, tmp_path: Path) -> None:
    parsed = {("2026-06", "USD", "BilledCost"): Decimal("1.250000000001")}
    chunk = a_chunk(a_charge(), parsed=parsed)
    (result,) = ledger.replace(a_batch(chunks=[chunk], periods=["2026-06"]), seen_at=NOW)
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "parsed")
    assert "1.250000000001" in result.reason
    assert ledger.deliveries() == []
    assert list((tmp_path / "ledger").rglob("*.parquet")) == []


def test_a_residual_is_part_of_the_gate_and_is_kept(ledger: ChargeLedger) -> None:
    key = ("2026-06", "USD", "BilledCost")
    frame = charges(a_charge(BilledCost="0.333333333333"))
    parsed = {**parsed_sums(frame), key: Decimal("0.33333333333333333")}
    chunk = a_chunk(
        a_charge(BilledCost="0.333333333333"),
        parsed=parsed,
        residual={key: Decimal("0.00000000000033333"), ("2026-06", "USD", "ListCost"): Decimal(0)},
    )
    (result,) = ledger.replace(a_batch(chunks=[chunk], periods=["2026-06"]), seen_at=NOW)
    assert result.verdict is Verdict.REPLACED
    assert ledger.deliveries()[0].residuals == {"USD": {"BilledCost": Decimal("3.3333E-13")}}


def test_sums_that_no_decimal_holds_are_refused(ledger: ChargeLedger) -> None:
    huge = "99999999999999999999999999.999999999999"
    rows = [a_charge(BilledCost=huge, ResourceId=f"i-{number}") for number in range(4)]
    (result,) = ledger.replace(a_batch(*rows, chunks=[a_chunk(*rows, parsed={})]), seen_at=NOW)
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "money")
    assert "add up to more than Decimal(38,12) holds" in result.reason
    assert ledger.deliveries() == []


def test_days_that_fit_one_by_one_must_fit_together(ledger: ChargeLedger) -> None:
    rows = month(3, "60000000000000000000000000")
    (result,) = ledger.replace(a_batch(*rows), seen_at=NOW)
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "money")
