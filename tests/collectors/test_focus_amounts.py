from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.focus.amounts import Amounts, amounts, parse
from collectors.focus.sums import EXACT


def read(values: list[Any], dtype: pl.DataType | None = None, scale: int = 12) -> Amounts:
    return amounts(pl.Series("BilledCost", values, dtype=dtype or pl.String()), scale)


def exact(found: Amounts) -> Decimal:
    """The sum of a column as parsed: stored and residuals together."""
    total = Decimal(found.stored.sum())
    if found.residual is not None:
        total = EXACT.add(total, Decimal(found.residual.sum()))
    for lost in found.odd.values():
        total = EXACT.add(total, lost)
    return total


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("0.0000008", "0.0000008"),
        ("8E-07", "0.0000008"),
        ("8e-7", "0.0000008"),
        ("1.5E+3", "1500"),
        ("-0.00", "0"),
        ("+2.50", "2.5"),
        (".5", "0.5"),
        ("5.", "5"),
        (" 12.30 ", "12.3"),
        ("\t7\r", "7"),
        ("0012", "12"),
        ("99999999999999999999999999", "99999999999999999999999999"),
        ("0.0000000000005", "0"),
        ("0.0000000000015", "0.000000000002"),
        ("0.00000000000050000000000000000000000000000001", "0.000000000001"),
        ("-0.0000000000015", "-0.000000000002"),
        ("1234567890123456789.1234567890125", "1234567890123456789.123456789012"),
        ("0E-500", "0"),
    ],
)
def test_reads_an_amount_exactly_in_any_notation(text: str, stored: str) -> None:
    found = read([text])
    assert found.bad == ()
    assert found.stored.to_list() == [Decimal(stored)]
    assert exact(found) == Decimal(text.strip())


@pytest.mark.parametrize(
    "text",
    [
        "1,234.50",
        "1.234,50",
        "1 234",
        "1_000",
        "$5",
        "5 USD",
        "(5.00)",
        "5-",
        "--5",
        "NaN",
        "nan",
        "inf",
        "-Infinity",
        "1e",
        "e5",
        ".",
        "-",
        "+",
        "0x10",
        "\uff11\uff12",
        "\u22125",
        "1e400",
        "1e-400",
        "1e-70",
        "100000000000000000000000000",
        "1e26",
        "99999999999999999999999999.9999999999999",
        "five",
        "1" * 500,
        "0." + "0" * 500 + "1",
    ],
)
def test_refuses_what_is_no_amount(text: str) -> None:
    found = read(["1", text, "2"])
    assert found.bad == (1,)
    assert found.stored.to_list() == [Decimal(1), None, Decimal(2)]


def test_a_missing_amount_stays_missing_and_is_not_bad() -> None:
    found = read([None, "1"])
    assert (found.bad, found.stored.to_list()) == ((), [None, Decimal(1)])


def test_a_float_is_taken_as_its_shortest_decimal() -> None:
    found = read([0.1, 1e-7, 123456789.123, 1 / 3, 2.5e-5, -0.0], pl.Float64())
    assert exact(found) == sum(Decimal(repr(v)) for v in [0.1, 1e-7, 123456789.123, 1 / 3, 2.5e-5])
    assert found.stored.to_list()[0] == Decimal("0.1")


def test_a_float_that_is_no_number_is_bad() -> None:
    found = read([float("nan"), 1.5, float("inf"), None], pl.Float64())
    assert found.bad == (0, 2)


@pytest.mark.parametrize("scale", [0, 2, 12, 15, 18, 24])
def test_a_decimal_column_keeps_every_digit(scale: int) -> None:
    values = [Decimal("1.000000000000500001"), Decimal("-2.000000000001500000"), Decimal(3), None]
    rounded = [None if v is None else round(v, scale) for v in values]
    found = read(rounded, pl.Decimal(38, scale))
    assert exact(found) == sum(v for v in rounded if v is not None)


def test_decimals_beyond_the_range_are_bad() -> None:
    assert read([Decimal(10) ** 30], pl.Decimal(38, 0)).bad == (0,)
    assert read([10**30], pl.Int128()).bad == (0,)
    assert read([10**18], pl.Int64()).stored.to_list() == [Decimal(10**18)]


def test_values_of_another_kind_are_bad() -> None:
    assert read([True, None], pl.Boolean()).bad == (0,)


def test_quantities_are_rounded_at_fifteen_digits() -> None:
    assert read(["0.0000000000000015"], scale=15).stored.to_list() == [Decimal("0.000000000000002")]
    assert parse("1e23", 15) is None


plain = st.decimals(allow_nan=False, allow_infinity=False, places=20, min_value=-(10**12), max_value=10**12)


@given(st.lists(st.tuples(plain, st.sampled_from(["f", "e", "E", "g"])), max_size=20))
@example([(Decimal("99999999.1234567890125"), "f"), (Decimal("0.00000000000050"), "e")])
def test_the_parsed_sum_survives_any_mix_of_notations(values: list[tuple[Decimal, str]]) -> None:
    texts = [format(value, form) for value, form in values]
    found = read(list(texts))
    assert found.bad == ()
    assert Fraction(exact(found)) == sum((Fraction(Decimal(text)) for text in texts), Fraction())
    for text, stored in zip(texts, found.stored.to_list(), strict=True):
        assert abs(Fraction(Decimal(text)) - Fraction(stored)) <= Fraction(1, 2 * 10**12)


@given(st.text(alphabet="0123456789.eE+- ", max_size=12))
def test_the_fast_way_and_the_careful_way_agree(text: str) -> None:
    careful = parse(text, 12)
    found = read([text])
    if careful is None:
        # Zero to the power of anything is zero, whichever way it is read.
        assert found.bad == (0,) or found.stored.to_list() == [Decimal(0)]
    else:
        assert found.stored.to_list() == [careful[0]]
        assert exact(found) == EXACT.add(*careful)
