"""What is under way is followed: its steps show as they are written, and without a stream by asking again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.actors import SYSTEM
from accounts.events import record
from accounts.models import User
from tests.asgi import serving
from tests.pages.browser import session_of, window
from tests.pages.world import World
from unikernels.models import Operation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ONLY_NEWS = """document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.requestConfig.triggeringEvent) event.preventDefault();
})"""


@pytest.fixture
def page(world: World, browser: Browser, dave: User) -> Iterator[Page]:
    """A window on the real server."""
    with serving() as address:
        context = window(browser, address, session_of(dave), streams=True)
        page = context.new_page()
        page.goto(f"{address}/help/")
        yield page
        context.close()


def go(page: Page, path: str) -> None:
    """To a page that never asks by itself."""
    page.evaluate("path => location.assign(path)", path)
    page.wait_for_url(f"**{path}")
    page.evaluate(ONLY_NEWS)


def end(operation: Operation) -> None:
    Operation.objects.filter(pk=operation.pk).update(state="succeeded", finished_at=timezone.now())


def test_each_step_shows_when_it_is_written_and_the_end_too(world: World, page: Page) -> None:
    go(page, f"/operations/{world.busy.pk}/")
    timeline = page.locator("section", has=page.locator("#timeline"))

    subject, reason = f"unikernel:{world.tunnel.pk}", "the disc is full"
    record(actor=SYSTEM, kind="operation.waits", subject=subject, reason=reason, operation=world.busy.pk)
    expect(timeline).to_contain_text("the disc is full")

    end(world.busy)
    expect(page.locator("#live .badge").first).to_have_text("succeeded")


def test_the_page_of_the_unikernel_follows_too_and_is_whole_again_after_the_end(
    world: World, page: Page
) -> None:
    go(page, f"/unikernels/{world.tunnel.pk}/")
    end(world.busy)

    expect(page.locator("#live .badge").first).to_have_text("running")
    expect(page.locator("#live [data-follow]")).to_have_count(0)
