"""Moving bytes to a block device in Chromium: progress, stopping, cancelling; and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from tests.pages.browser import session_of, window
from tests.pages.storage import MB, Storage
from tests.pages.world import World
from unikernels.models import Block, BlockFile, Operation
from unikernels.operations.facts import Memo

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SLOW = 2 * MB  # bytes a second
Show = Callable[..., Page]


@pytest.fixture
def storage(world: World) -> Storage:
    return Storage(world)


@pytest.fixture
def show(browser: Browser, live_server: Any, dave: User) -> Iterator[Show]:
    """Opens a page as a deployer."""
    session = session_of(dave)

    def show(path: str, **how: Any) -> Page:
        page = window(browser, live_server.url, session, **how).new_page()
        page.goto(live_server.url + path)
        return page

    yield show
    for context in browser.contexts:
        context.close()


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A file of 8 MB."""
    path = tmp_path / "zones.img"
    path.write_bytes(bytes(8 * MB))
    return path


def sends(page: Page, speed: int) -> None:
    """From now on the page sends no faster than so many bytes a second; -1: as fast as it can."""
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": speed},
    )


def test_an_upload_shows_how_far_it_is_and_can_be_stopped_and_sent_again(
    storage: Storage, show: Show, content: Path
) -> None:
    page = show(f"/blocks/{storage.world.spare.pk}/upload/")
    page.set_input_files("#id_file", content)
    expect(page.locator("[data-fits]")).to_contain_text("The file has 8.0 MB; the device has 64.0 MB.")
    sends(page, SLOW)

    page.get_by_role("button", name="Send it here").click()
    expect(page.get_by_text(re.compile(r"^Sending [1-9]\d %$"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()

    expect(page.get_by_role("alert")).to_contain_text("Stopped. Nothing was kept.")
    assert not BlockFile.objects.filter(name="zones.img", size=8 * MB).exists()

    sends(page, -1)
    page.get_by_role("button", name="Send it here").click()
    page.wait_for_url("**/upload/*/")
    assert BlockFile.objects.filter(name="zones.img", size=8 * MB).exists()


def test_that_a_file_does_not_fit_is_said_before_it_is_sent(
    storage: Storage, show: Show, content: Path
) -> None:
    page = show(f"/blocks/{storage.small.pk}/upload/")
    said = page.locator("[data-fits]")
    page.set_input_files("#id_file", content)
    expect(said).to_contain_text("It does not fit.")

    page.select_option("#id_packing", "gzip")

    expect(said).to_contain_text("packed. What is in it is measured when it is here")


@pytest.mark.parametrize("script", [True, False])
def test_from_the_file_to_the_operation_and_its_cancel(
    storage: Storage, show: Show, content: Path, *, script: bool
) -> None:
    spare = storage.world.spare
    page = show(f"/blocks/{spare.pk}/", script=script)
    page.get_by_role("link", name="Upload", exact=True).click()
    page.set_input_files("#id_file", content)
    page.get_by_role("button", name="Send it here").click()
    steps = page.locator(".plans li:visible")
    expect(steps.first).to_contain_text("Read the old content of robur:spare")
    page.get_by_label("Keep the old content first").uncheck()
    expect(steps.first).to_contain_text("is lost: it is not kept")
    page.get_by_role("button", name="Replace what is on it").click()

    page.wait_for_url("**/operations/*/")
    operation = Operation.objects.get(block=spare, finished_at=None)
    assert "dump-first" not in operation.accepted
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_text("Nothing has been sent yet: spare keeps what is on it.")).to_be_visible()
    page.get_by_role("button", name="Cancel it").click()

    expect(page.get_by_text("Cancel is asked for.")).to_be_visible()
    operation.refresh_from_db()
    assert operation.cancel_asked_at is not None


def test_the_page_of_a_device_follows_a_transfer(storage: Storage, show: Show) -> None:
    page = show(f"/blocks/{storage.mail.pk}/")
    expect(page.get_by_text("21.0 MB of 64.0 MB")).to_be_visible()

    further = Memo(file=storage.file.pk, fetched=48 * MB, fetch_size=64 * MB).to_json()
    Operation.objects.filter(pk=storage.moving.pk).update(memo=further)
    expect(page.get_by_text("48.0 MB of 64.0 MB")).to_be_visible()

    Operation.objects.filter(pk=storage.moving.pk).delete()
    Block.objects.filter(pk=storage.mail.pk).update(active=False)
    expect(page.locator("#live .badge").first).to_have_text("free")
    expect(page.get_by_role("link", name="Upload", exact=True)).to_be_visible()
