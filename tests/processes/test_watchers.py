"""Watchers and the broker are killed while people look at a console: nothing of it is lost, or read twice."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from albatross.simulator.images import build_image
from tests.processes.deploys import Deploys
from tests.processes.running import Up, wait_for
from unikernels.watcher.shares import RENEWAL

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

EVERY = 0.2  # seconds between two lines
SOME = 20  # lines
TAKEN_OVER = 15.0  # seconds from a kill to the next line that everybody sees


@dataclass
class Viewer:
    """Somebody who looks, and connects again when the stream ends, as browsers do."""

    url: str
    token: str
    seen: list[int] = field(default_factory=list)  # when each line was printed, ms
    came: list[float] = field(default_factory=list)  # when it came
    gaps: int = 0
    _last: str = ""
    _left: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self._left.is_set():
            headers = {"Authorization": f"Bearer {self.token}"} | (
                {"Last-Event-ID": self._last} if self._last else {}
            )
            with (
                contextlib.suppress(requests.RequestException),
                requests.get(self.url, headers=headers, stream=True, timeout=30) as answer,
            ):
                self._read(answer)
            self._left.wait(0.5)

    def _read(self, answer: requests.Response) -> None:
        name = ""
        for line in answer.iter_lines(decode_unicode=True):
            word, _, rest = line.partition(": ")
            if word == "id":
                self._last = rest
            elif word == "event":
                name = rest
                self.gaps += name == "gap"
            elif word == "data" and not name:
                self._note(json.loads(rest))
            elif not line:
                name = ""
            if self._left.is_set():
                return

    def _note(self, line: dict[str, Any]) -> None:
        if line["text"] == "tock":
            self.seen.append(line["ts"])
            self.came.append(time.monotonic())

    def leave(self) -> None:
        self._left.set()

    def sees_more(self) -> None:
        """Wait until so many more lines have come."""
        now = len(self.seen)
        wait_for(lambda: len(self.seen) >= now + SOME, "more lines")

    def longest_silence(self, since: float) -> float:
        """Seconds between two lines that came after *since*."""
        came = [moment for moment in self.came if moment > since]
        return max(later - sooner for sooner, later in zip([since, *came], came, strict=False))


@pytest.fixture
def viewers(up: Up) -> Iterator[tuple[str, list[Viewer]]]:
    """A unikernel that prints five lines a second, and two people who look."""
    deploys = Deploys(up)
    deploys.image = deploys.api.upload(build_image(behaviour={"tick": "tock", "every": EVERY}), "ticking.hvt")
    name = deploys.name()
    assert deploys.end_of(deploys.deploy(name))["state"] == "succeeded"
    (row,) = (one for one in deploys.api.get("/unikernels/", q=name)["items"] if one["name"] == name)
    url = f"{up.url}/unikernels/{row['id']}/console/stream"
    looking = [Viewer(url, deploys.api.token) for _ in range(2)]
    threads = [threading.Thread(target=viewer.look) for viewer in looking]
    for thread in threads:
        thread.start()
    for viewer in looking:
        viewer.sees_more()
    yield name, looking
    for viewer in looking:
        viewer.leave()
    for thread in threads:
        thread.join()


def printed(up: Up, name: str) -> list[int]:
    """When the instance printed each line, ms: what it still keeps once the unikernel is gone."""
    deploys = Deploys(up)
    assert deploys.end_of(deploys.change(name, "destroy"))["state"] == "succeeded"
    kept = up.api().get(f"/instances/demo/consoles/demo:{name}/")["lines"]
    return [int(line["id"].partition("-")[0]) for line in kept if line["text"] == "tock"]


def readers(up: Up, name: str) -> int:
    """How many connections follow this console on the instance now."""
    return int(up.instance("status")["readers"].get(f"demo:{name}", 0))


def kill(up: Up, looking: list[Viewer], program: str) -> None:
    """Kill it, and see that everybody goes on looking soon."""
    killed = time.monotonic()
    up.kill(program)
    for viewer in looking:
        viewer.sees_more()
    silence = max(viewer.longest_silence(killed) for viewer in looking)
    print(f"{program} killed: the longest silence was {silence:.1f} s")
    assert silence < TAKEN_OVER


def test_kills_with_viewers_attached(up: Up, viewers: tuple[str, list[Viewer]]) -> None:
    name, looking = viewers
    assert readers(up, name) == 1
    kill(up, looking, "watcher")
    with up.beside("manage", "watch"):
        time.sleep(RENEWAL.total_seconds() + 1)  # until both know of each other
        kill(up, looking, "watcher")
        assert readers(up, name) == 1
        assert all(viewer.gaps == 0 for viewer in looking)
        assert all(viewer.seen == sorted(set(viewer.seen)) for viewer in looking)  # nothing twice
        kill(up, looking, "broker")
        assert readers(up, name) == 1
    ends = [viewer.seen[-1] for viewer in looking]
    truth = printed(up, name)
    for viewer, end in zip(looking, ends, strict=True):
        expected = [moment for moment in truth if viewer.seen[0] <= moment <= end]
        assert sorted(set(viewer.seen))[: len(expected)] == expected
