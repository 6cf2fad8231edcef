"""The order of a report's rows, and what is folded: never what nobody owns."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from daemon.query import Query, Step
from daemon.ranking import OTHER, Row, arranged


def a_row(*values: str | None, cost: str | None = "1", currency: str = "USD") -> Row:
    return Row(values=values, currency=currency, cost=None if cost is None else Decimal(cost))


def test_the_largest_leads_and_what_nobody_owns_is_last() -> None:
    rows = [a_row(None, cost="99"), a_row("a", cost="1"), a_row("b", cost="5"), a_row("c", cost=None)]
    assert [row.values for row in arranged(rows, Query(by=("team",)))] == [("b",), ("a",), ("c",), (None,)]


def test_a_missing_region_is_a_value_like_any_other() -> None:
    rows = [a_row("eu", cost="1"), a_row(None, cost="5")]
    assert arranged(rows, Query(by=("region",)))[0].values == (None,)


def test_times_come_in_order_and_currencies_in_blocks() -> None:
    rows = [
        a_row("2026-06-02", "a", currency="USD"),
        a_row("2026-06-01", "a", cost="1", currency="USD"),
        a_row("2026-06-01", "b", cost="2", currency="USD"),
        a_row("2026-06-03", "a", currency="EUR"),
    ]
    query = Query(by=("day", "team"), step=Step.DAY)
    assert [(row.currency, *row.values) for row in arranged(rows, query)] == [
        ("EUR", "2026-06-03", "a"),
        ("USD", "2026-06-01", "b"),
        ("USD", "2026-06-01", "a"),
        ("USD", "2026-06-02", "a"),
    ]


def test_sorting_by_a_name_is_alphabetic() -> None:
    rows = [a_row("b", cost="9"), a_row("a", cost="1"), a_row(None, cost="5")]
    query = Query(by=("team",), sort="team")
    assert [row.values[0] for row in arranged(rows, query)] == ["a", "b", None]


def test_sorting_by_a_later_time_puts_it_first() -> None:
    rows = [a_row("2026-06", "2026-07-02"), a_row("2026-07", "2026-07-01")]
    query = Query(by=("billing_month", "day"), sort="day")
    assert [row.values[1] for row in arranged(rows, query)] == ["2026-07-01", "2026-07-02"]


def test_the_top_keeps_the_unallocated_row_and_folds_the_rest_into_one() -> None:
    rows = [a_row(name, cost=str(at)) for at, name in enumerate("abcde", start=1)] + [a_row(None, cost="0.5")]
    kept = arranged(rows, Query(by=("team",), top=2))
    assert [(row.values[0], row.cost, row.folded) for row in kept] == [
        ("e", 5, 0),
        ("d", 4, 0),
        (OTHER, 6, 3),
        (None, Decimal("0.5"), 0),
    ]


def test_a_team_that_is_called_other_is_told_from_the_fold() -> None:
    rows = [a_row(OTHER, cost="9"), a_row("a", cost="2"), a_row("b", cost="1")]
    kept = arranged(rows, Query(by=("team",), top=1))
    assert [(row.values[0], row.folded) for row in kept] == [(OTHER, 0), (OTHER, 2)]


def test_the_top_is_the_same_over_the_whole_window() -> None:
    rows = [a_row(day, team, cost=cost) for day, team, cost in [
        ("1", "a", "9"), ("1", "b", "1"), ("2", "a", "1"), ("2", "b", "5"), ("2", "c", "4")
    ]]  # fmt: skip
    kept = arranged(rows, Query(by=("day", "team"), top=1))
    assert [(*row.values, row.cost) for row in kept] == [
        ("1", "a", 9), ("1", OTHER, 1), ("2", "a", 1), ("2", OTHER, 9)
    ]  # fmt: skip


def test_many_unowned_resources_fold_into_an_unowned_row() -> None:
    rows = [a_row(None, f"i-{at}", cost=str(at)) for at in range(1, 5)] + [a_row("ml", "i-9", cost="3")]
    kept = arranged(rows, Query(by=("team", "resource"), top=1))
    assert [(*row.values, row.cost) for row in kept] == [
        ("ml", "i-9", 3), (None, "i-4", 4), (None, OTHER, 6)
    ]  # fmt: skip


def test_a_top_of_times_alone_folds_nothing() -> None:
    rows = [a_row("2026-06-01"), a_row("2026-06-02")]
    assert arranged(rows, Query(by=("day",), top=1)) == rows


def test_a_fold_of_unknown_costs_stays_unknown() -> None:
    rows = [a_row("a", cost="5"), a_row("b", cost=None), a_row("c", cost=None)]
    assert arranged(rows, Query(by=("team",), top=1))[1].cost is None


costs = st.none() | st.decimals(-1000, 1000, places=12)
names = st.sampled_from([None, "a", "b", "c", "d", OTHER])


@given(
    rows=st.dictionaries(st.tuples(names, names, st.sampled_from(["USD", "EUR"])), costs),
    top=st.none() | st.integers(1, 4),
)
def test_no_order_and_no_fold_changes_a_total(
    rows: dict[tuple[str | None, str | None, str], Decimal | None], top: int | None
) -> None:
    given_rows = [Row(values=key[:2], currency=key[2], cost=cost) for key, cost in rows.items()]
    shown = arranged(given_rows, Query(by=("team", "region"), top=top))
    for currency in ("USD", "EUR"):
        before = sum((row.cost or 0 for row in given_rows if row.currency == currency), Decimal(0))
        assert sum((row.cost or 0 for row in shown if row.currency == currency), Decimal(0)) == before
    assert arranged(list(reversed(given_rows)), Query(by=("team", "region"), top=top)) == shown
