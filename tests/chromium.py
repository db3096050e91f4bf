"""Which Chromium the tests drive: the system's own, never a download.

That without windows, where Debian has it, opens a page for a quarter of the work.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = ("--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-gpu")


def chromium_path() -> str:
    """The browser's program. Raises ``RuntimeError`` when there is none."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise RuntimeError("Chromium is not installed: apt-get install chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, for a while."""
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []  # root cannot have one
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*sandbox, *_QUIET])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def one_chromium() -> Iterator[Browser]:
    """A browser for the tests of one module: to start one takes longer than most of them."""
    with pytest.MonkeyPatch.context() as patch, chromium() as browser:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's own loop runs in this thread
        yield browser


@pytest.fixture
def browser(one_chromium: Browser) -> Iterator[Browser]:
    """The browser, in which nothing is open."""
    yield one_chromium
    for context in one_chromium.contexts:
        context.close()
