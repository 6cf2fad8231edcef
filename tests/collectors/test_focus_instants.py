from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.focus.instants import instants, parse
from domain.charge import INSTANT

NOON = datetime(2026, 6, 1, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-01T12:30:15Z", NOON),
        ("2026-06-01T12:30:15z", NOON),
        ("2026-06-01 12:30:15", NOON),
        ("2026-06-01 12:30:15 UTC", NOON),
        ("2026-06-01T12:30:15", NOON),
        ("2026-06-01T14:30:15+02:00", NOON),
        ("2026-06-01T14:30:15+0200", NOON),
        ("2026-06-01T14:30:15+02", NOON),
        ("2026-06-01 07:00:15-05:30", NOON),
        ("2026-06-01T12:30:15.123Z", NOON + timedelta(milliseconds=123)),
        ("2026-06-01T12:30:15.123456789Z", NOON + timedelta(microseconds=123456)),
        ("2026-06-01T12:30:15,5", NOON + timedelta(milliseconds=500)),
        ("2026-06-01T12:30Z", NOON.replace(second=0)),
        ("2026-06-01", datetime(2026, 6, 1, tzinfo=UTC)),
        ("2026-06-01Z", datetime(2026, 6, 1, tzinfo=UTC)),
        (" 2026-06-01 ", datetime(2026, 6, 1, tzinfo=UTC)),
        ("06/01/2026", datetime(2026, 6, 1, tzinfo=UTC)),
        ("6/1/2026", datetime(2026, 6, 1, tzinfo=UTC)),
        ("06/13/2026", datetime(2026, 6, 13, tzinfo=UTC)),
        ("6/1/2026 12:30:15 PM", NOON),
        ("6/1/2026 12:05:00 AM", datetime(2026, 6, 1, 0, 5, tzinfo=UTC)),
        ("06/01/2026 12:30", NOON.replace(second=0)),
        ("13/06/2026", None),
        ("2026-02-30", None),
        ("2026-06-31T00:00:00Z", None),
        ("2026-06-01T25:00:00Z", None),
        ("2026-06-01T12:30:15+99:00", None),
        ("6/1/2026 13:00 PM", None),
        ("20260601", None),
        ("01.06.2026", None),
        ("1780315200", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31", None),
        ("yesterday", None),
        ("", None),
        ("\uff12\uff10\uff12\uff16-06-01", None),
    ],
)
def test_reads_the_times_that_files_really_hold(text: str, expected: datetime | None) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([datetime(2026, 6, 1)], pl.Datetime("us")),  # noqa: DTZ001 -- a column without a zone
        ([datetime(2026, 6, 1)], pl.Datetime("ns")),  # noqa: DTZ001 -- a column without a zone
        ([datetime(2026, 6, 1)], pl.Datetime("ms")),  # noqa: DTZ001 -- a column without a zone
        ([datetime(2026, 6, 1, tzinfo=UTC)], pl.Datetime("us", "UTC")),
        ([datetime(2026, 6, 1, 2, tzinfo=timezone(timedelta(hours=2)))], pl.Datetime("us", "Europe/Berlin")),
        ([date(2026, 6, 1)], pl.Date()),
        (["2026-06-01"], pl.String()),
    ],
)
def test_a_time_of_any_type_becomes_utc(values: list[Any], dtype: pl.DataType) -> None:
    found = instants(pl.Series("x", values, dtype=dtype), {})
    assert found.dtype == INSTANT
    assert found.to_list() == [datetime(2026, 6, 1, tzinfo=UTC)]


def test_a_typed_time_out_of_all_reason_is_no_time() -> None:
    series = pl.Series("x", [datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)])
    assert instants(series, {}).null_count() == 1


def test_a_number_is_no_time() -> None:
    assert instants(pl.Series("x", [1780315200]), {}).to_list() == [None]


@given(st.datetimes(min_value=datetime(1991, 1, 1), max_value=datetime(2199, 1, 1)))  # noqa: DTZ001 -- hypothesis wants naive bounds
def test_every_iso_time_is_read_as_it_was_written(moment: datetime) -> None:
    assert parse(f"{moment.isoformat()}Z") == moment.replace(tzinfo=UTC)
