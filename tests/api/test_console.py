"""Reading a console: the newest lines, and where to follow them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.caller import Caller
from tests.api.house import House
from unikernels.consoles import streams

pytestmark = pytest.mark.usefixtures("watched")


def test_the_newest_lines_are_told_oldest_first(house: House, viewer: Caller) -> None:
    lines = [(1_700_000_000_000 + number, f"line {number}") for number in range(5)]
    streams.append(house.unikernel.pk, lines)
    body = viewer.get(f"unikernels/{house.unikernel.pk}/console/", count=2).json()
    assert [line["text"] for line in body["lines"]] == ["line 3", "line 4"]
    assert body["lines"][0]["at"] == "2023-11-14T22:13:20.003000Z"
    assert body["stream"] == f"http://testserver/unikernels/{house.unikernel.pk}/console/stream"


def test_our_words_are_told_from_those_of_the_unikernel(house: House, viewer: Caller) -> None:
    streams.append_notice(house.unikernel.pk, house.unikernel.created_at, "The console is taken.")
    lines = viewer.get(f"unikernels/{house.unikernel.pk}/console/").json()["lines"]
    assert [(line["notice"], line["text"]) for line in lines] == [(True, "The console is taken.")]


def test_a_silent_console_has_no_lines(house: House, viewer: Caller) -> None:
    assert viewer.get(f"unikernels/{house.unikernel.pk}/console/").json()["lines"] == []


def test_looking_is_noticed_by_the_watcher(house: House, viewer: Caller) -> None:
    viewer.get(f"unikernels/{house.unikernel.pk}/console/")
    assert streams.wanted() == {house.unikernel.pk}


@pytest.mark.parametrize("count", [0, -1, streams.MAX_ENTRIES + 1, "many"])
def test_a_senseless_count_is_refused(count: object, house: House, viewer: Caller) -> None:
    answer = viewer.get(f"unikernels/{house.unikernel.pk}/console/", count=count)
    assert answer.status_code == 400


def test_without_a_broker_there_is_a_sentence(house: House, viewer: Caller, settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/at/all"
    answer = viewer.get(f"unikernels/{house.unikernel.pk}/console/")
    assert answer.status_code == 502
    assert "broker" in answer.json()["detail"]


def test_lines_with_some_words_are_found_among_all(house: House, viewer: Caller) -> None:
    lines = [(1_700_000_000_000, "Error: 7")] + [
        (1_700_000_000_000, f"line {number}") for number in range(300)
    ]
    streams.append(house.unikernel.pk, lines)
    path = f"unikernels/{house.unikernel.pk}/console/"
    assert [line["text"] for line in viewer.get(path, q="ERROR", count=10).json()["lines"]] == ["Error: 7"]
    found = viewer.get(path, q="line", count=2).json()["lines"]
    assert [line["text"] for line in found] == ["line 298", "line 299"]
