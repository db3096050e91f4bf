"""What was used, on pages: drawings in rows, charts, and the same in numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from tests.pages.browser import session_of, window
from tests.pages.usage import an_hour_of_use, loops, upgraded
from tests.pages.world import World
from unikernels.models import Unikernel
from unikernels.pages.spark import path_of, spark
from unikernels.statistics.models import Feed
from unikernels.statistics.recent import MINUTES
from unikernels.templatetags.house import mebibytes, per_second, percent

# --- drawings ----------------------------------------------------------------------------------------


def test_a_line_goes_from_left_to_right_and_is_as_high_as_the_most() -> None:
    assert path_of([0.0, 0.5, 1.0], 1.0) == "M0 20.0L2 10.0L4 0.0"


def test_what_is_not_known_is_a_gap_and_a_single_minute_is_still_seen() -> None:
    assert path_of([None, 0.5, None, 0.0, 1.0], 1.0) == "M2 10.0h1M6 20.0L8 0.0"


def test_a_drawing_says_the_same_in_words() -> None:
    drawn = spark((None,) * (MINUTES - 2) + (0.1, 0.3))
    assert 'aria-label="CPU in the last hour: 20 % in the mean, 30 % at the most"' in drawn
    assert drawn.endswith("</svg> 30 %")


def test_of_nothing_there_is_no_drawing() -> None:
    assert spark((None,) * MINUTES) == ""


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0.0 %"), (0.0034, "0.3 %"), (0.12, "12 %"), (12, "1,200 %")]
)
def test_shares_in_words(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(("size", "words"), [(0, "0 B/s"), (812, "812 B/s"), (12_345, "12 kB/s")])
def test_rates_in_words(size: float, words: str) -> None:
    assert per_second(size) == words


def test_memory_in_words_is_counted_as_it_is_given_out() -> None:
    assert mebibytes(32 * 2**20) == "32.0 MB"
    assert mebibytes(11_000) == "10.7 kB"


# --- pages -------------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


@pytest.fixture
def used(world: World) -> World:
    """A world of which the last hour is known."""
    an_hour_of_use([world.web, world.store, world.tunnel], world.now)
    return world


def drawn(page: str) -> Any:
    """What the script of a page draws."""
    found = re.search(r'<script type="application/json">(.*?)</script>', page)
    return json.loads(found[1]) if found else None


@pytest.mark.parametrize("path", ["/", "/unikernels/", "/instances/fra-1/"])
def test_each_row_of_a_list_has_its_drawing(used: World, deployer: Client, path: str) -> None:
    page = deployer.get(path).text
    assert page.count('<svg class="spark"') == 3
    assert "CPU in the last hour:" in page


def test_the_page_of_a_unikernel_has_numbers_and_what_the_script_draws(used: World, deployer: Client) -> None:
    page = deployer.get(f"/unikernels/{used.web.pk}/").text
    assert re.search(r'<th scope="row">CPU</th><td class="num">[\d.]+ %</td>', page)
    assert re.search(r'<th scope="row">Resident memory</th><td class="num">[\d.]+ MB</td>', page)
    data = drawn(page)
    assert 355 <= len(data["times"]) <= 360
    assert [len(line) for line in data["lines"]] == [len(data["times"])] * 4
    assert data["change"] is None
    assert "Before" not in page.partition('id="statistics"')[2].partition("</table>")[0]


def test_a_gap_ends_the_line(used: World, deployer: Client) -> None:
    middle = int((used.now - timedelta(minutes=30)).timestamp())
    used.near.ticks.filter(at__gte=middle, at__lt=middle + 300).delete()
    data = drawn(deployer.get(f"/unikernels/{used.web.pk}/").text)
    assert data["lines"][0].count(None) == 1
    assert 320 <= len(data["times"]) <= 335


def test_before_and_after_an_upgrade_stand_side_by_side(used: World, deployer: Client) -> None:
    upgraded(used.web, used.now)
    page = deployer.get(f"/unikernels/{used.web.pk}/").text
    assert "the upgrade to version 1" in page
    row = re.search(r'<th scope="row">CPU</th>(.*?)</tr>', page)
    assert row is not None
    *_, before, after = [float(number) for number in re.findall(r"([\d.]+) %", row[1])]
    assert after > before
    assert drawn(page)["change"] == int((used.now - timedelta(minutes=20)).timestamp())


def test_of_an_instance_the_sum_is_shown_of_what_one_may_see(
    used: World, deployer: Client, superuser: Client
) -> None:
    an_own = drawn(deployer.get("/instances/fra-1/").text)
    Unikernel.objects.filter(pk=used.tunnel.pk).update(team=None)
    less = drawn(deployer.get("/instances/fra-1/").text)
    assert max(less["lines"][0]) < max(an_own["lines"][0])
    assert drawn(superuser.get("/instances/fra-1/").text)["lines"][0] == an_own["lines"][0]


@pytest.mark.parametrize("asked", ["day", "month", "nonsense"])
def test_another_time_can_be_looked_at(used: World, deployer: Client, asked: str) -> None:
    page = deployer.get(f"/unikernels/{used.web.pk}/?range={asked}").text
    assert (drawn(page)["until"] - drawn(page)["since"] > 3700) is (asked != "nonsense")


def test_a_poll_gets_the_component_and_a_link_the_whole_page(used: World, deployer: Client) -> None:
    for path in (f"/unikernels/{used.web.pk}/", "/instances/fra-1/"):
        part = deployer.get(f"{path}statistics/?range=day", headers={"HX-Request": "true"}).text
        assert part.lstrip().startswith("<section")
        whole = deployer.get(f"{path}statistics/?range=day")
        assert whole.headers["Location"] == f"{path}?range=day#statistics"


def test_strangers_get_nothing(used: World, stranger: Client) -> None:
    for path in (f"/unikernels/{used.web.pk}/statistics/", "/instances/fra-1/statistics/"):
        assert stranger.get(path, headers={"HX-Request": "true"}).status_code == 404


def test_where_nothing_is_known_it_says_so(world: World, deployer: Client) -> None:
    page = deployer.get(f"/unikernels/{world.web.pk}/").text
    assert "Nothing is known of this time." in page
    assert drawn(page) is None


def test_why_nothing_comes_is_told(used: World, deployer: Client) -> None:
    Feed.objects.update(trouble_text="Another reader took it.", trouble_since=used.now)
    for path in (f"/unikernels/{used.web.pk}/", "/instances/fra-1/"):
        assert "Another reader took it." in deployer.get(path).text


def test_a_crash_loop_is_a_badge_and_a_problem(world: World, deployer: Client) -> None:
    loops(world.web, world.now)
    first = deployer.get("/").text
    assert "is in a crash loop: it ends and is started again and again." in first
    assert '<span class="badge bad">crash loop</span>' in deployer.get(f"/unikernels/{world.web.pk}/").text
    assert "static-website" in deployer.get("/unikernels/?state=problems").text
    assert "Its console tells why." in deployer.get(f"/unikernels/{world.web.pk}/").text


# --- in Chromium -------------------------------------------------------------------------------------

Show = Callable[..., Page]


@pytest.fixture
def show(browser: Browser, live_server: Any, dave: User) -> Show:
    """Opens a page as a deployer, and remembers what its scripts complain about."""
    session = session_of(dave)

    def show(path: str, **how: Any) -> Page:
        page = window(browser, live_server.url, session, **how).new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        page.on("console", lambda said: pytest.fail(said.text) if said.type == "error" else None)
        page.goto(live_server.url + path)
        return page

    return show


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_charts_are_drawn_in_both_themes(used: World, show: Show, theme: str) -> None:
    page = show(f"/unikernels/{used.web.pk}/", theme=theme)
    expect(page.locator("#statistics canvas")).to_have_count(3)
    page.wait_for_function(f"({COLOURS})() > 20")  # drawn a moment after the canvas is there


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_another_time_and_another_theme_draw_them_anew(used: World, show: Show) -> None:
    page = show(f"/unikernels/{used.web.pk}/")
    page.click("#statistics >> text=Day")
    expect(page.locator("#statistics a[aria-current]")).to_have_text("Day")
    expect(page.locator("#statistics canvas")).to_have_count(3)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(page.locator("#statistics canvas")).to_have_count(3)
    page.wait_for_function(f"({COLOURS})() > 5")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_pointer_is_told_the_numbers(used: World, show: Show) -> None:
    page = show(f"/unikernels/{used.web.pk}/")
    page.locator("#statistics .u-over").first.hover()
    expect(page.locator("#statistics output").first).to_contain_text("%")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_without_a_script_there_is_the_table(used: World, show: Show) -> None:
    page = show(f"/unikernels/{used.web.pk}/", script=False)
    expect(page.locator("#statistics table")).to_be_visible()
    expect(page.locator("#statistics .charts")).to_be_hidden()
    page.click("#statistics >> text=Day")
    expect(page.locator("#statistics a[aria-current]")).to_have_text("Day")


# How many pixels of the first chart have the colour of its key, more or less.
COLOURS = """() => {
  const figure = document.querySelector("#statistics .chart"), canvas = figure.querySelector("canvas");
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(figure.querySelector(".key")).color;
  probe.fillRect(0, 0, 1, 1);
  const wanted = probe.getImageData(0, 0, 1, 1).data;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 200 && [0, 1, 2].every((part) => Math.abs(data[at + part] - wanted[part]) < 30)) found += 1;
  return found;
}"""
