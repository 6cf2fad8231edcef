from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from daemon.clock import FixedClock
from daemon.demo.events import catalogue, events, events_of_month
from daemon.demo.happening import Happening, spawned
from daemon.demo.hours import DAY, Span, day_number, instant_of
from daemon.demo.idle_gpus import FREE, HELD
from daemon.demo.labels import Label, labels
from daemon.demo.world import World
from domain.window import month_of, next_month

SEED = 7
NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
YEAR = (date(2025, 10, 1), date(2026, 11, 1))
INCIDENTS = [template.name for template in catalogue() if template.label == "incident"]

# Kinds of `anomaly.md` and of the company's own trade, all of which later steps must tell apart.
WANTED = {
    "incident": {
        *("spike", "step", "leak", "logging", "left_on", "token_storm", "price", "transfer", "orphaned"),
        *("commitment_expiry", "runaway_ci", "cross_zone", "multi", "mixed"),
    },
    "benign": {
        *("fee", "holiday", "traffic", "shift", "planned", "new", "decommission", "refund", "late_data"),
    },
}


@pytest.fixture(scope="module")
def planted() -> list[Label]:
    return labels(SEED, *YEAR)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(seed=SEED, folder=tmp_path_factory.mktemp("world"), clock=FixedClock(at=NOW))


@pytest.mark.parametrize("seed", [1, 7, 99])
@pytest.mark.parametrize("first", [date(2024, 2, 29), date(2025, 10, 16), date(2031, 7, 1)])
def test_every_window_of_400_days_has_every_event_of_the_catalogue(seed: int, first: date) -> None:
    span = Span(first=day_number(first) * DAY, end=(day_number(first) + 400) * DAY)
    begun = {event.template.name for event in events(seed, span) if event.start >= span.first}
    assert begun == {template.name for template in catalogue()}


def test_the_world_gives_its_own_labels(world: World, planted: list[Label]) -> None:
    first, end = date(2026, 4, 1), date(2026, 5, 1)
    given = [one for one in world.labels(first, end) if one.kind not in {HELD, FREE}]
    assert given == [one for one in planted if first <= one.start.date() < end]


@pytest.mark.parametrize("label", ["incident", "benign"])
def test_every_kind_is_there(label: str, planted: list[Label]) -> None:
    assert {one.kind for one in planted if one.label == label} == WANTED[label]


def test_something_began_in_the_fortnight_before_any_day() -> None:
    for number in range(400):
        today = day_number(date(2026, 1, 1)) + number
        span = Span(first=(today - 15) * DAY, end=today * DAY)
        begun = [
            event
            for event in events(SEED, span)
            if event.template.label == "incident" and event.start >= span.first
        ]
        assert begun, f"quiet before {instant_of(span.end)}"


def test_ids_are_unique_and_times_in_order(planted: list[Label]) -> None:
    assert len({one.id for one in planted}) == len(planted)
    assert all(one.start < one.end for one in planted)
    assert [one.start for one in planted] == sorted(one.start for one in planted)


def test_events_do_not_depend_on_the_window_they_are_asked_in(planted: list[Label]) -> None:
    later = {one.id: one for one in labels(SEED, date(2026, 5, 10), date(2026, 9, 3))}
    assert later == {one.id: one for one in planted if one.id in later}
    assert len(later) > 15


def test_no_event_outlasts_the_look_back() -> None:
    month = date(2020, 1, 1)
    for _ in range(120):
        for event in events_of_month(SEED, month_of(month)):
            last = Span.of_month(month_of(instant_of(event.end - 1)))
            assert event in events(SEED, last)
        month = next_month(month)


@pytest.mark.parametrize("name", INCIDENTS)
def test_an_incident_costs_enough_to_be_worth_finding(name: str, planted: list[Label]) -> None:
    found = [one for one in planted if one.id.startswith(name)]
    assert found
    for one in found:
        assert one.money is not None
        days = min((one.end - one.start) / timedelta(days=1), 30)
        assert one.money > 75
        assert one.money / Decimal(max(days, 1)) > 10


def test_benign_moves_between_teams_cost_nothing_in_all(planted: list[Label]) -> None:
    (one, *_) = [one for one in planted if one.kind == "shift"]
    assert one.money == 0


def test_spawned_things_cost_what_their_label_says(planted: list[Label], world: World) -> None:
    (one, *_) = [one for one in planted if one.id.startswith("forgotten-training-cluster")]
    months = {month_of(one.start), month_of(one.end)}
    bill = pl.concat(world.bill("aws", month, seen_at=NOW) for month in sorted(months))
    mine = bill.filter(pl.col("ResourceName").is_in(one.resources))
    assert mine["EffectiveCost"].sum() == one.money


@pytest.mark.parametrize("name", ["support-bot-loop", "nat-instead-of-endpoint", "prompt-growth"])
def test_the_money_of_an_incident_is_seen_on_its_resource(
    name: str, planted: list[Label], world: World
) -> None:
    """The rise over what its resource costs on the days around it is the stated money, about."""
    one = next(one for one in planted if one.id.startswith(name))
    window = (one.start - timedelta(days=20), one.end + timedelta(days=20))
    months = sorted({month_of(window[0]), month_of(one.start), month_of(window[1])})
    bill = pl.concat(world.bill(one.provider, month, seen_at=NOW) for month in months)
    mine = bill.filter(pl.col("ResourceName").is_in(one.resources) | pl.col("ResourceId").is_null())
    mine = mine.filter(pl.col("Tags").str.contains(one.service, literal=True))
    days = mine.group_by(pl.col("ChargePeriodStart").dt.date().alias("day")).agg(
        pl.col("EffectiveCost").sum()
    )
    inside = (pl.col("day") >= one.start.date()) & (pl.col("day") < (one.end + timedelta(hours=23)).date())
    usual = days.filter(~inside)["EffectiveCost"].cast(pl.Float64()).median()
    risen = days.filter(inside)["EffectiveCost"].cast(pl.Float64())
    assert isinstance(usual, float)
    assert one.money is not None
    assert float(risen.sum()) - usual * len(risen) == pytest.approx(float(one.money), rel=0.35)


def test_the_gap_between_two_savings_plans_is_labelled(planted: list[Label]) -> None:
    (gap, *_) = [one for one in planted if one.kind == "commitment_expiry"]
    assert (gap.end - gap.start) == timedelta(days=18)
    assert gap.money is not None
    assert gap.money > 100


@pytest.mark.parametrize("provider", ["aws", "gcp"])
def test_a_late_delivery_has_a_hole_that_fills_later(
    provider: str, planted: list[Label], world: World
) -> None:
    one = next(one for one in planted if one.id.startswith(f"{provider}-late"))
    period, middle = month_of(one.start), one.start + timedelta(hours=36)
    before = world.bill(provider, period, seen_at=middle)
    after = world.bill(provider, period, seen_at=middle + timedelta(days=6))
    day = pl.col("ChargePeriodStart").dt.date() == one.start.date()
    assert before.filter(day)["EffectiveCost"].sum() < after.filter(day)["EffectiveCost"].sum() * Decimal(
        "0.85"
    )


def test_a_refund_is_a_correction_of_the_month_before(planted: list[Label], world: World) -> None:
    one = next(one for one in planted if one.kind == "refund")
    bill = world.bill("aws", month_of(one.start), seen_at=NOW).filter(pl.col("ChargeClass") == "Correction")
    assert bill["BilledCost"].to_list() == [one.money]
    assert (bill["ChargePeriodStart"] < bill["BillingPeriodStart"]).all()
    before = world.bill("aws", month_of(one.start), seen_at=one.start)
    assert before.filter(pl.col("ChargeClass") == "Correction").is_empty()


def test_names_do_not_give_incidents_away(planted: list[Label]) -> None:
    telling = {"forgotten", "leak", "crypto", "mining", "stuck", "orphaned", "runaway", "incident"}
    for one in planted:
        assert not [name for name in one.resources if telling & set(name.split("-"))]


def test_spawned_things_exist_only_while_their_event_lasts() -> None:
    for event in Happening(events_of_month(SEED, "2026-03")).events:
        for entity in spawned(event):
            assert event.start <= entity.born < entity.gone == event.end


def test_the_page_of_the_demo_tells_everything_that_is_planted(root: Path) -> None:
    page = (root / "docs/demo.md").read_text(encoding="utf-8")
    for template in catalogue():
        assert (
            f"| {template.name} | {template.kind} | {template.team or 'nobody'} | {template.story} |" in page
        )
