from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from config.units import (
    ByteSize,
    LocalPath,
    Location,
    Money,
    Percent,
    PositiveDuration,
    format_duration,
    parse_duration,
    parse_money,
    parse_percent,
    parse_size,
)
from domain.money import Money as MoneyAmount


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("14d", 1209600),
        ("6h", 21600),
        ("90m", 5400),
        ("30s", 30),
        ("2w", 1209600),
        ("1h30m", 5400),
        ("0s", 0),
    ],
)
def test_a_duration_is_a_whole_number_with_a_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "6", "-3h", "6 h", "h", "1.5h", "6H", "1y", "٣h", "6h\n6", None, 6, True, [], "99999999d"]
)
def test_a_text_that_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="like `6h`"):
        parse_duration(text)


def test_a_duration_of_more_than_ten_years_is_refused() -> None:
    with pytest.raises(ValueError, match="ten years"):
        parse_duration("4000d")


@given(st.integers(min_value=0, max_value=3660 * 86400))
def test_a_duration_is_written_as_it_is_read(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length


def test_zero_is_no_interval() -> None:
    with pytest.raises(ValidationError, match="longer than zero"):
        TypeAdapter(PositiveDuration).validate_python("0s")


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MiB", 536870912), ("10MB", 10_000_000), ("1.5 kB", 1500), ("0B", 0), ("2TiB", 2 * 2**40)],
)
def test_a_size_has_a_decimal_or_binary_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10", "10mb", "-1MB", "10 K", "1e3MB", None, True])
def test_a_text_that_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="like `512MiB`"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "share"),
    [("5%", "0.05"), ("0%", "0"), ("100%", "1"), ("0.5 %", "0.005")],
)
def test_a_share_is_read_exactly(text: str, share: str) -> None:
    assert parse_percent(text) == Decimal(share)


@pytest.mark.parametrize("text", ["5", "0.05", "-1%", "101%", "%", "5 percent", None, "nan%"])
def test_a_text_that_is_no_share_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"like `5%`|more than 100%"):
        parse_percent(text)


def test_money_keeps_its_digits_and_currency() -> None:
    assert parse_money("25.00 USD") == MoneyAmount(amount=Decimal("25.00"), currency="USD")


@pytest.mark.parametrize("text", ["25", "25.00", "$25", "25 usd", "25.0.0 USD", "1e3 USD", ". USD", None, 25])
def test_a_text_that_is_no_money_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"like `25\.00 USD`"):
        parse_money(text)


def test_values_that_are_read_already_pass() -> None:
    assert parse_duration(timedelta(hours=1)) == timedelta(hours=1)
    assert parse_size(7) == 7
    assert parse_percent(Decimal("0.1")) == Decimal("0.1")
    assert parse_money(MoneyAmount(amount=Decimal(1), currency="EUR")).currency == "EUR"


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (PositiveDuration, timedelta(minutes=90), "1h30m"),
        (Percent, Decimal("0.05"), "5%"),
        (Money, MoneyAmount(amount=Decimal("25.00"), currency="USD"), "25 USD"),
        (ByteSize, 512, 512),
    ],
)
def test_units_are_written_as_people_write_them(kind: object, value: object, text: object) -> None:
    assert TypeAdapter(kind).dump_python(value) == text


def test_relative_paths_start_at_the_folder_of_the_configuration(tmp_path: Path) -> None:
    context = {"folder": tmp_path}
    assert TypeAdapter(LocalPath).validate_python("a/b", context=context) == tmp_path / "a/b"
    assert TypeAdapter(Location).validate_python("./a", context=context) == str(tmp_path / "a")
    assert TypeAdapter(Location).validate_python("/x", context=context) == "/x"


def test_a_bucket_is_a_place_and_other_schemes_are_not() -> None:
    place = TypeAdapter(Location)
    assert place.validate_python("s3://bucket/prefix/") == "s3://bucket/prefix"
    for text in ("gs://bucket", "s3://", "s3:///prefix", " ", "http://x"):
        with pytest.raises(ValidationError):
            place.validate_python(text)
