from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from collectors.focus.ahead import ahead


def test_gives_all_items_in_order_one_made_in_advance() -> None:
    made: list[int] = []
    ready = threading.Event()

    def items() -> Generator[int, None, None]:
        for i in range(3):
            made.append(i)
            if i == 1:
                ready.set()
            yield i

    given = ahead(items())
    assert next(given) == 0
    assert ready.wait(timeout=10)
    assert list(given) == [1, 2]
    assert made == [0, 1, 2]


def test_an_error_comes_when_its_turn_comes() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise ValueError("boom")

    given = ahead(items())
    assert next(given) == 1
    with pytest.raises(ValueError, match="boom"):
        next(given)


def test_nothing_is_made_before_somebody_asks_and_all_is_closed_when_nobody_asks_more() -> None:
    steps: list[str] = []

    def items() -> Generator[int, None, None]:
        steps.append("open")
        try:
            while True:
                yield 1
        finally:
            steps.append("closed")

    given = ahead(items())
    assert steps == []
    assert next(given) == 1
    given.close()  # type: ignore[attr-defined]  # it is a generator
    assert steps == ["open", "closed"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reading")]
