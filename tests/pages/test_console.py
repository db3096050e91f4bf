"""The page of a console: what was printed, as text."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.pages.world import World
from unikernels.consoles import services, streams

NASTY = "</span><script>alert(1)</script>"


@pytest.fixture
def printed(world: World, redis_server: str) -> World:
    """static-website printed two lines, and a watcher follows it."""
    streams.append(world.web.pk, [(1_700_000_000_000, "Hello"), (1_700_000_001_000, NASTY)])
    streams.append_notice(world.web.pk, world.now, "Somebody else reads this console.")
    streams.set_state(world.web.pk, streams.FOLLOWING)
    return world


def test_what_was_printed_is_there_without_javascript(printed: World, viewer: Client) -> None:
    page = viewer.get(f"/unikernels/{printed.web.pk}/console/").text

    assert "22:13:20</time></a><span>Hello</span>" in page
    assert "Somebody else reads this console." in page


def test_nothing_that_was_printed_becomes_markup(printed: World, viewer: Client) -> None:
    page = viewer.get(f"/unikernels/{printed.web.pk}/console/").text

    assert NASTY not in page
    assert "&lt;/span&gt;&lt;script&gt;" in page


def test_a_link_leads_to_one_line(printed: World, viewer: Client) -> None:
    first, second, _ = streams.newest(printed.web.pk, 3)
    assert (
        f'href="?line={first.id}#l-{first.id}"' in viewer.get(f"/unikernels/{printed.web.pk}/console/").text
    )
    page = viewer.get(f"/unikernels/{printed.web.pk}/console/?line={second.id}").text
    assert f'<div class="line here" id="l-{second.id}">' in page
    assert f'id="l-{first.id}"' in page


def test_around_a_line_those_before_and_all_after_it_are_shown(printed: World) -> None:
    streams.append(printed.web.pk, [(1_700_000_002_000, f"line {number}") for number in range(300)])
    lines = streams.newest(printed.web.pk, 1000)
    found = services.around(printed.web, lines[250].id)
    assert [line.id for line in found] == [line.id for line in lines[50:]]


@pytest.mark.parametrize("line", ["1-1", "99999999999999-0", "nonsense", "1-1-1"])
def test_a_line_that_is_not_kept_any_more_is_told(printed: World, viewer: Client, line: str) -> None:
    page = viewer.get(f"/unikernels/{printed.web.pk}/console/?line={line}").text
    assert "is not kept any more" in page
    assert "Hello" in page


def test_lines_are_searched_without_javascript(printed: World, viewer: Client) -> None:
    page = viewer.get(f"/unikernels/{printed.web.pk}/console/?q=HELL").text
    assert "<span><mark>Hell</mark>o</span>" in page
    assert "alert(1)" not in page
    assert f"/unikernels/{printed.web.pk}/console/download/?q=HELL" in page
    assert (
        "No line that is kept has “nope”." in viewer.get(f"/unikernels/{printed.web.pk}/console/?q=nope").text
    )


def test_all_that_is_kept_is_searched(printed: World, viewer: Client) -> None:
    streams.append(printed.web.pk, [(1_700_000_002_000, "more")] * 1_500)
    place = f"/unikernels/{printed.web.pk}/console/"
    assert "Hello" not in viewer.get(place).text
    assert "<mark>Hell</mark>o" in viewer.get(f"{place}?q=HELL").text


def test_what_is_looked_for_becomes_no_markup(printed: World, viewer: Client) -> None:
    page = viewer.get(f"/unikernels/{printed.web.pk}/console/", {"q": "<script>"}).text
    assert "&lt;/span&gt;<mark>&lt;script&gt;</mark>alert" in page


def test_a_console_of_what_does_not_run_says_so(printed: World, viewer: Client) -> None:
    assert "does not run" not in viewer.get(f"/unikernels/{printed.web.pk}/console/").text
    assert "old-blog does not run" in viewer.get(f"/unikernels/{printed.old.pk}/console/").text


def test_following_begins_behind_the_last_line(printed: World, viewer: Client) -> None:
    page = viewer.get(f"/unikernels/{printed.web.pk}/console/").text
    last = streams.newest(printed.web.pk, 1)[0].id

    assert f'data-stream="/unikernels/{printed.web.pk}/console/stream" data-last="{last}"' in page


def test_looking_makes_a_watcher_follow(printed: World, viewer: Client) -> None:
    viewer.get(f"/unikernels/{printed.web.pk}/console/")

    assert streams.wanted() == {printed.web.pk}


def test_all_lines_can_be_taken_away_as_text(printed: World, viewer: Client) -> None:
    response = viewer.get(f"/unikernels/{printed.web.pk}/console/download/")

    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="static-website-console.txt"'
    assert response.text.splitlines()[0] == "2023-11-14T22:13:20.000+00:00 Hello"


def test_those_with_some_words_can_be_taken_away(printed: World, viewer: Client) -> None:
    text = viewer.get(f"/unikernels/{printed.web.pk}/console/download/?q=hello").text
    assert text == "2023-11-14T22:13:20.000+00:00 Hello\n"


def test_without_a_broker_the_page_says_so(
    world: World, viewer: Client, settings: Any, tmp_path: Any
) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"

    response = viewer.get(f"/unikernels/{world.web.pk}/console/")

    assert response.status_code == 200
    assert "the broker does not answer" in response.text


def test_strangers_read_no_console(printed: World, stranger: Client) -> None:
    assert stranger.get(f"/unikernels/{printed.web.pk}/console/").status_code == 404
    assert stranger.get(f"/unikernels/{printed.web.pk}/console/download/").status_code == 404
