"""Habits that a checker does not know: sizes, words, and reasons beside every exception."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = ("alerts", "attribution", "collectors", "config", "daemon", "domain", "ledger", "reaper")
MAX_FILE = 300
MAX_FUNCTION = 60
MIN_REASON = 10
UNFINISHED = re.compile(
    r"NotImplementedError|\b(TODO|FIXME|XXX|HACK|placeholder|stub(bed)?|simplified|for now)\b"
)
CODES = r"(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[\w\-, ]+\])"
SILENCED = re.compile(rf"#\s*(noqa|type:\s*ignore|pragma: no cover)(?P<codes>{CODES})?(?P<reason>.*)$")


def sources(root: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def test_no_file_is_longer_than_one_can_read_in_a_sitting(root: Path) -> None:
    lines = {
        str(f.relative_to(root)): f.read_text(encoding="utf-8").count("\n") for f in sources(root, *ROOMS)
    }
    assert {name: count for name, count in lines.items() if count > MAX_FILE} == {}


def test_no_function_is_longer_than_a_screen(root: Path) -> None:
    long = [
        f"{file.relative_to(root)}:{node.lineno} {node.name}"
        for file in sources(root, *ROOMS)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION
    ]
    assert long == []


def test_no_word_of_unfinished_work_is_left(root: Path) -> None:
    found = [
        f"{file.relative_to(root)}:{number}"
        for file in sources(root, *ROOMS)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert found == []


def test_every_silenced_checker_has_its_reason_on_the_line(root: Path) -> None:
    bare = [
        f"{file.relative_to(root)}:{number}: {line.strip()}"
        for file in sources(root, *ROOMS, "benchmarks")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (match := SILENCED.search(line)) and len(match["reason"].strip(" #-:")) < MIN_REASON
    ]
    assert bare == []


def test_importing_a_module_does_nothing_visible(root: Path) -> None:
    names = [str(f.relative_to(root)).removesuffix(".py").replace("/", ".") for f in sources(root, *ROOMS)]
    modules = [
        name.removesuffix(".__init__")
        for name in names
        if "migrations" not in name and "__main__" not in name
    ]
    code = f"import importlib\nfor name in {modules!r}:\n    importlib.import_module(name)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, check=False, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("snippet", "rule"),
    [
        ("from datetime import datetime as d\nNOW = d.now()", "TID251"),
        ("from datetime import UTC, datetime\nNOW = datetime.now(tz=UTC)", "TID251"),
        ("from datetime import datetime\nNOW = datetime.utcnow()", "TID251"),
        ("import time as t\nNOW = t.time()", "TID251"),
        ("from time import time\nNOW = time()", "TID251"),
        ("from datetime import datetime\nDAY = datetime(2026, 6, 1)", "DTZ001"),
        ("from datetime import date\nDAY = date.today()", "DTZ011"),
    ],
)
def test_reading_the_time_and_naive_times_are_refused(root: Path, snippet: str, rule: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise", "-"]
    result = subprocess.run(
        [*command, "--stdin-filename", "attribution/broken.py"],
        input=f'"""A module."""\n\n{snippet}\n',
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert rule in result.stdout
