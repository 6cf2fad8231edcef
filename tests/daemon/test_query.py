"""The words of a report's command line, read into a query or refused with a hint."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from daemon.dimensions import DIMENSIONS
from daemon.query import (
    COST_WORDS,
    Condition,
    Query,
    Span,
    Step,
    parse_by,
    parse_condition,
    parse_day,
    parse_instant,
    parse_months,
    parse_span,
)
from domain.charge import COSTS
from domain.errors import UsageError
from domain.window import Window

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("team=ml", Condition(dimension="team", values=("ml",))),
        ("team!=ml", Condition(dimension="team", values=("ml",), negated=True)),
        ("provider=AWS,Microsoft", Condition(dimension="provider", values=("AWS", "Microsoft"))),
        (" provider = AWS , Oracle* ", Condition(dimension="provider", values=("AWS", "Oracle*"))),
        ("team=unallocated", Condition(dimension="team", values=(None,))),
        ("team!=unallocated,ml", Condition(dimension="team", values=(None, "ml"), negated=True)),
        ("region=", Condition(dimension="region", values=(None,))),
        ("provider=unallocated", Condition(dimension="provider", values=("unallocated",))),
        ('resource="a,b",c', Condition(dimension="resource", values=("a,b", "c"))),
        ("resource=arn:aws:x=y", Condition(dimension="resource", values=("arn:aws:x=y",))),
        ("tag:org=trey", Condition(dimension="tag:org", values=("trey",))),
        (
            "tag:app.kubernetes.io/name!=x",
            Condition(dimension="tag:app.kubernetes.io/name", values=("x",), negated=True),
        ),
    ],
)
def test_where_reads_values_lists_globs_and_missing_owners(text: str, condition: Condition) -> None:
    assert parse_condition(text) == condition


@pytest.mark.parametrize("text", ["", "team", "=ml", "team ml", "team>5"])
def test_where_that_is_no_condition_says_how_one_looks(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_condition(text)
    assert "team=ml" in refused.value.hint


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("temas", "did you mean team?"),
        ("pull-request", "did you mean pull_request?"),
        ("billing-month", "did you mean billing_month?"),
        ("Provider", "did you mean provider?"),
        ("zzz", "dimensions: team service"),
        ("tag:", "did you mean"),
    ],
)
def test_an_unknown_dimension_suggests_the_nearest(wrong: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        Query(by=(wrong,))
    assert hint in refused.value.hint
    assert refused.value.exit_status == 2


def test_a_step_is_a_dimension_in_front() -> None:
    assert parse_by("team, provider") == ("team", "provider")
    assert parse_by("team", Step.WEEK) == ("week", "team")
    assert parse_by("team,day", Step.DAY) == ("team", "day")
    with pytest.raises(UsageError, match="no dimension"):
        parse_by(" , ")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"by": ("team", "team")}, "twice"),
        ({"by": ("team",), "cost": "net"}, "'net'"),
        ({"by": ("team",), "sort": "provider"}, "not among"),
        ({"by": ("team",), "top": 0}, "at least one"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Query(**wrong)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-19", date(2026, 11, 19)),
        ("2026-11", date(2026, 11, 1)),
        ("today", TODAY),
        ("yesterday", date(2026, 11, 19)),
        ("7d", date(2026, 11, 13)),
        ("2w", date(2026, 11, 6)),
    ],
)
def test_days_are_written_in_many_ways(text: str, day: date) -> None:
    assert parse_day(text, TODAY) == day


@pytest.mark.parametrize("text", ["2026-13", "2026-02-30", "6h", "soon", "", "99999d", "0000-01"])
def test_what_is_no_day_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError, match="not a day"):
        parse_day(text, TODAY)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-19T06:00Z", datetime(2026, 11, 19, 6, tzinfo=UTC)),
        ("2026-11-19T06:00+02:00", datetime(2026, 11, 19, 4, tzinfo=UTC)),
        ("2026-11-19T06:00", datetime(2026, 11, 19, 6, tzinfo=UTC)),
        ("2026-11-19", datetime(2026, 11, 19, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 13, 6, tzinfo=UTC)),
        ("12h", datetime(2026, 11, 19, 18, tzinfo=UTC)),
    ],
)
def test_instants_are_utc_unless_they_say_otherwise(text: str, instant: datetime) -> None:
    assert parse_instant(text, NOW) == instant


def test_what_is_no_instant_is_refused() -> None:
    with pytest.raises(UsageError, match="not an instant"):
        parse_instant("last tuesday", NOW)


def days(first: str, end: str) -> Window:
    return Window.of_days(date.fromisoformat(first), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("bounds", "months", "by", "span"),
    [
        ((None, None), (), "team", Span(window=days("2026-11-01", "2026-11-21"))),
        ((None, None), (), "provider,billing_month", Span()),
        ((None, None), ("2024-09",), "team", Span(billing_months=frozenset({"2024-09"}))),
        (("all", None), (), "team", Span()),
        (("all", "2026-10-05"), (), "team", Span(window=days("1970-01-01", "2026-10-05"))),
        (("2026-10-05", None), (), "team", Span(window=days("2026-10-05", "2026-11-21"))),
        ((None, "2026-10-05"), (), "team", Span(window=days("2026-10-01", "2026-10-05"))),
        ((None, "2026-10-01"), (), "team", Span(window=days("2026-09-01", "2026-10-01"))),
        (("2026-09", "2026-11"), (), "team", Span(window=days("2026-09-01", "2026-11-01"))),
        (("2024-09", "2024-11"), (), "billing_month", Span(billing_months=frozenset({"2024-09", "2024-10"}))),
        (("2024-09-01", "2024-11-01"), (), "billing_month", Span(window=days("2024-09-01", "2024-11-01"))),
        (
            ("2024-09", "2024-10"),
            ("2024-10",),
            "billing_month",
            Span(window=days("2024-09-01", "2024-10-01"), billing_months=frozenset({"2024-10"})),
        ),
    ],
)
def test_a_window_is_month_to_date_unless_asked_otherwise(
    bounds: tuple[str | None, str | None], months: tuple[str, ...], by: str, span: Span
) -> None:
    assert parse_span(bounds, parse_months(months), by.split(","), TODAY) == span


@pytest.mark.parametrize(
    "bounds", [("2026-11-05", "2026-11-05"), ("2026-11-05", "2026-11-01"), ("2026-12-01", None)]
)
def test_an_empty_window_is_refused(bounds: tuple[str | None, str | None]) -> None:
    with pytest.raises(UsageError, match="is not after"):
        parse_span(bounds, None, ("team",), TODAY)


@pytest.mark.parametrize("text", ["team=re:(", "resource=re:^(?=x)", "resource=[z-a]", "team!=ml,re:["])
def test_a_pattern_that_cannot_be_used_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"--where (team|resource): pattern '.*' cannot be used: "):
        parse_condition(text)


def test_years_without_room_for_a_next_or_an_earlier_day_are_refused() -> None:
    for text in ("0001-01-01", "1969-12-31", "9999-12-31", "0001-01"):
        with pytest.raises(UsageError, match="out of range"):
            parse_day(text, TODAY)
    for text in ("0001-01-01", "9999-12-31T23:59-12:00"):
        with pytest.raises(UsageError, match="out of range"):
            parse_instant(text, NOW)
    for text in ("0000-01", "9999-12"):
        with pytest.raises(UsageError, match="not a month"):
            parse_months([text])
    assert parse_day("9998-12-31", TODAY) == date(9998, 12, 31)


def test_months_are_listed_or_repeated() -> None:
    assert parse_months(["2026-09,2026-10", "2026-11"]) == {"2026-09", "2026-10", "2026-11"}
    assert parse_months([]) is None
    with pytest.raises(UsageError, match="2026-13"):
        parse_months(["2026-13"])


def test_every_dimension_is_documented_with_its_meaning(root: Path) -> None:
    page = (root / "docs" / "read-the-report.md").read_text(encoding="utf-8")
    missing = [one.name for one in DIMENSIONS.values() if f"| `{one.name}` | {one.meaning} |" not in page]
    assert missing == []


def test_the_words_are_those_of_the_vocabulary() -> None:
    assert tuple(COSTS) == COST_WORDS
    asked = "team service model environment pull_request provider account region cluster namespace workload"
    asked += " resource sku charge_category cost_kind day week month billing_month"
    assert set(asked.split()) <= set(DIMENSIONS)
