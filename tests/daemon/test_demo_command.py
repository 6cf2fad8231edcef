from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from daemon import cli
from daemon.clock import FixedClock
from daemon.commands.demo import NEXT
from daemon.demo.company import PROVIDERS
from daemon.demo.world import World
from daemon.holder import this_process
from daemon.invocation import Invocation
from daemon.rooms import Rooms
from domain.window import month_of, next_month

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def environ() -> dict[str, str]:
    """Give an environment in which our own package is found from any folder."""
    return {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent), "NO_COLOR": "1"}


def costd(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run costd in a folder of its own, as a person would."""
    command = [sys.executable, "-m", "daemon", *args]
    return subprocess.run(command, cwd=folder, env=environ(), capture_output=True, text=True, check=False)


def at_noon(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return costd(folder, "-c", "demo", "--now", NOW.isoformat(), *args)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder in which `costd demo` ran once, and what it said."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, costd(folder, "demo", "--now", NOW.isoformat())


@pytest.fixture
def rooms(first: tuple[Path, subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch) -> Rooms:
    monkeypatch.chdir(first[0])
    return Rooms.of(Invocation(config="demo", now=NOW))


@pytest.fixture(scope="module")
def true_totals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Decimal]:
    """What the world bills in all, per source."""
    world = World(seed=7, folder=tmp_path_factory.mktemp("world"), clock=FixedClock(at=NOW))
    totals = {}
    for provider in PROVIDERS:
        month, total = world.first_day(), Decimal(0)
        while month <= NOW.date():
            total += world.bill(provider, month_of(month), seen_at=NOW)["EffectiveCost"].sum()
            month = next_month(month)
        totals[f"demo-{provider}"] = total
    return totals


def stored_totals(rooms: Rooms) -> dict[str, Decimal]:
    sums = rooms.ledger.charges().group_by("source").agg(pl.col("EffectiveCost").sum()).collect()
    return dict(sums.iter_rows())


def test_first_run_prints_the_digest_and_where_to_go_next(
    first: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = first
    assert done.returncode == 0, done.stderr
    assert "DEMO" in done.stdout
    assert "Cloud cost - Thu 19 Nov" in done.stdout
    for team in ("ml", "web", "data", "platform", "mobile", "research", "unallocated"):
        assert f"\n{team} " in done.stdout
    assert "costd -c demo report --by team,service" in done.stdout
    assert done.stdout.rstrip().endswith("Connect your own: docs/getting-started.md")
    assert "Traceback" not in done.stderr


def test_what_is_stored_is_what_the_world_billed(rooms: Rooms, true_totals: dict[str, Decimal]) -> None:
    assert stored_totals(rooms) == true_totals


def test_the_past_has_a_history_of_deliveries(rooms: Rooms) -> None:
    deliveries = rooms.ledger.deliveries()
    november = [d for d in deliveries if (d.source, d.billing_period) == ("demo-aws", "2026-11")]
    assert len(november) == 5
    assert [d.seen_at for d in november] == sorted(d.seen_at for d in november)
    assert november[0].seen_at == datetime(2026, 11, 17, 6, tzinfo=UTC)
    closed = [d for d in deliveries if d.billing_period == "2026-03"]
    assert len(closed) == 3


def test_restatements_have_something_true_to_show(first: tuple[Path, object]) -> None:
    done = at_noon(first[0], "restatements", "--since", "3d", "--output", "ndjson")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 3


@pytest.mark.parametrize("line", [line for line, _ in NEXT if not line.endswith("reset")])
def test_every_command_it_proposes_works(line: str, first: tuple[Path, object]) -> None:
    words = line.split()
    assert words[:3] == ["costd", "-c", "demo"]
    done = at_noon(first[0], *words[3:])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr.startswith("DEMO")


def test_second_run_goes_on_and_collects_only_what_is_new(
    rooms: Rooms, first: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    before, deliveries = stored_totals(rooms), len(rooms.ledger.deliveries())
    done = costd(first[0], "demo", "--now", NOW.isoformat())
    assert done.returncode == 0, done.stderr
    assert "Nothing new" in done.stdout
    assert stored_totals(rooms) == before
    assert len(rooms.ledger.deliveries()) == deliveries


def test_an_interrupted_run_ends_cleanly_and_the_next_one_completes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, true_totals: dict[str, Decimal]
) -> None:
    command = [sys.executable, "-m", "daemon", "demo", "--now", NOW.isoformat()]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    commits = tmp_path / "var/demo/ledger/charges/_delta_log"
    for _ in range(1200):
        if process.poll() is not None or len(list(commits.glob("*.json"))) > 3:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    assert b"Traceback" not in errors
    done = costd(tmp_path, "demo", "--now", NOW.isoformat())
    assert done.returncode == 0, done.stderr
    monkeypatch.chdir(tmp_path)
    assert stored_totals(Rooms.of(Invocation(config="demo", now=NOW))) == true_totals


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_reset_removes_the_demo_and_nothing_else(here: Path) -> None:
    (here / "var/demo/world").mkdir(parents=True)
    (here / "var/ledger").mkdir()
    assert cli.run(["demo", "reset"]) == 0
    assert sorted(path.name for path in (here / "var").iterdir()) == ["ledger"]


def test_reset_without_a_demo_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["demo", "reset"]) == 0
    assert "nothing to forget" in capsys.readouterr().out
    assert list(here.iterdir()) == []


def test_reset_does_not_follow_a_link(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "precious").mkdir()
    (here / "var").mkdir()
    (here / "var/demo").symlink_to(here / "precious")
    assert cli.run(["demo", "reset"]) == 2
    assert "is a link" in capsys.readouterr().err
    assert (here / "precious").is_dir()


def test_reset_refuses_while_somebody_collects(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rooms = Rooms.of(Invocation(config="demo", now=NOW))
    rooms.state.lease("collect:demo-aws", this_process(), timedelta(minutes=15), NOW)
    assert cli.run(["demo", "--now", NOW.isoformat(), "reset"]) == 1
    assert "being collected" in capsys.readouterr().err
    assert (here / "var/demo").is_dir()


def test_reset_takes_away_a_demo_that_cannot_be_read(here: Path) -> None:
    (here / "var/demo").mkdir(parents=True)
    (here / "var/demo/costd.db").write_bytes(b"this is no database" * 100)
    assert cli.run(["demo", "reset"]) == 0
    assert not (here / "var/demo").exists()


def test_reset_finishes_what_a_crash_left_half_removed(here: Path) -> None:
    (here / "var/.demo-removed/ledger").mkdir(parents=True)
    (here / "var/demo").mkdir()
    assert cli.run(["demo", "reset"]) == 0
    assert list((here / "var").iterdir()) == []
