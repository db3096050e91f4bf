"""``manage.py console``: lines on stdout, everything else on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.house import House
from tests.commands.conftest import Run
from unikernels.consoles import services, streams
from unikernels.consoles.services import Line
from unikernels.models import Unikernel

AT = 1_700_000_000_000


@pytest.fixture
def console(house: House, redis_server: str) -> Unikernel:
    """A console that a watcher follows, with three lines."""
    streams.set_state(house.unikernel.pk, streams.FOLLOWING)
    streams.append(house.unikernel.pk, [(AT + number, f"line {number}") for number in range(3)])
    return house.unikernel


def test_the_newest_lines_are_told(console: Unikernel, run: Run) -> None:
    ran = run("console", "hello", "--team", "robur", "--count", 2)
    assert ran.code == 0
    assert ran.out.splitlines() == ["2023-11-14 22:13:20 line 1", "2023-11-14 22:13:20 line 2"]
    assert ran.err == ""


def test_scripts_get_one_object_a_line(console: Unikernel, run: Run) -> None:
    lines = [json.loads(line) for line in run("console", "hello", "--json").out.splitlines()]
    assert [line["text"] for line in lines] == ["line 0", "line 1", "line 2"]


def test_our_words_are_talk(console: Unikernel, run: Run) -> None:
    streams.append_notice(console.pk, console.created_at, "The console is taken.")
    ran = run("console", "hello", "--count", 1)
    assert (ran.out, ran.err) == ("", "The console is taken.\n")


def test_without_a_watcher_it_says_so(console: Unikernel, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    streams.clear_state(console.pk)
    monkeypatch.setattr(services, "PATIENCE", 0.0)
    ran = run("console", "hello")
    assert ran.code == 0
    assert "No watcher" in ran.err


def test_following_goes_on_where_the_history_ends(
    console: Unikernel, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = services.follow

    def for_a_while(unikernel: Unikernel, after: str) -> Iterator[Line | None]:
        streams.append(unikernel.pk, [(AT + 5000, "line 3")])
        lines = follow(unikernel, after)
        yield next(lines)
        raise KeyboardInterrupt

    monkeypatch.setattr("unikernels.management.commands.console.follow", for_a_while)
    ran = run("console", "hello", "--count", 1, "--follow")
    assert ran.code == 0
    assert [line[20:] for line in ran.out.splitlines()] == ["line 2", "line 3"]


def test_a_silent_console_is_followed_from_its_first_line(
    console: Unikernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "LISTEN", 0.01)
    lines = services.follow(console, "0-0")
    assert [line.text for line in (next(lines), next(lines), next(lines)) if line] == [
        "line 0",
        "line 1",
        "line 2",
    ]
    assert next(lines) is None


def test_without_a_broker_it_is_an_error(house: House, run: Run, settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/at/all"
    ran = run("console", "hello")
    assert ran.code == 1
    assert "broker" in ran.err
