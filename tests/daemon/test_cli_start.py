"""Starting costs little: `--help` pays for click alone, a command for what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli import COMMANDS

ENGINES = {"polars", "boto3", "botocore", "sqlalchemy", "deltalake", "rich", "pyarrow", "structlog"}
HEAVY = ENGINES | {"pydantic", "ruamel"}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which everything imported once is byte-compiled."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("pyc"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def cpu_seconds(args: list[str], cwd: Path, environment: dict[str, str]) -> float:
    """Give the least CPU time of a few runs, the first of which compiles."""
    best = float("inf")
    for _ in range(6):
        process = subprocess.Popen(args, cwd=cwd, env=environment, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        best = min(best, used.ru_utime + used.ru_stime)
    return best


@pytest.fixture(scope="session")
def slowness(compiled: dict[str, str], root: Path) -> float:
    """How much slower than the machine of the design (8 ms for a bare Python) this one is now."""
    return max(1.0, cpu_seconds([sys.executable, "-c", "pass"], root, compiled) / 0.008)


def imported(root: Path, *args: str) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "daemon", *args],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line for line in result.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


HELP = [[name, "--help"] for part in COMMANDS.values() for name in part]


@pytest.mark.parametrize("args", [["--help"], ["--version"], [], ["config", "check", "--help"], *HELP])
def test_help_loads_nothing_heavy(root: Path, args: list[str]) -> None:
    assert imported(root, *args) & HEAVY == set()


def test_checking_a_configuration_loads_no_engine(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "costd.yaml"
    path.write_text("mode: observe\n", encoding="utf-8")
    assert imported(root, "-c", str(path), "config", "check") & ENGINES == set()


def test_help_takes_less_than_100_ms_of_cpu(root: Path, compiled: dict[str, str], slowness: float) -> None:
    used = cpu_seconds([sys.executable, "-m", "daemon", "--help"], root, compiled)
    assert used < 0.1 * slowness


def test_a_command_takes_less_than_300_ms_of_cpu_before_its_work(
    root: Path, compiled: dict[str, str], slowness: float, tmp_path: Path
) -> None:
    path = tmp_path / "costd.yaml"
    path.write_text("mode: observe\nownership: {keys: {team: [team]}}\n", encoding="utf-8")
    used = cpu_seconds([sys.executable, "-m", "daemon", "-c", str(path), "config", "check"], root, compiled)
    assert used < 0.3 * slowness
