"""The newcomer's story, in Chromium, on the processes that ``make run`` starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import chromium
from tests.processes.running import EMAIL, PASSWORD, Up

pytestmark = [pytest.mark.processes, pytest.mark.browser, pytest.mark.timeout(300)]

PATIENCE = 40_000  # ms that something on a page may take on a busy machine


@pytest.fixture
def said() -> list[str]:
    """What the console of the browser says: refused scripts, failed requests, errors."""
    return []


@pytest.fixture
def page(up: Up, said: list[str]) -> Iterator[Page]:
    """A window of 1280 x 900."""
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        yield page
        context.close()


def test_from_the_printed_link_to_a_unikernel_that_was_and_is_no_more(
    up: Up, page: Page, said: list[str], tmp_path: Path
) -> None:
    # The link that `make run` prints makes the superuser.
    page.goto(next(line.strip() for line in up.lines if "/setup/?token=" in line))
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, again").fill(PASSWORD)
    page.get_by_role("button", name="Become superuser").click()

    # The overview shows what runs, and the instance is online.
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    for name in ("hello", "web", "dns"):
        expect(page.get_by_role("link", name=name, exact=True).first).to_be_visible()
    page.get_by_role("link", name="Instances").click()
    expect(page.get_by_role("row", name=re.compile("demo.*online"))).to_be_visible()

    # An example image is offered, downloaded, and uploaded.
    page.goto(up.url + "/deploy/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download web-2").click()
    image = tmp_path / download.value.suggested_filename
    download.value.save_as(image)
    form = page.get_by_role("region", name="Upload one")
    form.get_by_label("Team").select_option("demo")
    form.get_by_label("Image").set_input_files(image)
    form.get_by_role("button", name="Upload").click()

    # It needs a network device; the plan says what will be done; it is deployed.
    expect(page.get_by_text("Devices that the image needs")).to_be_visible()
    expect(page.get_by_label(re.compile("service"))).to_be_visible()
    page.get_by_label("Name", exact=True).fill("shop")
    page.get_by_role("button", name="See the plan").click()
    expect(page.get_by_role("heading", name="What will be done")).to_be_visible()
    page.get_by_role("button", name="Deploy", exact=True).click()
    expect(page.locator("#live .badge.ok").first).to_have_text(re.compile("succeeded|running"))

    # Its console shows what it printed, and goes on by itself.
    page.goto(up.url + "/unikernels/")
    page.get_by_role("link", name="shop", exact=True).first.click()
    shop = page.url
    page.get_by_role("link", name="Console", exact=True).click()
    expect(page.locator("#console")).to_contain_text("web 2 is starting")
    expect(page.locator("#console-state")).to_have_text("following")

    # A restart is one click and a confirmation.
    page.goto(shop)
    page.get_by_role("link", name="Restart", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    page.locator("#operation a").click()
    expect(page.locator("#live .verdict")).to_contain_text("shop was restarted and stays up")

    # Other arguments are a new version.
    page.goto(shop)
    page.get_by_role("link", name="Configure", exact=True).click()
    page.get_by_label("Arguments").fill(f"--ipv4={up.network.replace('.0/24', '.77/24')}")
    page.get_by_role("button", name="See the plan").click()
    expect(page.get_by_role("heading", name="What changes")).to_be_visible()
    page.locator("main form button.primary").click()
    expect(page.locator("#live")).to_contain_text("Version 2 of shop runs and stays up")
    page.goto(shop)
    expect(page.locator("main")).to_contain_text(up.network.replace(".0/24", ".77/24"))

    # Destroyed: gone from the instance, its versions are kept.
    page.get_by_role("link", name="Destroy", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Destroy").click()
    expect(page.locator("#live .verdict .badge")).to_have_text("stopped")
    expect(page.locator("#live")).to_contain_text("Nothing of that name runs on demo")
    assert "demo:shop" not in up.instance("status")["running"]
    page.goto(shop)
    expect(page.get_by_role("link", name=re.compile("Deploy this again")).first).to_be_visible()

    # Nothing on the way was refused by the content security policy, and no script failed.
    assert said == []
