"""Every page is clean before axe-core, no rule disabled: light and dark, wide and narrow.

Also: nothing scrolls sideways, what is pressed is high enough, and neither the content security policy nor
a script complains.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, ConsoleMessage, Page
from playwright.sync_api import TimeoutError as Waited

from accounts.models import User
from tests.pages.browser import NARROW, WIDE, pages, session_of, window
from tests.pages.world import World
from unikernels.models import Freeze

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

# Each theme and each width once; with AXE=all every pair of them. What differs by theme is colour, by width
# where things stand: hardly anything differs by both, and a view of all pages takes a minute.
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
EVERY = [(theme, width) for theme in THEMES for width in (WIDE, NARROW)]
VIEWS = EVERY if os.environ.get("AXE") == "all" else list(zip(THEMES, (WIDE, NARROW), strict=True))
NARROWEST = 320
ISSUER = "http://127.0.0.1:9"  # nobody answers there
OF_AN_ISSUER = {"oidc": "/accounts/oidc/", "oidc-prove": "/accounts/oidc/prove/"}
TOO_SMALL = """[...document.querySelectorAll("button, .button, select, summary, input:not([type=hidden]), textarea")]
    .filter((e) => e.checkVisibility() && !["checkbox", "radio"].includes(e.type))
    .filter((e) => e.getBoundingClientRect().height < 33.5)
    .map((e) => e.outerHTML.slice(0, 80))"""

TOO_WIDE = """[...document.querySelectorAll("main *")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth && !e.closest(".scroll, pre"))
    .map((e) => e.outerHTML.slice(0, 80)).slice(0, 3)"""
OPEN_ALL = "for (const part of document.querySelectorAll('details.disclosure')) part.open = true"
FOUND = "axe.run({resultTypes: ['violations']}).then((results) => results.violations)"


@pytest.fixture
def page(world: World, live_server: Any, browser: Browser, root: User) -> Page:
    """A page in the hands of a superuser; axe-core is in whatever it opens."""
    context = window(browser, live_server.url, session_of(root))
    context.add_init_script(AXE_SCRIPT)
    return context.new_page()


def listen(page: Page, said: list[str]) -> None:
    """Write down what the browser says against our own pages."""

    def console(message: ConsoleMessage) -> None:
        if message.type == "error" and "404" not in message.text:  # there is no stream, and no page /nothing/
            said.append(message.text)

    page.on("console", console)
    page.on("pageerror", lambda error: said.append(str(error)))


def problems(page: Page, name: str) -> list[str]:
    """What axe-core finds on the page, in a line each."""
    return [
        f"{name}: {v['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for v in page.evaluate(FOUND)
        for node in v["nodes"]
    ]


def send(page: Page, button: str) -> None:
    """Press what sends a form, and be on the page that answers: one that is still arriving has nothing to look at."""
    with page.expect_navigation():
        page.click(f"text={button}")


def seen(page: Page, name: str) -> Iterator[str]:
    """What is wrong with the page in each view; it is opened once, and the system changes its theme and width."""
    for theme, width in VIEWS:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 800})
        view = f"{name}, {theme}, {width} wide"
        yield from problems(page, view)
        yield from (f"{view}: not high enough: {element}" for element in page.evaluate(TOO_SMALL))
    page.set_viewport_size({"width": NARROWEST, "height": 800})
    try:  # charts follow a moment later
        page.wait_for_function(f"document.documentElement.scrollWidth <= {NARROWEST}", timeout=2000)
    except Waited:
        yield f"{name}: it scrolls sideways at {NARROWEST} pixels: {page.evaluate(TOO_WIDE)}"


def test_every_page_is_clean_and_the_browser_has_nothing_to_complain_about(
    world: World, live_server: Any, settings: Any, page: Page
) -> None:
    settings.EXAMPLE_IMAGES = True
    settings.OIDC_ISSUER, settings.OIDC_NAME = ISSUER, "Example"
    said: list[str] = []
    found: list[str] = []
    listen(page, said)
    for name, path in (pages(world) | OF_AN_ISSUER).items():
        page.goto(live_server.url + path)
        page.evaluate(OPEN_ALL)
        found += seen(page, name)

    assert "\n".join(found + said) == ""


def test_what_stands_on_a_page_only_sometimes_is_clean_too(
    world: World, root: User, live_server: Any, page: Page
) -> None:
    for team in (None, world.team):
        Freeze.objects.create(team=team, by=root, reason="Moving fra-1 to other hardware")
    found: list[str] = []
    path = f"{live_server.url}/unikernels/{world.web.pk}"
    page.goto(f"{live_server.url}/teams/robur/")
    found += seen(page, "frozen")
    page.goto(f"{path}/checks/add/http/")
    send(page, "Try it now")
    found += seen(page, "refused")
    page.fill("#id_url", "http://127.77.99.99:1/")
    send(page, "Try it now")
    found += seen(page, "tried")
    page.goto(f"{path}/updates/")
    page.click("text=Automatic: it is put")
    page.fill("#id_minutes", "1")
    page.evaluate("document.getElementById('update-mode').noValidate = true")  # the browser would not send it
    send(page, "Save")
    found += seen(page, "wrong")

    assert "\n".join(found) == ""


GUESTS = {
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "password-reset": "/accounts/password/reset/",
    "refused-elsewhere": "/accounts/oidc/callback/?error=access_denied",
    "setup": "/setup/",
}


def test_what_is_seen_before_the_login_is_clean(
    world: World, live_server: Any, settings: Any, browser: Browser
) -> None:
    settings.OIDC_ISSUER, settings.OIDC_NAME, settings.REGISTRATION = ISSUER, "Example", "open"
    context = window(browser, live_server.url, "")
    context.add_init_script(AXE_SCRIPT)
    page, found = context.new_page(), list[str]()
    for name, path in GUESTS.items():
        page.goto(live_server.url + path)
        found += seen(page, name)

    assert "\n".join(found) == ""
