"""Requests share what they ask alike, and what is too much is refused before it begins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Event

import pytest

from daemon.recent import Recent
from daemon.work import BusyError, Work


@pytest.fixture
def gate() -> Iterator[Event]:
    """Holds computations up until it is set."""
    gate = Event()
    yield gate
    gate.set()


def test_a_thousand_who_ask_the_same_share_one_computation(gate: Event) -> None:
    work, made = Work(at_once=2, waiting=1), []

    def make() -> str:
        gate.wait(10)
        made.append(1)
        return "answer"

    async def ask() -> list[str]:
        asked = [asyncio.create_task(work.run("same", make)) for _ in range(1000)]
        await asyncio.sleep(0.05)
        assert work.depth == 1
        gate.set()
        return await asyncio.gather(*asked)

    assert set(asyncio.run(ask())) == {"answer"}
    assert len(made) == 1
    assert work.depth == 0


def test_beyond_the_queue_requests_are_refused_and_the_others_answered(gate: Event) -> None:
    work = Work(at_once=2, waiting=3)

    async def ask() -> list[int | BaseException]:
        asked = [asyncio.create_task(work.run(n, lambda n=n: (gate.wait(10), n)[1])) for n in range(20)]
        await asyncio.sleep(0.05)
        assert work.depth == 5
        gate.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(ask())
    assert found[:5] == [0, 1, 2, 3, 4]
    assert all(isinstance(one, BusyError) for one in found[5:])
    assert len(found[5:]) == 15


def test_who_waits_too_long_is_told_and_the_next_finds_it_begun(gate: Event) -> None:
    work = Work(at_once=1, waiting=1, patience=0.05)

    async def ask() -> str:
        with pytest.raises(BusyError, match="longer than a request waits"):
            await work.run("slow", lambda: (gate.wait(10), "first")[1])
        gate.set()
        return await work.run("slow", lambda: "second")

    assert asyncio.run(ask()) in {"first", "second"}


def test_one_who_goes_away_takes_the_answer_from_nobody(gate: Event) -> None:
    work = Work(at_once=1, waiting=1)

    async def ask() -> str:
        gone = asyncio.create_task(work.run("same", lambda: (gate.wait(10), "answer")[1]))
        stays = asyncio.create_task(work.run("same", lambda: "never made"))
        await asyncio.sleep(0.02)
        gone.cancel()
        gate.set()
        return await stays

    assert asyncio.run(ask()) == "answer"


def test_an_error_reaches_everybody_who_asked_and_is_not_remembered() -> None:
    work = Work(at_once=1, waiting=1)

    async def ask() -> str:
        with pytest.raises(ZeroDivisionError):
            await work.run("same", lambda: 1 // 0)
        return await work.run("same", lambda: "well")

    assert asyncio.run(ask()) == "well"


def test_what_is_kept_never_grows_beyond_its_size() -> None:
    kept: Recent[int] = Recent(100)
    for number in range(1000):
        kept.keep(number, number, 20)
        assert kept.size <= 100
    assert [n for n in range(1000) if kept.find(n) is not None] == [995, 996, 997, 998, 999]


def test_what_was_used_stays_and_what_is_too_large_is_not_kept() -> None:
    kept: Recent[str] = Recent(100)
    for name in "abcd":
        kept.keep(name, name, 25)
    assert kept.find("a") == "a"
    kept.keep("e", "e", 25)
    assert kept.find("a") == "a"
    assert kept.find("b") is None
    kept.keep("huge", "huge", 26)
    assert kept.find("huge") is None
    kept.keep("a", "again", 5)
    assert kept.find("a") == "again"
    assert kept.size == 80


class Panic(BaseException):
    """What pyo3 makes of a panic in Rust."""


@pytest.mark.parametrize(("raised", "told"), [(KeyboardInterrupt(), BusyError), (Panic(), RuntimeError)])
def test_a_computation_that_is_torn_away_ends_one_request_and_not_the_server(
    raised: BaseException, told: type[Exception]
) -> None:
    work = Work(at_once=1, waiting=1)

    def torn() -> str:
        raise raised

    with pytest.raises(told):
        asyncio.run(work.run("torn", torn))
    assert asyncio.run(work.run("next", lambda: "answer")) == "answer"


def test_who_waits_in_the_queue_of_a_costd_that_stops_is_told_so(gate: Event) -> None:
    work = Work(at_once=1, waiting=3)

    async def ask() -> list[int | BaseException]:
        asked = [asyncio.create_task(work.run(n, lambda n=n: (gate.wait(10), n)[1])) for n in range(3)]
        await asyncio.sleep(0.05)
        work.close()
        gate.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    first, *others = asyncio.run(ask())
    assert first == 0
    assert [str(one) for one in others] == ["costd is stopping"] * 2
