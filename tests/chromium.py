"""Which Chromium the tests drive: the system's own, never a download."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
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
