"""Pictures of every page: ``python -m tests.pages.screenshots --to FOLDER [--only overview,images]``.

Light and dark at 1280 px, light at 360 px; a database of its own, gone afterwards. To be looked at.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's own loop runs in this thread

import django

django.setup()

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connections
from django.test.testcases import LiveServerThread
from django.test.utils import get_runner, override_settings, setup_test_environment
from playwright.sync_api import Browser

from accounts.actors import SYSTEM
from accounts.models import User
from accounts.services import team_create
from tests.cast import person
from tests.pages.browser import NARROW, WIDE, chromium, pages, session_of, window
from tests.pages.world import World

VIEWS = (("light", WIDE), ("dark", WIDE), ("light", NARROW))
GUEST_PAGES = {"login": "/accounts/login/", "signup": "/accounts/signup/"}


def main() -> None:
    """Read the options, make a world, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--only", default="", help="names of pages, with commas between")
    parser.add_argument("--views", default="", help="for example light-1280,dark-1280")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    setup_test_environment(debug=False)
    with override_settings(EXAMPLE_IMAGES=True, ALLOWED_HOSTS=["*"]):
        runner = get_runner(django.conf.settings)(verbosity=0, interactive=False)
        databases = runner.setup_databases()
        try:
            _take(options, *_world())
        finally:
            runner.teardown_databases(databases)


def _world() -> tuple[World, User, User]:
    alice, root, newcomer = person("alice"), person("root", superuser=True), person("nora")
    return World(team_create(actor=SYSTEM, name="robur", owner=alice), alice), root, newcomer


def _take(options: argparse.Namespace, world: World, root: User, newcomer: User) -> None:
    shared = {alias: connections[alias] for alias in connections if connections[alias].is_in_memory_db()}
    server = LiveServerThread("127.0.0.1", StaticFilesHandler, connections_override=shared)
    for connection in shared.values():
        connection.inc_thread_sharing()
    server.start()
    server.is_ready.wait()
    url = f"http://127.0.0.1:{server.port}"
    wanted = set(filter(None, options.only.split(",")))
    views = set(filter(None, options.views.split(",")))
    sets = ((pages(world), session_of(root)), ({"newcomer": "/"}, session_of(newcomer)), (GUEST_PAGES, ""))
    with chromium() as browser:
        for theme, width in VIEWS:
            if views and f"{theme}-{width}" not in views:
                continue
            for found, session in sets:
                paths = {name: path for name, path in found.items() if not wanted or name in wanted}
                _shoot(browser, url, session, paths, theme, width, options.to)
    server.terminate()


def _shoot(
    browser: Browser, url: str, session: str, paths: dict[str, str], theme: str, width: int, folder: Path
) -> None:
    context = window(browser, url, session, theme=theme, width=width)
    page = context.new_page()
    page.on("console", lambda message: message.type == "error" and print(page.url, message.text))
    for name, path in paths.items():
        page.goto(url + path)
        page.wait_for_timeout(100)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            print(f"{name} scrolls sideways at {width} px")
        page.screenshot(path=folder / f"{name}-{theme}-{width}.png", full_page=True)
    context.close()


if __name__ == "__main__":
    main()
