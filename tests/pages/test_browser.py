"""What the scripts add, in Chromium; and that everything works without them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route, expect

from accounts.models import User
from albatross.simulator.images import build_image
from tests.pages.browser import session_of, window
from tests.pages.world import World
from unikernels.models import Check, Operation, TeamImage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Show = Callable[..., Page]


@pytest.fixture
def show(browser: Browser, live_server: Any, dave: User) -> Show:
    """Opens a page as a deployer."""
    session = session_of(dave)

    def show(path: str, **how: Any) -> Page:
        page = window(browser, live_server.url, session, **how).new_page()
        page.goto(live_server.url + path)
        return page

    return show


def theme(page: Page) -> str:
    """The colour scheme that the page really has."""
    return str(page.evaluate("getComputedStyle(document.documentElement).colorScheme"))


def test_the_theme_changes_at_once_and_the_next_page_comes_in_it(world: World, show: Show) -> None:
    page = show("/help/")
    page.click(".menu summary")
    with page.expect_response("**/theme/"):
        page.click("button:has-text('Dark')")
    assert theme(page) == "dark"

    page.goto(page.url)

    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert theme(page) == "dark"


def test_a_restart_is_one_click_and_a_confirmation_by_keyboard_too(world: World, show: Show) -> None:
    page = show(f"/unikernels/{world.web.pk}/")
    page.get_by_role("link", name="Restart", exact=True).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()

    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert not Operation.objects.filter(unikernel=world.web).exists()

    page.get_by_role("link", name="Restart", exact=True).click()
    dialog.get_by_role("button", name="Restart").click()

    expect(page.locator("#live .badge").first).to_have_text("restarting")
    assert Operation.objects.get(unikernel=world.web).kind == "restart"


def test_without_javascript_the_confirmation_is_a_page(
    world: World, browser: Browser, live_server: Any, dave: User
) -> None:
    page = window(browser, live_server.url, session_of(dave), script=False).new_page()
    page.goto(f"{live_server.url}/unikernels/{world.web.pk}/")
    page.get_by_role("link", name="Destroy", exact=True).click()

    page.get_by_role("button", name="Destroy").click()

    expect(page.locator("#live .badge").first).to_have_text("destroying")


def test_a_double_click_asks_once(world: World, show: Show) -> None:
    page = show(f"/unikernels/{world.web.pk}/restart/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)

    page.get_by_role("button", name="Restart").dblclick()
    page.wait_for_url(f"**/unikernels/{world.web.pk}/")

    assert len(asked) == 1


def test_the_page_of_an_operation_follows_it_to_its_end_and_rests(world: World, show: Show) -> None:
    page = show(f"/operations/{world.busy.pk}/")
    expect(page.locator(".verdict .badge")).to_have_text("under way")

    Operation.objects.filter(pk=world.busy.pk).update(state="succeeded", finished_at=timezone.now())

    expect(page.locator(".verdict .badge")).to_have_text("succeeded")
    expect(page.locator("#cancel")).to_have_count(0)
    expect(page.locator("nav .count")).to_have_count(0)
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url))
    page.wait_for_timeout(2500)  # longer than a poll's interval
    assert polls == []


def test_the_page_of_a_unikernel_shows_its_buttons_again_when_the_operation_ended(
    world: World, show: Show
) -> None:
    page = show(f"/unikernels/{world.tunnel.pk}/")
    expect(page.locator("#live .badge").first).to_have_text("configuring")

    Operation.objects.filter(pk=world.busy.pk).update(state="succeeded", finished_at=timezone.now())

    expect(page.locator("#live .badge").first).to_have_text("running")


def test_the_overview_refreshes_itself(world: World, show: Show) -> None:
    page = show("/")
    expect(page.get_by_text("Running now")).to_be_visible()

    Operation.objects.filter(pk=world.busy.pk).update(state="succeeded", finished_at=timezone.now())

    expect(page.get_by_text("Running now")).to_have_count(0, timeout=15_000)


@pytest.mark.parametrize("script", [True, False])
def test_an_image_is_uploaded_and_leads_on_to_the_plan(
    world: World, browser: Browser, live_server: Any, dave: User, tmp_path: Path, *, script: bool
) -> None:
    image = tmp_path / "shop.hvt"
    image.write_bytes(build_image(devices=[("service", "net")], padding=3_000_000))
    page = window(browser, live_server.url, session_of(dave), script=script).new_page()
    page.goto(f"{live_server.url}/deploy/")
    page.get_by_label("Team", exact=True).nth(1).select_option("robur")
    page.set_input_files("#id_file", image)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/deploy/robur/*/")
    page.fill("#id_name", "shop")
    page.get_by_role("button", name="See the plan").click()
    expect(page.get_by_text("What will be done")).to_be_visible()

    page.get_by_role("button", name="Deploy").click()

    page.wait_for_url("**/operations/*/")
    assert TeamImage.objects.filter(name="shop.hvt", team=world.team).exists()
    assert Operation.objects.filter(unikernel__name="shop").exists()


def test_a_refused_upload_says_why_where_it_was_asked_for(world: World, show: Show, tmp_path: Path) -> None:
    wrong = tmp_path / "notes.txt"
    wrong.write_text("no image")
    page = show("/images/")
    page.set_input_files("#id_file", wrong)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("alert")).to_contain_text("notes.txt is not taken")
    assert page.url.endswith("/images/")


def test_the_bars_follow_what_is_typed(world: World, show: Show) -> None:
    page = show(f"/deploy/robur/{world.web_image.image.digest}/")
    page.fill("#id_memory", "132")
    page.locator("#id_memory").press("Tab")

    expect(page.locator("#meters")).to_contain_text("484 / 1,024 MB")


def test_the_list_narrows_while_one_types(world: World, show: Show) -> None:
    page = show("/unikernels/")
    page.locator("#q").press_sequentially("dns")

    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=dns"))


# --- the console -------------------------------------------------------------------------------------

STREAM = """retry: 60000

id: 1-0
data: {"ts": 1700000000000, "text": "</span><img src=x onerror=alert(1)>"}

event: notice
id: 2-0
data: {"ts": 1700000001000, "text": "Somebody else reads this console."}

event: gap
data: {}

"""


def console_of(world: World, show: Show, stream: str) -> Page:
    """The page of a console that reads *stream*."""
    page = show("/help/")

    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="text/event-stream", body=stream)

    page.route("**/console/stream*", answer)
    page.goto(page.url.replace("/help/", f"/unikernels/{world.web.pk}/console/"))
    return page


def test_lines_come_as_text_with_notices_and_gaps(world: World, show: Show, redis_server: str) -> None:
    page = console_of(world, show, STREAM)
    lines = page.locator("#console .line")

    expect(lines).to_have_count(3)
    expect(lines.nth(0)).to_contain_text("<img src=x onerror=alert(1)>")
    expect(lines.nth(0).locator("time")).to_have_text("22:13:20")
    expect(page.locator("#console img")).to_have_count(0)
    expect(lines.nth(1)).to_have_class("line gap")
    expect(lines.nth(2)).to_contain_text("Lines are missing here")
    expect(page.locator("#console-state")).to_have_text("connecting again")


def test_a_flood_of_lines_keeps_the_newest_five_thousand(world: World, show: Show, redis_server: str) -> None:
    flood = "".join(f'id: {n}-0\ndata: {{"ts": 1700000000000, "text": "line {n}"}}\n\n' for n in range(6000))
    page = console_of(world, show, f"retry: 60000\n\n{flood}")
    lines = page.locator("#console .line")

    expect(lines).to_have_count(5000)
    expect(lines.last).to_contain_text("line 5999")


def test_the_search_shows_only_lines_with_it(world: World, show: Show, redis_server: str) -> None:
    page = console_of(world, show, STREAM)
    expect(page.locator("#console .line")).to_have_count(3)
    page.fill("#search", "SOMEBODY")

    expect(page.locator("#console .line:visible")).to_have_count(1)


def test_paused_nothing_moves_and_nothing_is_lost(world: World, show: Show, redis_server: str) -> None:
    page = show("/help/")
    begun: list[Route] = []
    page.route("**/console/stream*", lambda route: begun.append(route))  # noqa: PLW0108 - no builtins
    page.goto(page.url.replace("/help/", f"/unikernels/{world.web.pk}/console/"))
    page.click("#pause")
    begun[0].fulfill(status=200, content_type="text/event-stream", body=STREAM)
    expect(page.locator("#console-state")).to_have_text("connecting again")
    expect(page.locator("#console .line:not([data-empty])")).to_have_count(0)

    page.click("#pause")

    expect(page.locator("#console .line")).to_have_count(3)


# --- checks, updates ---------------------------------------------------------------------------------


def test_the_openings_follow_the_form_while_it_is_filled_in(world: World, show: Show) -> None:
    page = show(f"/unikernels/{world.web.pk}/updates/")
    expect(page.locator("#openings")).not_to_contain_text("Asia/Tokyo")

    page.fill("#id_zone", "Asia/Tokyo")

    expect(page.locator("#openings")).to_contain_text("In Asia/Tokyo")
    expect(page.locator("#id_zone")).to_be_focused()


def test_without_javascript_the_openings_come_by_a_button(
    world: World, browser: Browser, live_server: Any, dave: User
) -> None:
    page = window(browser, live_server.url, session_of(dave), script=False).new_page()
    page.goto(f"{live_server.url}/unikernels/{world.web.pk}/updates/")
    page.fill("#id_zone", "Asia/Tokyo")
    page.get_by_role("button", name="Show them").click()

    expect(page.locator("#openings")).to_contain_text("In Asia/Tokyo")
    expect(page.locator("#id_zone")).to_have_value("Asia/Tokyo")


def test_the_card_of_checks_shows_the_next_state_by_itself(world: World, show: Show) -> None:
    page = show(f"/unikernels/{world.web.pk}/")
    row = page.locator(f"#checks tr:has(#check-{world.up.pk})")
    expect(row.locator(".badge")).to_have_text("up")

    Check.objects.filter(pk=world.up.pk).update(state=Check.State.DOWN)

    expect(row.locator(".badge")).to_have_text("down", timeout=15_000)


def test_a_check_is_tried_refused_and_added(world: World, show: Show, simulated_network: str) -> None:
    page = show(f"/unikernels/{world.store.pk}/")
    page.get_by_role("link", name="Add TCP check").click()
    expect(page.get_by_label("Address")).to_have_value("10.0.0.2:443")

    page.get_by_role("button", name="Try it now").click()
    expect(page.get_by_role("alert")).to_contain_text("A superuser can allow it")

    with socket.create_server((simulated_network.replace("0/24", "204"), 0)) as server:
        host, port = server.getsockname()
        page.get_by_label("Address").fill(f"{host}:{port}")
        page.get_by_role("button", name="Try it now").click()
        expect(page.get_by_text("Tried once: passed")).to_be_visible()

    page.get_by_role("button", name="Add the check").click()
    expect(page.locator("#checks")).to_contain_text(f"{host}:{port} takes connections")
