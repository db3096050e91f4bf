"""How things are put into words: ages, sizes, states, events."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from unikernels.pages.words import happening, state_badge
from unikernels.templatetags import house


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (86_400 * 12, "12 d"),
    ],
)
def test_a_span_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert house.span(seconds) == words


def test_an_age_has_the_exact_moment_on_hover() -> None:
    moment = timezone.now() - timedelta(minutes=3, seconds=1)

    words = house.age(moment)

    assert ">3 min ago</time>" in words
    assert f'title="{moment:%Y-%m-%d %H:%M:%S} UTC"' in words
    assert house.age(None) == "never"


@pytest.mark.parametrize(
    ("size", "words"),
    [(1, "0.1 kB"), (812, "0.8 kB"), (9_999, "10.0 kB"), (812_345, "812 kB"), (5_300_000, "5.3 MB")],
)
def test_sizes_are_told_in_units_of_people(size: int, words: str) -> None:
    assert house.filesize(size) == words


def test_a_digest_shows_eight_digits_and_keeps_the_rest_for_the_hover() -> None:
    digest = "0123456789abcdef" * 4

    assert house.short(digest) == f'<code title="{digest}">01234567</code>'


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "00:00"), (41, "00:41"), (3599, "59:59"), (3725, "1:02:05"), (-5, "00:00")]
)
def test_durations_look_like_a_clock(seconds: int, words: str) -> None:
    assert house.lasted(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("numbers", "words"), [((), "none"), ((0,), "0"), ((3, 1, 2, 8), "1-3, 8"), ((0, 2), "0, 2")]
)
def test_cpu_ids_are_told_as_ranges(numbers: tuple[int, ...], words: str) -> None:
    assert house.ranges(numbers) == words


@pytest.mark.parametrize(
    ("facts", "word", "tone"),
    [
        ({}, "running", "ok"),
        ({"state": "new"}, "not seen yet", "idle"),
        ({"state": "stopped"}, "stopped", "idle"),
        ({"state": "missing"}, "missing", "bad"),
        ({"unstable": True}, "unstable", "bad"),
        ({"changed_outside": True}, "changed outside", "warn"),
        ({"unstable": True, "changed_outside": True}, "unstable", "bad"),
        ({"stale": True}, "last seen 2 min ago", "idle"),
        ({"stale": True, "seen_at": None}, "never seen", "idle"),
        ({"stale": True, "state": "missing"}, "missing", "bad"),
        ({"state": "missing", "ran": False}, "deploy failed", "bad"),
        ({"state": "missing", "under_way": "deploy"}, "deploying", "busy"),
        ({"stale": True, "under_way": "restart"}, "restarting", "busy"),
        ({"check_down": True}, "check down", "bad"),
        ({"check_down": True, "changed_outside": True}, "check down", "bad"),
        ({"check_down": True, "unstable": True}, "unstable", "bad"),
        ({"check_down": True, "state": "stopped"}, "stopped", "idle"),
    ],
)
def test_one_badge_tells_what_matters_most(facts: dict[str, object], word: str, tone: str) -> None:
    given = {
        "state": "running",
        "unstable": False,
        "changed_outside": False,
        "under_way": None,
        "seen_at": timezone.now() - timedelta(minutes=2),
        "stale": False,
        "ran": True,
    }
    badge = state_badge(**(given | facts))  # type: ignore[arg-type]  # a table of any fields

    assert (badge.word, badge.tone) == (word, tone)


def test_an_end_is_told_by_its_word_and_tone() -> None:
    event = Event(kind="operation.state", was="prove", now="aborted", reason="No quota.", credential="system")

    told = happening(event)

    assert (told.text, told.tone, told.reason, told.who) == (
        "Aborted: nothing was touched",
        "warn",
        "No quota.",
        "",
    )


def test_an_event_without_words_of_its_own_is_told_by_its_kind() -> None:
    event = Event(kind="quota.granted", was="", now="", credential="command")

    assert happening(event).text == "Quota granted"
    assert happening(event).who == "an operator"
