"""What the pages say is there is there, and what is there has a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import reference

from alerts.channels import CHANNELS
from collectors import COLLECTORS, type_of
from daemon.cli import COMMANDS
from reaper.actuators import ACTUATORS

LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"(?:\$ )?(?:\S*/)?costd(?: -c \S+)? (?P<name>[a-z][a-z-]*)")


def pages(root: Path) -> list[Path]:
    return [root / "README.md", root / "CHANGELOG.md", *sorted((root / "docs").rglob("*.md"))]


def links(page: Path) -> Iterator[tuple[str, str]]:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for match in LINK.finditer(prose):
        target, _, anchor = match["target"].partition("#")
        if "://" not in target:
            yield target, anchor


def anchors(page: Path) -> set[str]:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+\s+(.*?)\s*$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_link_between_pages_leads_somewhere(root: Path) -> None:
    broken = []
    for page in pages(root):
        for target, anchor in links(page):
            goal = (page.parent / target).resolve() if target else page
            if not goal.exists() or (anchor and goal.suffix == ".md" and anchor not in anchors(goal)):
                broken.append(f"{page.relative_to(root)} -> {target}#{anchor}")
    assert broken == []


def test_every_page_is_reached_from_the_index(root: Path) -> None:
    seen: set[Path] = set()
    open_ends = [root / "docs" / "index.md"]
    while open_ends:
        page = open_ends.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        open_ends += [(page.parent / target).resolve() for target, _ in links(page) if target]
    assert set((root / "docs").rglob("*.md")) - seen == set()


@pytest.mark.parametrize("command", [name for part in COMMANDS.values() for name in part])
def test_every_command_has_its_place_in_the_reference(root: Path, command: str) -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in (root / "docs" / "reference").glob("*.md"))
    assert re.search(rf"^#+ .*costd {command}\b", text, re.MULTILINE), f"no heading `costd {command}`"


def test_the_page_of_the_commands_is_as_the_program_is(root: Path) -> None:
    stored = (root / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert stored == reference.commands(), "run `make pages`"


def calls(page: Path) -> Iterator[str]:
    """Commands that a page shows as code, by their name."""
    text = page.read_text(encoding="utf-8")
    code = [line for fence in FENCE.findall(text) for line in fence.splitlines()]
    code += re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    for line in code:
        if match := CALL.match(line.strip()):
            yield match["name"]


def test_pages_name_no_command_that_does_not_exist(root: Path) -> None:
    known = {name for part in COMMANDS.values() for name in part}
    # Settings may already say which later command will read them.
    named = {page for page in pages(root) if page.name != "settings.md"}
    unknown = {f"{page.relative_to(root)}: costd {name}" for page in named for name in calls(page)}
    assert {line for line in unknown if line.split()[-1] not in known} == set()


def test_every_page_that_the_program_names_exists(root: Path) -> None:
    rooms = ("alerts", "attribution", "collectors", "config", "daemon", "domain", "ledger", "reaper")
    text = "\n".join(
        file.read_text(encoding="utf-8") for room in rooms for file in (root / room).rglob("*.py")
    )
    named = set(re.findall(r"docs/[a-zA-Z0-9_/-]+\.md", text))
    assert {page for page in named if not (root / page).exists()} == set()


@pytest.mark.parametrize("plugin", [*COLLECTORS, *ACTUATORS, *CHANNELS])
def test_every_plugin_has_a_page(root: Path, plugin: str) -> None:
    kind = type_of(plugin)
    asked = re.compile(rf"type: {kind}\b|channel kind `{kind}`")
    assert [page for page in (root / "docs").rglob("*.md") if asked.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("target", ["run", "test", "check", "lock", "bench", "soak", "peers"])
def test_every_target_of_make_says_what_it_does(root: Path, target: str) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:.*## \S", makefile, re.MULTILINE)


def test_the_first_screen_has_what_a_stranger_needs(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    for needed in ("make run", "make test", "What it will never do", "Never run against the real service"):
        assert needed in text
