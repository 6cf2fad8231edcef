from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from builders import a_charge, charges, parsed_sums

from collectors.demo import DemoCollector, DemoSettings
from collectors.interface import Health
from daemon.clock import FixedClock
from daemon.demo.world import World
from daemon.progress import Silent
from domain.charge import RAW_SCHEMA
from domain.delivery import Batch, Cursor, Freshness
from domain.window import month_window

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


class TinyWorld:
    """A world with one charge a day, known from the day after."""

    def __init__(self, first: date) -> None:
        self._first = first
        self.asked: list[date | None] = []

    def first_day(self) -> date:
        return self._first

    def bill(
        self, provider: str, period: str, *, seen_at: datetime, hourly_from: date | None = None
    ) -> pl.DataFrame:
        assert provider == "aws"
        self.asked.append(hourly_from)
        window = month_window(period)
        days = (window.start + timedelta(days=n) for n in range(31))
        rows = [
            a_charge(start=day, hours=24)
            for day in days
            if day < window.end and day < seen_at - timedelta(days=1)
        ]
        return charges(*rows)

    def delivered_through(self, provider: str, *, seen_at: datetime) -> datetime:
        assert provider == "aws"
        return seen_at - timedelta(hours=7)


def a_collector(now: datetime = NOW, first: date = date(2026, 8, 1)) -> DemoCollector:
    settings = DemoSettings(type="demo", name="demo-aws", provider="aws")
    return DemoCollector(settings, world=TinyWorld(first), clock=FixedClock(at=now))


def fetched(collector: DemoCollector, cursors: dict[str, Cursor] | None = None) -> list[Batch]:
    return list(collector.fetch(cursors or {}, progress=Silent()).batches)


def seen(batches: list[Batch]) -> list[tuple[str, datetime | None]]:
    return [(*batch.periods, batch.seen_at) for batch in batches]


def cursors_of(batches: list[Batch]) -> dict[str, Cursor]:
    return {period: cursor for batch in batches for period, cursor in batch.cursors.items()}


def test_replays_settled_months_once_and_the_open_one_day_by_day() -> None:
    assert seen(fetched(a_collector())) == [
        ("2026-08", datetime(2026, 9, 16, 6, tzinfo=UTC)),
        ("2026-09", datetime(2026, 10, 16, 6, tzinfo=UTC)),
        ("2026-10", datetime(2026, 11, 16, 6, tzinfo=UTC)),
        ("2026-11", datetime(2026, 11, 17, 6, tzinfo=UTC)),
        ("2026-11", datetime(2026, 11, 18, 6, tzinfo=UTC)),
        ("2026-11", datetime(2026, 11, 19, 6, tzinfo=UTC)),
        ("2026-11", datetime(2026, 11, 20, 6, tzinfo=UTC)),
        ("2026-11", NOW),
    ]


def test_keeps_a_month_open_until_its_restatements_are_over() -> None:
    early = datetime(2026, 11, 8, 9, tzinfo=UTC)
    periods = [period for period, _ in seen(fetched(a_collector(early)))]
    assert periods.count("2026-10") == 5
    assert periods.count("2026-09") == 1


def test_gives_nothing_again_when_nothing_is_new() -> None:
    cursors = cursors_of(fetched(a_collector()))
    assert fetched(a_collector(), cursors) == []


def test_gives_only_what_is_new_an_hour_later() -> None:
    cursors = cursors_of(fetched(a_collector()))
    later = NOW + timedelta(hours=1)
    assert seen(fetched(a_collector(later), cursors)) == [("2026-11", later)]


def test_catches_up_with_the_last_days_after_a_long_pause() -> None:
    cursors = cursors_of(fetched(a_collector()))
    later = NOW + timedelta(days=20)
    given = seen(fetched(a_collector(later), cursors))
    assert [period for period, _ in given].count("2026-11") == 5
    assert [period for period, _ in given].count("2026-12") == 5
    assert given == sorted(given, key=lambda one: one[1] or later)


def test_goes_on_from_a_fetch_that_was_interrupted() -> None:
    whole = fetched(a_collector())
    rest = fetched(a_collector(), cursors_of(whole[:5]))
    assert seen(rest) == seen(whole[5:])


def test_a_day_once_given_by_the_hour_stays_so() -> None:
    first, later = TinyWorld(date(2026, 8, 1)), TinyWorld(date(2026, 9, 1))
    settings = DemoSettings(type="demo", name="demo-aws", provider="aws")
    early = fetched(DemoCollector(settings, world=first, clock=FixedClock(at=NOW)))
    clock = FixedClock(at=NOW + timedelta(days=40))
    fetched(DemoCollector(settings, world=later, clock=clock), cursors_of(early))
    assert set(first.asked) == set(later.asked) == {date(2026, 11, 6)}


def test_offers_nothing_to_a_clock_that_was_turned_back() -> None:
    cursors = cursors_of(fetched(a_collector()))
    assert fetched(a_collector(NOW - timedelta(days=1)), cursors) == []


def test_leaves_out_a_month_of_which_nothing_is_delivered_yet() -> None:
    start = datetime(2026, 11, 1, 3, tzinfo=UTC)
    assert "2026-11" not in cursors_of(fetched(a_collector(start)))


def test_a_batch_says_what_it_holds() -> None:
    batch = fetched(a_collector())[0]
    (chunk,) = batch.chunks
    assert chunk.charges.schema == RAW_SCHEMA
    assert chunk.parsed == parsed_sums(chunk.charges)
    assert batch.files[0].rows == len(chunk.charges) == 31
    assert batch.focus_version == "1.2"


def test_the_same_bill_has_the_same_manifest_hash() -> None:
    one, other = fetched(a_collector()), fetched(a_collector())
    assert [batch.manifest_hash for batch in one] == [batch.manifest_hash for batch in other]
    assert one[-1].manifest_hash == one[-2].manifest_hash  # nothing arrived between them
    assert one[0].manifest_hash != one[1].manifest_hash


def test_says_how_far_the_provider_reaches() -> None:
    coverage = a_collector().fetch({}, progress=Silent()).coverage
    assert coverage.source == "demo-aws"
    assert coverage.freshness is Freshness.FRESH
    assert coverage.delivered_through == NOW - timedelta(hours=7)


def test_probes_without_anything_outside() -> None:
    (probe,) = a_collector().probe()
    assert probe.health is Health.OK


def test_probe_names_the_fix_for_a_broken_world(tmp_path: Path) -> None:
    (tmp_path / "actions.jsonl").write_text("not an action\n")
    world = World(seed=7, folder=tmp_path, clock=FixedClock(at=NOW))
    settings = DemoSettings(type="demo", name="demo-aws", provider="aws")
    (probe,) = DemoCollector(settings, world=world, clock=FixedClock(at=NOW)).probe()
    assert probe.health is Health.FAIL
    assert "line 1" in probe.breaks
    assert "reset" in probe.fix


def test_refuses_an_unknown_provider() -> None:
    with pytest.raises(ValueError, match="provider"):
        DemoSettings.model_validate({"type": "demo", "name": "x", "provider": "oracle"})
