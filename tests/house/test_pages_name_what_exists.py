"""Files, folders and tests that the pages name are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from acme import Acme
from door import site

CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
FIRST = (
    *("alerts", "attribution", "benchmarks", "collectors", "config", "daemon", "deploy", "docs", "domain"),
    *("ledger", "reaper", "requirements", "tests", ".ci"),
)
PLACE = re.compile(rf"(?P<path>(?:{'|'.join(map(re.escape, FIRST))})/[\w./-]*)(?:::(?P<test>test_\w+))?")
PAGES = ["README.md", "deploy/README.md", *(f"docs/{name}.md" for name in ("architecture", "threat-model"))]


def places(root: Path, page: str) -> Iterator[tuple[str, str | None]]:
    prose = FENCE.sub("", (root / page).read_text(encoding="utf-8"))
    for code in CODE.findall(prose):
        if match := PLACE.fullmatch(code):
            yield match["path"], match["test"]


def missing(root: Path, page: str) -> list[str]:
    found = []
    for path, test in places(root, page):
        file = root / path
        if not file.exists() or (test and f"\ndef {test}(" not in "\n" + file.read_text("utf-8")):
            found.append(f"{path}::{test}" if test else path)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_test_that_a_page_names_exists(root: Path, page: str) -> None:
    assert missing(root, page) == []


def test_the_threat_model_names_a_test_for_every_line_of_defence(root: Path) -> None:
    assert len([test for _, test in places(root, "docs/threat-model.md") if test]) > 30
    text = (root / "docs/threat-model.md").read_text(encoding="utf-8")
    _, *defences = text.split("| threat | defence |")
    for table in defences:
        rows = [row for row in table.partition("\n\n")[0].splitlines()[2:] if row.startswith("|")]
        assert rows
        assert [row for row in rows if row.count("::test_") == 0 or not PLACE.search(row.split("|")[3])] == []


def test_a_name_that_is_gone_is_found(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_x.py").write_text("def test_there() -> None: ...\n", encoding="utf-8")
    page = "`tests/test_x.py::test_there` `tests/test_x.py::test_gone` `ledger/gone.py` `not/ours.py` `a b`\n"
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    assert missing(tmp_path, "page.md") == ["tests/test_x.py::test_gone", "ledger/gone.py"]


def test_the_guards_of_the_door_stand_in_the_order_that_is_told(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = re.search(r"^(\w+(?: -> \w+)+) -> route$", text, re.MULTILINE)
    assert told
    made = site(Acme(folder=tmp_path))
    stand = [guard.cls.__name__ for guard in made.app.user_middleware]
    made.services.close()
    assert told[1].split(" -> ") == stand
