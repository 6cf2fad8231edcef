"""The same question of the same world is computed once; a new world is never answered from the old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from acme import Acme
from builders import a_charge

import daemon.answers
from daemon.answers import Answers
from daemon.assemble import open_settings
from daemon.clock import FixedClock
from daemon.query import Query
from daemon.report import ReportResult, run
from daemon.rooms import Rooms

BY_TEAM = Query(by=("team",))


@pytest.fixture
def rooms(acme: Acme) -> Iterator[Rooms]:
    acme.collected(a_charge(EffectiveCost="10"))
    settings = open_settings(acme.folder / "costd.yaml")
    rooms = Rooms(settings=settings, clock=FixedClock(at=datetime(2026, 6, 20, 6, tzinfo=UTC)))
    yield rooms
    rooms.state.close()


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Query]:
    """Every query that was really computed."""
    done: list[Query] = []

    def counting(query: Query, *rest: object) -> ReportResult:
        done.append(query)
        return run(query, *rest)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(daemon.answers, "run", counting)
    return done


def total(result: ReportResult) -> Decimal | None:
    return result.totals[0].cost


def test_the_same_query_is_computed_once(rooms: Rooms, computed: list[Query]) -> None:
    answers = Answers(rooms)
    assert answers.report(BY_TEAM) is answers.report(Query(by=("team",)))
    assert answers.report(Query(by=("service",))).rows
    assert len(computed) == 2


def test_a_new_delivery_is_seen_by_the_next_look(acme: Acme, rooms: Rooms, computed: list[Query]) -> None:
    now = 0.0
    answers = Answers(rooms, elapsed=lambda: now)
    assert total(answers.report(BY_TEAM)) == Decimal(10)
    acme.bill("aws", a_charge(EffectiveCost="10"), a_charge(EffectiveCost="5", ResourceId="i-new"))
    assert acme.costd("collect").status == 0
    now = 0.5
    assert total(answers.report(BY_TEAM)) == Decimal(10)
    now = 1.0
    assert answers.last_snapshot() is None
    assert total(answers.report(BY_TEAM)) == Decimal(15)
    assert len(computed) == 2


def test_a_delivery_that_lands_while_a_report_is_computed_is_not_half_seen(
    acme: Acme, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, landed = Answers(rooms, fresh_for=0), []

    def interrupted(query: Query, *rest: object) -> ReportResult:
        if not landed:
            landed.append(1)
            acme.bill("aws", a_charge(EffectiveCost="10"), a_charge(EffectiveCost="5", ResourceId="i-new"))
            assert acme.costd("collect").status == 0
        return run(query, *rest)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(daemon.answers, "run", interrupted)

    def costs() -> dict[str | None, Decimal | None]:
        return {row.values[0]: row.cost for row in answers.report(Query(by=("resource",))).rows}

    assert costs() == {"i-0aa1": Decimal(10)}
    assert costs() == {"i-0aa1": Decimal(10), "i-new": Decimal(5)}


def test_nothing_stored_is_an_answer_too(acme: Acme) -> None:
    acme.configure("aws")
    settings = open_settings(acme.folder / "costd.yaml")
    rooms = Rooms(settings=settings, clock=FixedClock(at=datetime(2026, 6, 20, tzinfo=UTC)))
    result = Answers(rooms).report(BY_TEAM)
    assert (result.rows, result.window) == ((), None)
    rooms.state.close()
