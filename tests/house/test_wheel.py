"""The wheel holds exactly the eight rooms, whole, and nothing that is not meant for others."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOMS = {"alerts", "attribution", "collectors", "config", "daemon", "domain", "ledger", "reaper"}
SECRETS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bxox[abp]-[0-9]{8}"
)
FROM_WHEEL = """
import sys
sys.path.insert(0, sys.argv[1])
from importlib.metadata import entry_points, packages_distributions
import collectors
assert collectors.__file__.startswith(sys.argv[1]), collectors.__file__
owners = packages_distributions()
print(sorted((room, tuple(set(owners[room]))) for room in sys.argv[2].split(",")))
(script,) = entry_points(group="console_scripts", name="costd")
sys.argv = ["costd", "--help"]
script.load()()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, root: Path) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    (path,) = WheelBuilder(str(root)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(path)


def test_its_top_level_names_are_the_rooms(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == ROOMS
    assert len(tops) == len(ROOMS) + 1


def test_it_holds_every_file_of_the_rooms_and_no_other(wheel: zipfile.ZipFile, root: Path) -> None:
    if not (root / ".git").exists():
        pytest.skip("not a git checkout, so it cannot be told which files belong to it")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", *sorted(ROOMS)],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    ours = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert ours == {name for name in listed if (root / name).exists()}


def test_it_carries_no_tests_and_no_secrets(wheel: zipfile.ZipFile) -> None:
    suspects = [
        name for name in wheel.namelist() if re.search(r"(^|/)(tests?/|test_|\.env|id_rsa|.*\.pem$)", name)
    ]
    suspects += [name for name in wheel.namelist() if SECRETS.search(wheel.read(name))]
    assert suspects == []


def test_it_says_its_licence_and_its_python(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = wheel.read(name).decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_no_other_distribution_has_a_package_of_these_names() -> None:
    owners = packages_distributions()
    assert {room: owners[room] for room in ROOMS if set(owners.get(room, ["costd"])) != {"costd"}} == {}


def test_the_command_runs_from_the_wheel_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    result = subprocess.run(
        [sys.executable, "-c", FROM_WHEEL, str(tmp_path / "site"), ",".join(ROOMS)],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    owners, _, help_text = result.stdout.partition("\n")
    assert owners == str(sorted((room, ("costd",)) for room in ROOMS))
    assert "collect" in help_text
