"""The walls between the rooms hold, and every contract bites when it is broken."""

from __future__ import annotations

import ast
import itertools
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOMS = ("alerts", "attribution", "collectors", "config", "daemon", "domain", "ledger", "reaper")
MIDDLE = ("alerts", "attribution", "collectors", "ledger", "reaper")
SDKS = ("boto3", "kubernetes", "google.cloud.billing", "slack_sdk", "slack_bolt", "httpx2", "sqlalchemy",
        "deltalake", "genai_prices", "pyarrow")  # fmt: skip

BREAKS = {
    "rooms are layers": {"config/broken.py": "import ledger"},
    "domain knows only the standard library and polars": {"domain/broken.py": "import pydantic"},
    "SDKs stay in shells": {"attribution/broken.py": "def f():\n    import boto3"},
    "collectors never see a database": {"collectors/broken.py": "from sqlalchemy import text"},
    "attribution is pure": {"attribution/broken.py": "from pathlib import Path"},
    "deciding never reaches for the hands": {"reaper/broken.py": "from reaper import actuators"},
}


@pytest.fixture
def tree(tmp_path: Path, root: Path) -> Path:
    """A copy of the rooms that a test may break."""
    for room in ROOMS:
        shutil.copytree(root / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def lint(tree: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text + "\n", encoding="utf-8")
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as f; f()",
        "--no-cache",
    ]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def contracts(root: Path) -> list[str]:
    return [contract["name"] for contract in _pyproject(root)["tool"]["importlinter"]["contracts"]]


def test_every_contract_has_a_test_that_breaks_it(root: Path) -> None:
    assert sorted(contracts(root)) == sorted(BREAKS)


def test_the_rooms_keep_every_contract(tree: Path) -> None:
    result = lint(tree, {})
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("contract", BREAKS)
def test_a_contract_bites(tree: Path, contract: str) -> None:
    result = lint(tree, BREAKS[contract])
    assert result.returncode == 1, result.stdout
    assert f"{contract} BROKEN" in result.stdout


def test_no_middle_room_may_import_another(tree: Path) -> None:
    pairs = list(itertools.permutations(MIDDLE, 2))
    result = lint(tree, {f"{a}/broken_{b}.py": f"import {b}" for a, b in pairs})
    missed = [f"{a} -> {b}" for a, b in pairs if f"{a}.broken_{b} -> {b}" not in result.stdout]
    assert missed == []


def test_nothing_below_the_daemon_may_import_upwards(tree: Path) -> None:
    order = [("daemon",), MIDDLE, ("config",), ("domain",)]
    pairs = [
        (low, high) for i, lows in enumerate(order) for low in lows for highs in order[:i] for high in highs
    ]
    result = lint(tree, {f"{low}/broken_{high}.py": f"import {high}" for low, high in pairs})
    missed = [
        f"{low} -> {high}" for low, high in pairs if f"{low}.broken_{high} -> {high}" not in result.stdout
    ]
    assert missed == []


@pytest.mark.parametrize("room", ["domain", "config", "attribution", "reaper", "alerts"])
def test_no_sdk_enters_a_room_that_is_no_shell(tree: Path, room: str) -> None:
    files = {f"{room}/broken_{sdk.split('.')[0]}.py": f"def f():\n    import {sdk}" for sdk in SDKS}
    result = lint(tree, files)
    assert "SDKs stay in shells BROKEN" in result.stdout
    missed = [
        sdk for sdk in SDKS if f"{room} is not allowed to import {sdk.split('.')[0]}" not in result.stdout
    ]
    assert missed == []


def test_actuators_and_channels_may_use_their_sdk(tree: Path) -> None:
    result = lint(
        tree,
        {
            "reaper/actuators/ec2.py": "import boto3",
            "reaper/execute.py": "from reaper.actuators import ec2",
            "alerts/channels/slack.py": "import slack_sdk",
            "alerts/dispatch.py": "from alerts.channels import slack",
        },
    )
    assert result.returncode == 0, result.stdout


def test_the_list_of_what_domain_may_not_import_is_complete(root: Path) -> None:
    every = _pyproject(root)["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in every if contract.get("source_modules") == ["domain"]]
    missing = set(_provided(_declared(root))) - set(contract["forbidden_modules"]) - {"polars"}
    assert missing == set()


def test_rooms_import_only_what_the_project_declares(root: Path) -> None:
    allowed = set(_provided(_declared(root))) | set(sys.stdlib_module_names) | set(ROOMS)
    strays = {
        f"{file.relative_to(root)}: {name}"
        for room in ROOMS
        for file in (root / room).rglob("*.py")
        for name in _imports(file)
        if name not in allowed
    }
    assert strays == set()


def _declared(root: Path) -> set[str]:
    """Names of the distributions that costd asks for, extras included."""
    project = _pyproject(root)["project"]
    lines = itertools.chain(project["dependencies"], *project["optional-dependencies"].values())
    names = {_normal(Requirement(line).name) for line in lines}
    # Halves of what is declared: their parents pin them and document importing from them.
    return names | {"botocore", "markupsafe", "pydantic-core"}


def _pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def _provided(distributions: set[str]) -> list[str]:
    """Top-level names that those distributions bring."""
    owners = packages_distributions()
    return [
        name
        for name, by in owners.items()
        if not name.startswith("_") and distributions & set(map(_normal, by))
    ]


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _imports(file: Path) -> set[str]:
    """Top-level names that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found
