"""Files that change while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import pytest
from exports import Desk, csv_bytes, rows_of, write

from collectors.focus import chunks, duplicates, looking
from collectors.focus.damage import DamagedError
from collectors.stores.folder import FolderStore
from collectors.stores.interface import Stored

Meddle = Callable[[int], None]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(looking, "RETRY_PAUSES", (0.0, 0.0))
    monkeypatch.setattr("collectors.focus.batches.RETRY_PAUSES", (0.0, 0.0))
    return write(tmp_path / "exports" / "june.csv", rows_of("2026-06", 4))


@pytest.fixture
def meddle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Meddle], None]:
    """Runs something while a file is open, the n-th time any is opened."""

    def install(action: Meddle) -> None:
        opened, count = FolderStore.opened, 0

        @contextmanager
        def slow(store: FolderStore, file: Stored) -> Iterator[BufferedReader]:
            nonlocal count
            with opened(store, file) as handle:
                yield handle
                count += 1
                action(count)

        monkeypatch.setattr(FolderStore, "opened", slow)

    return install


def grow(path: Path, rows: int) -> None:
    with path.open("ab") as file:
        file.write(csv_bytes(rows_of("2026-06", rows, resource=f"more-{rows}")).partition(b"\n")[2])


def test_a_file_that_grows_at_the_first_look_is_looked_at_again(
    path: Path, meddle: Callable[[Meddle], None]
) -> None:
    meddle(lambda count: grow(path, 2) if count == 1 else None)
    desk = Desk(path.parent)
    found = desk.collect()
    assert found.is_fresh
    assert desk.months["2026-06"].height == 6


def test_a_file_that_grows_while_its_rows_are_read_is_read_again(
    path: Path, meddle: Callable[[Meddle], None]
) -> None:
    meddle(lambda count: grow(path, 2) if count == 2 else None)
    desk = Desk(path.parent)
    found = desk.collect()
    assert found.batches == [frozenset({"2026-06"})] * 2
    assert found.refused == {}
    assert desk.months["2026-06"].height == 6
    assert desk.collect().batches == []


def test_a_file_that_never_rests_is_refused_after_a_few_looks(
    path: Path, meddle: Callable[[Meddle], None]
) -> None:
    seen: list[int] = []
    meddle(lambda count: (seen.append(count), grow(path, count))[1])
    write(path.parent / "may.csv", rows_of("2026-05", 1))
    desk = Desk(path)
    desk.cursors = {"2026-06": {"format": 1, "files": {"june.csv": {"stamp": "old", "tag": "old"}}}}
    found = desk.collect()
    assert len(seen) == 3
    assert "changes while it is read" in found.refused["2026-06"]
    assert not found.is_fresh


def test_a_file_that_changes_at_every_reading_is_refused_in_the_end(
    path: Path, meddle: Callable[[Meddle], None]
) -> None:
    meddle(lambda count: grow(path, count) if count % 2 == 0 else None)
    desk = Desk(path.parent)
    found = desk.collect()
    assert len(found.batches) == 3
    assert "changed while it was read" in found.refused["2026-06"]
    assert desk.months == {}


def test_a_file_replaced_between_the_look_and_the_reading_is_read_as_it_is_now(
    path: Path, meddle: Callable[[Meddle], None]
) -> None:
    def swap(count: int) -> None:
        if count == 1:
            write(path.with_suffix(".new"), rows_of("2026-06", 9)).rename(path)

    meddle(swap)
    desk = Desk(path.parent)
    desk.collect()
    assert desk.months["2026-06"].height == 9


def test_a_file_deleted_between_the_look_and_the_reading_refuses_its_period(
    path: Path, meddle: Callable[[Meddle], None]
) -> None:
    meddle(lambda count: path.unlink() if count == 1 else None)
    desk = Desk(path.parent)
    found = desk.collect()
    assert desk.months == {}
    assert "2026-06" in found.refused or found.coverage.reason


def test_a_file_that_turns_to_another_month_is_left_to_the_next_collection(
    path: Path, meddle: Callable[[Meddle], None]
) -> None:
    meddle(lambda count: write(path, rows_of("2026-07", 3)) and None if count == 2 else None)
    desk = Desk(path.parent)
    found = desk.collect()
    assert found.batches == [frozenset({"2026-06"})]
    assert "2026-06" in found.refused
    desk.collect()
    assert desk.months["2026-07"].height == 3


def test_damage_that_comes_from_a_change_is_told_as_a_change(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        path.write_bytes(path.read_bytes()[:-20])
        raise DamagedError("ends in the middle of a row")

    monkeypatch.setattr(chunks, "to_focus", cut)
    desk = Desk(path.parent)
    assert "changed while it was read" in desk.collect().refused["2026-06"]


def test_damage_without_a_change_is_told_with_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DamagedError("is garbled", hint="write it anew")

    monkeypatch.setattr(chunks, "to_focus", fail)
    found = Desk(path.parent).collect()
    assert found.refused == {"2026-06": f"{path} is garbled; write it anew"}
    assert found.batches == [frozenset({"2026-06"})]


def test_a_file_that_cannot_be_compared_is_like_no_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DamagedError("is garbled")

    monkeypatch.setattr(duplicates, "opened", fail)
    write(path.parent / "june.parquet", rows_of("2026-06", 4))
    desk = Desk(path.parent)
    desk.collect()
    assert desk.months["2026-06"].height == 8
