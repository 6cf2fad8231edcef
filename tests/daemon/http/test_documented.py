"""docs/reference/api.md tells every address, every parameter and every error there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from acme import Acme
from door import site

from daemon.http import errors
from daemon.http.counts import EVENTS

CODE = re.compile(r"(?:Refused|_too_large)\(\s*(\d{3}),\s*\"([a-z_]+)\"")
PARAMETER = re.compile(r"parameters\.(?:text|many|choice|count|flag)\(\"([a-z_]+)\"")
SILENT = {("303", "unauthenticated")}  # a redirect to the page that says so


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "reference" / "api.md").read_text(encoding="utf-8")


def sources(root: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in (root / "daemon" / "http").glob("*.py"))


def test_every_error_is_told(root: Path, page: str) -> None:
    told = {
        (status.strip(), code)
        for row in re.findall(r"^\| ([\d, ]+) \| (.+?) \|", page, re.MULTILINE)
        for status in row[0].split(",")
        for code in re.findall(r"`([a-z_]+)`", row[1])
    }
    raised = set(CODE.findall(sources(root)))
    raised |= {(str(status), kind.code) for kind, status in errors._STATUS.items()}
    raised |= {("404", "not_found"), ("405", "method_not_allowed"), ("500", "internal")}
    assert len(raised) > 20
    assert raised - told - SILENT == set()


def test_every_parameter_is_told(root: Path, page: str) -> None:
    names = {name.replace("_", "-") for name in PARAMETER.findall(sources(root))}
    assert {name for name in names if f"`{name}`" not in page} == set()
    assert {"by", "as-of", "periods", "resource", "limit"} <= names


def test_every_address_is_told(acme: Acme, page: str) -> None:
    made = site(acme)
    paths = {route.path for route in made.app.routes if getattr(route, "path", "").startswith("/v1/")}
    assert {path for path in paths if f"`{path}`" not in page} == set()
    made.services.close()


def test_every_event_that_is_counted_can_happen(root: Path) -> None:
    text = sources(root)
    assert {event for event in EVENTS if text.count(f'"{event}"') < 2} == set()
