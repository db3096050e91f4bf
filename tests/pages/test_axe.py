"""Every page is clean before axe-core, no rule disabled: light and dark, wide and narrow.

Also: nothing scrolls sideways, what is pressed is high enough, and neither the content security policy nor
a script complains.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page

from accounts.models import User
from tests.pages.browser import NARROW, WIDE, pages, session_of, window
from tests.pages.world import World
from unikernels.models import Freeze

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

# Each theme and each width once; with AXE=all every pair of them. What differs by theme is colour, by width
# where things stand: hardly anything differs by both, and a view of all pages takes a minute.
EVERY = [(theme, width) for theme in ("light", "dark") for width in (WIDE, NARROW)]
VIEWS = EVERY if os.environ.get("AXE") == "all" else [("light", WIDE), ("dark", NARROW)]
NARROWEST = 320
TOO_SMALL = """[...document.querySelectorAll("button, .button, select, summary, input:not([type=hidden]), textarea")]
    .filter((e) => e.checkVisibility() && !["checkbox", "radio"].includes(e.type))
    .filter((e) => e.getBoundingClientRect().height < 33.5)
    .map((e) => e.outerHTML.slice(0, 80))"""


OPEN_ALL = "for (const part of document.querySelectorAll('details.disclosure')) part.open = true"

Visit = Callable[..., Iterator[tuple[str, Page]]]


@pytest.fixture
def visit(world: World, root: User, live_server: Any, settings: Any, browser: Browser) -> Visit:
    """Goes through all pages as a superuser; each with its name, everything unfolded."""
    settings.EXAMPLE_IMAGES = True
    session = session_of(root)

    def visit(said: list[str] | None = None, **how: Any) -> Iterator[tuple[str, Page]]:
        page = window(browser, live_server.url, session, **how).new_page()
        if said is not None:
            listen(page, said)
        for name, path in pages(world).items():
            page.goto(live_server.url + path)
            page.evaluate(OPEN_ALL)
            yield name, page

    return visit


def listen(page: Page, said: list[str]) -> None:
    """Write down what the browser says against our own pages."""

    def console(message: ConsoleMessage) -> None:
        if message.type == "error" and "404" not in message.text:  # there is no stream, and no page /nothing/
            said.append(message.text)

    page.on("console", console)
    page.on("pageerror", lambda error: said.append(str(error)))


def problems(page: Page, name: str) -> list[str]:
    """What axe-core finds on the page, in a line each."""
    found = Axe().run(page).response["violations"]
    return [
        f"{name}: {v['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for v in found
        for node in v["nodes"]
    ]


@pytest.mark.parametrize(("theme", "width"), VIEWS)
def test_every_page_is_clean_and_the_browser_has_nothing_to_complain_about(
    visit: Visit, theme: str, width: int
) -> None:
    said: list[str] = []
    found = [line for name, page in visit(said, theme=theme, width=width) for line in problems(page, name)]

    assert "\n".join(found + said) == ""


def test_nothing_scrolls_sideways_at_320_pixels(visit: Visit) -> None:
    widths = {
        name: page.evaluate("document.documentElement.scrollWidth") for name, page in visit(width=NARROWEST)
    }

    assert {name: width for name, width in widths.items() if width > NARROWEST} == {}


def test_what_is_pressed_is_high_enough(visit: Visit) -> None:
    small = {name: page.evaluate(TOO_SMALL) for name, page in visit()}

    assert {name: elements for name, elements in small.items() if elements} == {}


def test_what_stands_on_a_page_only_sometimes_is_clean_too(
    world: World, root: User, live_server: Any, browser: Browser
) -> None:
    for team in (None, world.team):
        Freeze.objects.create(team=team, by=root, reason="Moving fra-1 to other hardware")
    found, path = [], f"{live_server.url}/unikernels/{world.web.pk}"
    for theme in ("light", "dark"):
        page = window(browser, live_server.url, session_of(root), theme=theme, width=NARROW).new_page()
        page.goto(f"{live_server.url}/teams/robur/")
        found += problems(page, "frozen")
        page.goto(f"{path}/checks/add/http/")
        page.click("text=Try it now")
        found += problems(page, "refused")
        page.fill("#id_url", "http://127.77.99.99:1/")
        page.click("text=Try it now")
        found += problems(page, "tried")
        page.goto(f"{path}/updates/")
        page.click("text=Automatic: it is put")
        page.fill("#id_minutes", "1")
        page.click("text=Save")
        found += problems(page, "wrong")

    assert "\n".join(found) == ""
