from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from exports import Row, a_row, merged
from hypothesis import given
from hypothesis import strategies as st

from collectors.focus.normalise import Memory, Normalised, excerpt, to_focus
from domain.charge import BY_NAME, RAW_SCHEMA
from domain.errors import SourceError


def read(*rows: Row, periods: set[str] | None = None) -> Normalised:
    return to_focus(pl.DataFrame(list(rows)), Memory(), periods)


def one(**columns: str) -> dict[str, Any]:
    found = read(a_row(**columns))
    assert found.rejected == {}
    return found.charges.row(0, named=True)


def test_a_row_of_text_becomes_a_charge_of_every_focus_column() -> None:
    found = read(a_row(BilledCost="8E-07"))
    charge = found.charges.row(0, named=True)
    assert found.charges.schema == RAW_SCHEMA
    assert charge["BilledCost"] == Decimal("0.0000008")
    assert charge["ChargePeriodStart"] == datetime(2026, 6, 10, tzinfo=UTC)
    assert charge["Tags"] == '{"team": "web"}'
    assert charge["SkuId"] is None
    assert found.sums.parsed["2026-06", "USD", "BilledCost"] == Decimal("0.0000008")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"BilledCost": "1,234.50"}, "BilledCost is no amount: '1,234.50'"),
        ({"BilledCost": "NaN"}, "BilledCost is no amount: 'NaN'"),
        ({"BilledCost": "NULL"}, "BilledCost is missing"),
        ({"BilledCost": ""}, "BilledCost is missing"),
        ({"EffectiveCost": "inf"}, "EffectiveCost is no amount: 'inf'"),
        ({"ListCost": "five"}, "ListCost is no amount: 'five'"),
        ({"ListUnitPrice": "0,004"}, "ListUnitPrice is no amount: '0,004'"),
        ({"ConsumedQuantity": "1 GB"}, "ConsumedQuantity is no amount: '1 GB'"),
        ({"BillingCurrency": ""}, "BillingCurrency is missing"),
        ({"BillingCurrency": "Dollar"}, "BillingCurrency is no ISO 4217 code: 'Dollar'"),
        ({"BillingAccountId": "NULL"}, "BillingAccountId is missing"),
        ({"ChargeCategory": "NULL"}, "ChargeCategory is missing"),
        ({"BillingPeriodStart": "13/13/2026"}, "BillingPeriodStart is no time: '13/13/2026'"),
        ({"BillingPeriodStart": ""}, "BillingPeriodStart is missing"),
        ({"BillingPeriodEnd": "soon"}, "BillingPeriodEnd is no time: 'soon'"),
        ({"ChargePeriodStart": "2026-02-30"}, "ChargePeriodStart is no time: '2026-02-30'"),
        ({"ChargePeriodEnd": "N/A"}, "ChargePeriodEnd is missing"),
        ({"BilledCost": "\x1b[31mred"}, "BilledCost is no amount: '\\\\x1b[31mred'"),
        (
            {"BilledCost": "x", "BillingCurrency": ""},
            "BilledCost is no amount: 'x'; BillingCurrency is missing",
        ),
    ],
)
def test_a_row_that_cannot_be_booked_exactly_is_rejected_with_its_reason(columns: Row, reason: str) -> None:
    found = read(a_row(), a_row(**columns), a_row())
    assert found.rejected == {1: reason}
    assert found.charges.height == 2
    assert found.sums.parsed["2026-06", "USD", "BilledCost"] == Decimal("2.50")


@pytest.mark.parametrize(
    ("columns", "name", "expected"),
    [
        ({"ResourceId": "NULL"}, "ResourceId", None),
        ({"CommitmentDiscountId": ""}, "CommitmentDiscountId", None),
        ({"EffectiveCost": "NULL"}, "EffectiveCost", None),
        ({"BillingAccountId": "000123456789"}, "BillingAccountId", "000123456789"),
        ({"BillingCurrency": " usd "}, "BillingCurrency", "USD"),
        ({"ChargeFrequency": "Usage-based"}, "ChargeFrequency", "Usage-Based"),
        ({"ResourceName": "Größe 日本 🚀"}, "ResourceName", "Größe 日本 🚀"),
        ({"ResourceName": "=1+1"}, "ResourceName", "=1+1"),
        ({"BillingPeriodEnd": ""}, "BillingPeriodEnd", datetime(2026, 7, 1, tzinfo=UTC)),
        ({"BilledCost": "-5"}, "BilledCost", Decimal(-5)),
        ({"Tags": "{}"}, "Tags", None),
    ],
)
def test_what_real_files_do_is_understood(columns: Row, name: str, expected: object) -> None:
    assert one(**columns)[name] == expected


def test_a_missing_cost_column_stays_unknown_and_is_never_zero() -> None:
    row = a_row()
    for name in ("EffectiveCost", "ListCost", "ContractedCost", "BillingPeriodEnd", "Tags"):
        del row[name]
    found = read(row)
    charge = found.charges.row(0, named=True)
    assert [charge[name] for name in ("EffectiveCost", "ListCost", "ContractedCost", "Tags")] == [None] * 4
    assert charge["BillingPeriodEnd"] == datetime(2026, 7, 1, tzinfo=UTC)
    assert found.sums.parsed.keys() == {("2026-06", "USD", "BilledCost")}


def test_the_names_that_focus_1_4_removed_come_from_who_offers_the_service() -> None:
    row = a_row(ServiceProviderName="Snowflake", HostProviderName="AWS")
    del row["ProviderName"]
    charge = read(row).charges.row(0, named=True)
    assert (charge["ProviderName"], charge["PublisherName"]) == ("Snowflake", "Snowflake")
    assert one(ServiceProviderName="Snowflake")["ProviderName"] == "AWS"
    assert one(ServiceProviderName="Snowflake", ProviderName="NULL")["ProviderName"] == "Snowflake"


def test_an_unknown_category_keeps_its_money_and_is_told() -> None:
    found = read(a_row(ChargeCategory="Refund\x07"))
    assert found.charges["ChargeCategory"].to_list() == ["Adjustment"]
    assert found.notes == ("ChargeCategory 'Refund\\\\x07' is not of FOCUS; its charges count as Adjustment",)


def test_tags_that_are_no_json_are_kept_and_told() -> None:
    found = read(a_row(Tags="team=web"))
    assert found.charges["Tags"].to_list() == ["team=web"]
    assert "no JSON object" in found.notes[0]


def test_a_float_cost_is_told_and_a_missing_float_quantity_is_none() -> None:
    frame = pl.DataFrame([a_row()]).with_columns(
        BilledCost=pl.lit(0.1), ConsumedQuantity=pl.lit(float("nan")), BillingAccountId=pl.lit(111122223333)
    )
    found = to_focus(frame, Memory())
    assert found.rejected == {}
    assert found.charges["BilledCost"].to_list() == [Decimal("0.1")]
    assert found.charges["ConsumedQuantity"].to_list() == [None]
    assert found.charges["BillingAccountId"].to_list() == ["111122223333"]
    assert found.notes == (
        "BilledCost is a floating-point column; each value was taken as its shortest decimal",
    )


def test_digits_beyond_the_twelfth_are_kept_as_residuals_per_period_and_currency() -> None:
    found = read(
        a_row(BilledCost="1.0000000000005"),
        a_row(BilledCost="1.0000000000005", BillingCurrency="EUR"),
        a_row("2026-07", BilledCost="1.00000000000000000000000000000000000000001"),
        a_row(BilledCost="2"),
    )
    assert found.sums.parsed["2026-06", "USD", "BilledCost"] == Decimal("3.0000000000005")
    assert found.sums.residual == {
        ("2026-06", "USD", "BilledCost"): Decimal("5E-13"),
        ("2026-06", "EUR", "BilledCost"): Decimal("5E-13"),
        ("2026-07", "USD", "BilledCost"): Decimal("1E-41"),
    }


def test_rows_of_other_periods_are_left_out_with_all_that_belongs_to_them() -> None:
    found = read(
        a_row("2026-05", BilledCost="7.0000000000005"),
        a_row("2026-05", BilledCost="bad"),
        a_row(),
        a_row(BilledCost="bad"),
        a_row(BillingPeriodStart="bad"),
        periods={"2026-06"},
    )
    assert found.charges.height == 1
    assert found.rejected.keys() == {3, 4}
    assert found.sums.parsed["2026-06", "USD", "BilledCost"] == Decimal("1.25")
    assert found.sums.residual == {}


def test_no_rows_are_no_charges() -> None:
    found = to_focus(pl.DataFrame([a_row()]).clear(), Memory())
    assert (found.charges.height, found.charges.schema, found.rejected) == (0, RAW_SCHEMA, {})


def test_all_columns_missing_rejects_every_row() -> None:
    assert read({"ResourceId": "i-1"}).rejected.keys() == {0}


def test_a_sum_beyond_any_bill_is_an_error_not_a_wrap_around() -> None:
    huge = "99999999999999999999999999"
    with pytest.raises(SourceError, match="add up to more"):
        read(a_row(BilledCost=huge), a_row(BilledCost=huge))


def test_an_excerpt_is_short_and_safe_to_show() -> None:
    text = excerpt(pl.DataFrame([{"a": "\x1b]0;evil\x07", "b": None, "c": "x" * 500}]), 0)
    assert text.startswith("\\x1b]0;evil\\x07,,xxx")
    assert len(text) <= 200


_costs = st.decimals(allow_nan=False, allow_infinity=False, places=15, min_value=-(10**9), max_value=10**9)
_rows = st.lists(st.tuples(_costs, st.sampled_from(["USD", "EUR"]), st.booleans()), min_size=1, max_size=30)


def _charges(rows: list[tuple[Decimal, str, bool]]) -> list[Row]:
    return [
        a_row(
            "2026-06" if june else "2026-05",
            BilledCost=f"{cost:f}" if i % 2 else f"{cost:E}",
            BillingCurrency=currency,
        )
        for i, (cost, currency, june) in enumerate(rows)
    ]


@given(_rows, st.integers(0, 30), st.randoms(use_true_random=False))
def test_sums_survive_any_order_and_any_splitting(
    rows: list[tuple[Decimal, str, bool]], cut: int, random: Any
) -> None:
    texts = _charges(rows)
    whole = read(*texts).sums
    expected: dict[tuple[str, str], Decimal] = {}
    for cost, currency, june in rows:
        key = "2026-06" if june else "2026-05", currency
        expected[key] = expected.get(key, Decimal(0)) + cost
    assert {(p, c): v for (p, c, name), v in whole.parsed.items() if name == "BilledCost"} == expected
    random.shuffle(texts)
    parsed: dict[tuple[str, str, str], Decimal] = {}
    residual: dict[tuple[str, str, str], Decimal] = {}
    for part in (texts[:cut], texts[cut:]):
        if part:
            found = read(*part)
            merged(parsed, found.sums.parsed)
            merged(residual, found.sums.residual)
    assert parsed == whole.parsed
    assert {key: lost for key, lost in residual.items() if lost} == whole.residual


@given(_rows)
def test_parsed_is_stored_plus_residual(rows: list[tuple[Decimal, str, bool]]) -> None:
    found = read(*_charges(rows))
    for (period, currency, name), amount in found.sums.parsed.items():
        of = found.charges.filter(
            pl.col("BillingPeriodStart").dt.strftime("%Y-%m") == period, pl.col("BillingCurrency") == currency
        )
        assert amount - found.sums.residual.get((period, currency, name), 0) == of[name].sum()


def test_every_focus_column_is_read_from_its_own_name() -> None:
    times = {"2026-06-01T00:00:00Z"}
    values = {
        name: "2026-06-01T00:00:00Z"
        if column.kind == "instant"
        else "1"
        if column.dtype != pl.String()
        else name
        for name, column in BY_NAME.items()
    }
    values |= {
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "Tags": '{"a":"b"}',
        "AllocatedTags": '{"c":"d"}',
    }
    charge = read(values).charges.row(0, named=True)
    assert {name for name in BY_NAME if charge[name] is None} == set()
    assert {value for name, value in values.items() if BY_NAME[name].kind == "instant"} == times
    assert charge["SkuMeter"] == "SkuMeter"
