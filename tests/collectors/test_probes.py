"""Every collector's probe says what breaks and what to do, and never raises; a newcomer needs its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors import COLLECTORS
from collectors.demo import DemoCollector, DemoSettings
from collectors.focus_files import FocusFilesCollector, FocusFilesSettings
from collectors.interface import Collector, Health
from daemon.clock import FixedClock
from domain.errors import SourceError


class NoWorld:
    """A simulated company that fell over."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def fails(*_: object, **__: object) -> object:
            raise SourceError(f"{name}: the world ended")

        return fails


def _demo(_: Path) -> Collector:
    clock = FixedClock(at=datetime(2026, 11, 20, tzinfo=UTC))
    world: object = NoWorld()
    settings = DemoSettings(type="demo", name="demo", provider="aws")
    return DemoCollector(settings, world=world, clock=clock)  # type: ignore[arg-type]  # it answers any call


def _files(folder: Path) -> Collector:
    return FocusFilesCollector(FocusFilesSettings(name="files", path=str(folder / "missing")))


SICK: Mapping[str, Callable[[Path], Collector]] = {
    "collectors.demo:DemoCollector": _demo,
    "collectors.focus_files:FocusFilesCollector": _files,
}
"""Per collector one that cannot fetch."""


@pytest.mark.parametrize("path", sorted(SICK))
def test_a_sick_source_is_said_with_what_breaks_and_the_fix(path: str, tmp_path: Path) -> None:
    found = SICK[path](tmp_path).probe()
    bad = [probe for probe in found if probe.health is not Health.OK]
    assert bad
    assert all(probe.subject and probe.breaks and probe.fix for probe in bad)
    assert list(tmp_path.iterdir()) == []


def test_no_collector_is_left_out() -> None:
    assert set(SICK) == set(COLLECTORS)
