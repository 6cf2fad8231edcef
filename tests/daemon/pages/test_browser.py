"""The pages in a real browser: what screen readers are told, what axe finds, how narrow they may get."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from door import Site
from uvicorn import Server

from daemon.http.server import server_config

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.peer

GOLDEN = Path(__file__).with_name("golden")
AXE = Path(__file__).parents[2] / "peers" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = {
    "today": "/",
    "costs": "/costs?from=2026-06",
    "costs-by-day": "/costs?from=2026-06-15&to=2026-06-20&step=day&where=team%3Dweb,ml",
    "costs-refused": "/costs?by=nonsense",
    "costs-empty": "/costs?from=2020-01&to=2020-02",
    "sources": "/sources",
    "idle": "gpus:/idle",
    "idle-at-work": "gpus:/idle?verdict=working",
    "idle-empty": "/idle",
}
"""Pages by name; those of the company with GPUs begin with `gpus:`."""

MODES = ("light", "dark")


@pytest.fixture(scope="module")
def served(pages: Site, idle_pages: Site) -> Iterator[dict[str, str]]:
    """The pages on ports of this machine."""
    with serving(pages) as url, serving(idle_pages) as gpus:
        yield {"": url, "gpus": gpus}


@contextmanager
def serving(made: Site) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = Server(server_config(made.app, made.services.settings.http, port=port))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
    listening.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: `make peers` installs it")
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def opened(browser: Any, served: dict[str, str]) -> Iterator[Any]:
    """A function that opens a page; what the browser complains about fails the test."""
    contexts, complaints = [], []

    def open_page(path: str, width: int = 1280, mode: str = "light", **fields: Any) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=mode, reduced_motion="reduce", **fields
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda said: complaints.append(said.text) if "status of 400" not in said.text else None
        )
        company, _, place = path.rpartition(":")
        page.goto(served[company] + place)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_screen_readers_are_told_what_they_were(opened: Any, name: str) -> None:
    told = opened(PAGES[name]).locator("body").aria_snapshot()
    told = "\n".join(_without_places(line) for line in told.splitlines()) + "\n"
    file = GOLDEN / f"{name}.yaml"
    if os.environ.get("COSTD_UPDATE_GOLDEN") == "1":
        file.parent.mkdir(exist_ok=True)
        file.write_text(told, encoding="utf-8")
    assert told == file.read_text(encoding="utf-8"), "if it is meant: COSTD_UPDATE_GOLDEN=1"


def _without_places(line: str) -> str:
    """Leave out what differs from one run to the next: folders and sizes."""
    if "costd 0." in line:
        return line.partition("costd 0.")[0] + "VERSION"
    if "/ledger" in line or "KiB" in line:
        return line[: len(line) - len(line.lstrip())] + "- PLACE"
    return line


@pytest.mark.parametrize(("width", "mode"), [(1280, "light"), (320, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(opened: Any, name: str, width: int, mode: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: `make peers` installs it")
    page = opened(PAGES[name], width, mode)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    told = [(one["id"], one["impact"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]
    assert told == []


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_its_window(opened: Any, name: str, width: int) -> None:
    page = opened(PAGES[name], width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    folder = os.environ.get("COSTD_SCREENSHOTS")
    for mode in MODES if folder else ():
        page.emulate_media(color_scheme=mode)
        page.screenshot(path=f"{folder}/{name}-{width}-{mode}.png", full_page=True)


def test_the_keyboard_goes_where_the_eye_goes(opened: Any) -> None:
    page = opened("/costs?from=2026-06")
    seen, places = [], []
    for _ in range(19):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 24)"))
        box = page.evaluate(
            "(() => { const box = document.activeElement.getBoundingClientRect();"
            " return [Math.round((box.top + scrollY + box.height / 2) / 24), box.left] })()"
        )
        places.append(tuple(box))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", f"no visible focus on {seen[-1]!r}"
    assert seen[:5] == ["Skip to the content", "costd", "Today", "Costs", "Idle"]
    rows = [row for row, _ in places[1:]]
    assert rows == sorted(rows)


def test_the_skip_link_leads_past_the_navigation(opened: Any) -> None:
    page = opened("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_form_makes_a_short_address_and_works_without_the_script(opened: Any) -> None:
    for javascript, wanted in ((True, "/costs?by=provider&step=week"), (False, "step=week")):
        page = opened("/costs", java_script_enabled=javascript)
        page.get_by_label("Group by").select_option("provider")
        page.get_by_label("Step").select_option("week")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**/costs?*")
        assert wanted in page.url
        assert page.get_by_role("table").count() == 1


def test_drilling_down_and_taking_the_filter_off_again(opened: Any) -> None:
    page = opened("/costs?from=2026-06")
    page.get_by_role("rowheader", name="web").get_by_role("link").click()
    page.wait_for_url("**where=team=web*")
    page.get_by_role("link", name="Remove the filter team is web").click()
    page.wait_for_url(lambda url: "where" not in url)


def test_axe_would_find_what_is_wrong(opened: Any) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: `make peers` installs it")
    page = opened("/")
    page.evaluate("document.querySelector('.spark svg').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('html').removeAttribute('lang')")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert {"html-has-lang", "svg-img-alt"} <= {one["id"] for one in found}


def test_on_paper_everything_begins_at_one_edge_and_nothing_offers_a_click(opened: Any) -> None:
    page = opened(PAGES["costs"])
    page.emulate_media(media="print")
    lefts = [page.locator(part).first.bounding_box()["x"] for part in (".brand", "main h1", ".foot p")]
    assert max(lefts) - min(lefts) < 1
    assert not page.locator("a[href='/sign-in']").is_visible()
    assert not page.locator(".foot p").inner_text().rstrip().endswith("·")
