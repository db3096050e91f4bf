"""Following a console: through the ASGI callable itself, and once through a real server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.test import Client

from accounts.models import Membership, Role, Team, User
from albatross.models import Instance
from tests.asgi import serving
from tests.cast import ClientOf, TokenOf, client_of, token_of
from tests.fleet.conftest import eventually
from unikernels.consoles import channel, stream, streams
from unikernels.models import Unikernel
from unikernels.redis import connection

__all__ = ["client_of", "token_of"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hello(redis_server: str, robur: Team) -> Unikernel:
    instance = Instance.objects.create(name="earth", address="127.0.0.1:1")
    return Unikernel.objects.create(instance=instance, team=robur, path="robur", name="hello")


class Browser:
    """One request to the callable, as a server would make it."""

    def __init__(self, unikernel: int | str, cookie: str = "", *, after: str = "", **headers: str) -> None:
        given = {"cookie": cookie, "host": "127.0.0.1", **headers}
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "path": f"/unikernels/{unikernel}/console/stream",
            "query_string": f"after={after}".encode() if after else b"",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 4711),
        }
        self.status = 0
        self.text = ""
        self.ended = False
        self._left = asyncio.Event()
        self._news = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message["headers"])
        else:
            self.text += message["body"].decode()
            self.ended = not message.get("more_body", False)
        self._news.set()

    def leave(self) -> None:
        self._left.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until what came so far is as it should be."""
        async with asyncio.timeout(10):
            while not holds():
                await self._news.wait()
                self._news.clear()

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Name and data of each whole event."""
        found = []
        for block in self.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line[1:])
            if "data" in fields:
                found.append((fields.get("event", ""), json.loads(fields["data"])))
        return found

    def texts(self) -> list[str]:
        return [data.get("text", name) for name, data in self.events()]

    def ids(self) -> list[str]:
        return [line.removeprefix("id: ") for line in self.text.split("\n") if line.startswith("id: ")]


@asynccontextmanager
async def served(browser: Browser) -> AsyncIterator[asyncio.Task[None]]:
    """The answer to *browser* under way; after the block the browser has left, and all has ended."""
    task = asyncio.create_task(stream.application(browser.scope, browser.receive, browser.send))
    try:
        yield task
    finally:
        browser.leave()
        async with asyncio.timeout(5):
            await task


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run *story*; whatever it leaves behind is a failure."""

    async def whole() -> None:
        await story()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others, others

    asyncio.run(whole())


def cookie_of(client: Client) -> str:
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


@pytest.fixture
def bobs(client_of: ClientOf, bob: User) -> str:
    """The session of a viewer."""
    return cookie_of(client_of(bob))


def print_(unikernel: Unikernel, *lines: str) -> None:
    streams.append(unikernel.pk, [(1000, line) for line in lines])


later = sync_to_async(print_)


# --- who may -----------------------------------------------------------------------------------------


def status_of(browser: Callable[[], Browser]) -> int:
    """How a request is answered, whether it goes on or not."""
    answered = 0

    async def story() -> None:
        nonlocal answered
        asking = browser()
        async with served(asking):
            await asking.until(lambda: asking.status != 0)
        answered = asking.status

    run(story)
    return answered


def test_a_viewer_may_follow(hello: Unikernel, bobs: str) -> None:
    assert status_of(lambda: Browser(hello.pk, bobs)) == 200


def test_a_token_of_a_viewer_may_follow(hello: Unikernel, alice: User, token_of: TokenOf) -> None:
    token = token_of(alice, Role.VIEWER)
    assert status_of(lambda: Browser(hello.pk, authorization=f"Bearer {token}")) == 200


def test_a_stranger_learns_nothing(hello: Unikernel, client_of: ClientOf, charlie: User) -> None:
    cookie = cookie_of(client_of(charlie))
    assert status_of(lambda: Browser(hello.pk, cookie)) == 404
    assert status_of(lambda: Browser(999_999, cookie)) == 404
    assert streams.wanted() == set()


@pytest.mark.parametrize("cookie", ["", "sessionid=nonsense"])
def test_nobody_is_asked_to_log_in(hello: Unikernel, cookie: str) -> None:
    assert status_of(lambda: Browser(hello.pk, cookie)) == 401


def test_a_wrong_token_is_refused(hello: Unikernel) -> None:
    assert status_of(lambda: Browser(hello.pk, authorization="Bearer mm_x_y")) == 401


def test_somebody_shut_out_is_refused(hello: Unikernel, bob: User, bobs: str) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert status_of(lambda: Browser(hello.pk, bobs)) == 401


@pytest.mark.parametrize("pk", ["x", "", "1/2", "9" * 30])
def test_an_address_that_names_nothing_is_not_found(hello: Unikernel, bobs: str, pk: str) -> None:
    assert status_of(lambda: Browser(pk, bobs)) == 404


def test_only_reading_is_answered(hello: Unikernel, bobs: str) -> None:
    def post() -> Browser:
        browser = Browser(hello.pk, bobs)
        browser.scope["method"] = "POST"
        return browser

    assert status_of(post) == 405


def test_too_many_readers_are_refused(hello: Unikernel, bobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_READERS", 0)
    assert status_of(lambda: Browser(hello.pk, bobs)) == 503


def test_nobody_takes_the_places_of_all_others(
    hello: Unikernel, bobs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MAX_OF_ONE", 0)
    assert status_of(lambda: Browser(hello.pk, bobs)) == 429


def test_a_lost_membership_ends_a_stream(
    hello: Unikernel, bobs: str, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHECK_AGAIN", 0.0)

    def leave_team() -> None:
        Membership.objects.filter(user=bob).delete()
        connections.close_all()

    async def story() -> None:
        browser = Browser(hello.pk, bobs)
        async with served(browser):
            await browser.until(lambda: browser.status == 200)
            await sync_to_async(leave_team)()
            await later(hello, "secret")
            await browser.until(lambda: browser.ended)
            assert "secret" not in browser.text

    run(story)


def test_without_a_broker_it_says_so(hello: Unikernel, bobs: str, settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/socket"
    assert status_of(lambda: Browser(hello.pk, bobs)) == 503


# --- what comes --------------------------------------------------------------------------------------


def test_lines_come_as_they_are_printed(hello: Unikernel, bobs: str) -> None:
    print_(hello, "before")

    async def story() -> None:
        browser = Browser(hello.pk, bobs)
        async with served(browser):
            await browser.until(lambda: browser.texts() == ["before"])
            await later(hello, "one", "two")
            await browser.until(lambda: browser.texts() == ["before", "one", "two"])
        assert browser.headers[b"content-type"].startswith(b"text/event-stream")
        assert browser.events()[0] == ("", {"ts": 1000, "text": "before"})

    run(story)


def test_whoever_follows_says_so(hello: Unikernel, bobs: str) -> None:
    async def story() -> None:
        browser = Browser(hello.pk, bobs)
        async with served(browser):
            await browser.until(lambda: browser.status == 200)
            assert await sync_to_async(streams.wanted)() == {hello.pk}

    run(story)


def test_a_notice_is_an_event_of_its_own(hello: Unikernel, bobs: str) -> None:
    streams.append_notice(hello.pk, datetime(1970, 1, 1, tzinfo=UTC), "evicted")

    async def story() -> None:
        browser = Browser(hello.pk, bobs)
        async with served(browser):
            await browser.until(lambda: browser.events() == [("notice", {"ts": 0, "text": "evicted"})])

    run(story)


def test_nothing_in_a_line_can_end_its_event(hello: Unikernel, bobs: str) -> None:
    nasty = 'data: x\n\nevent: y\r"\\ \u2028 </script>'
    print_(hello, nasty)

    async def story() -> None:
        browser = Browser(hello.pk, bobs)
        async with served(browser):
            await browser.until(lambda: browser.texts() == [nasty])

    run(story)


def test_without_a_place_the_newest_lines_come(hello: Unikernel, bobs: str) -> None:
    print_(hello, *map(str, range(channel.BEGINNING + 50)))

    async def story() -> None:
        browser = Browser(hello.pk, bobs)
        async with served(browser):
            await browser.until(lambda: len(browser.ids()) == channel.BEGINNING)
            assert browser.texts()[0] == "50"

    run(story)


@pytest.mark.parametrize("way", ["last_event_id", "after"])
def test_behind_a_known_line_nothing_is_told_twice(hello: Unikernel, bobs: str, way: str) -> None:
    print_(hello, "one", "two", "three")
    first = streams.newest(hello.pk, 3)[0].id

    async def story() -> None:
        browser = Browser(hello.pk, bobs, **{way: first})
        async with served(browser):
            await browser.until(lambda: browser.texts() == ["two", "three"])

    run(story)


def test_from_the_very_start_on_there_is_no_gap(hello: Unikernel, bobs: str) -> None:
    print_(hello, "one")

    async def story() -> None:
        browser = Browser(hello.pk, bobs, after="0-0")
        async with served(browser):
            await browser.until(lambda: browser.texts() == ["one"])

    run(story)


def test_lines_that_were_lost_leave_a_gap(hello: Unikernel, bobs: str) -> None:
    print_(hello, "one", "two", "three")
    first = streams.newest(hello.pk, 3)[0].id
    connection().xtrim(streams.stream_key(hello.pk), maxlen=1, approximate=False)

    async def story() -> None:
        browser = Browser(hello.pk, bobs, last_event_id=first)
        async with served(browser):
            await browser.until(lambda: browser.texts() == ["gap", "three"])

    run(story)


def test_lines_that_the_instance_forgot_leave_a_gap(hello: Unikernel, bobs: str) -> None:
    print_(hello, "one")
    streams.append_gap(hello.pk, datetime.now(UTC))

    async def story() -> None:
        browser = Browser(hello.pk, bobs)
        async with served(browser):
            await browser.until(lambda: [name for name, _ in browser.events()][-1:] == ["gap"])

    run(story)


def test_after_a_broker_lost_everything_it_begins_anew(hello: Unikernel, bobs: str) -> None:
    print_(hello, "new")

    async def story() -> None:
        browser = Browser(hello.pk, bobs, last_event_id="99999999999999-0")
        async with served(browser):
            await browser.until(lambda: browser.texts() == ["gap", "new"])

    run(story)


@pytest.mark.parametrize("place", ["nonsense", "1", "1-1-1", "-1-0", "9" * 40 + "-0", "\u0661-\u0661"])
def test_a_place_that_is_none_counts_as_none(hello: Unikernel, bobs: str, place: str) -> None:
    print_(hello, "one")

    async def story() -> None:
        browser = Browser(hello.pk, bobs, last_event_id=place)
        async with served(browser):
            await browser.until(lambda: browser.texts() == ["one"])

    run(story)


def test_a_slow_reader_is_told_what_it_missed(
    hello: Unikernel, bobs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "BATCH", 2)
    monkeypatch.setattr(channel, "KEPT", 1)
    print_(hello, "first")

    async def story() -> None:
        browser = Browser(hello.pk, bobs)
        taking = asyncio.Event()
        send = browser.send

        async def slowly(message: Any) -> None:
            await send(message)
            if "two" in browser.text:
                await taking.wait()

        browser.send = slowly  # type: ignore[method-assign]  # a reader that stops to take
        async with served(browser):
            await browser.until(lambda: browser.texts() == ["first"])
            await later(hello, "one", "two")
            await browser.until(lambda: browser.texts()[-1:] == ["two"])
            await later(hello, "lost", "four", "five")
            key = streams.stream_key(hello.pk)
            await sync_to_async(lambda: connection().xtrim(key, maxlen=2, approximate=False))()
            taking.set()
            await browser.until(lambda: browser.texts()[3:] == ["gap", "four", "five"])

    run(story)


def test_silence_is_broken_by_a_comment(hello: Unikernel, bobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "PING", 0.05)

    async def story() -> None:
        browser = Browser(hello.pk, bobs)
        async with served(browser):
            await browser.until(lambda: browser.text.count(": still here\n\n") == 2)
            assert browser.events() == []

    run(story)


# --- how it ends -------------------------------------------------------------------------------------


def test_when_the_reader_leaves_nothing_stays(hello: Unikernel, bobs: str) -> None:
    before = len(connection().client_list())

    async def visit() -> None:
        browser = Browser(hello.pk, bobs)
        async with served(browser):
            await browser.until(lambda: browser.status == 200)

    async def story() -> None:
        for _ in range(20):
            await visit()

    run(story)
    eventually(lambda: len(connection().client_list()) <= before)


def test_a_server_that_ends_takes_its_streams_along(hello: Unikernel, bobs: str) -> None:
    async def story() -> None:
        browser = Browser(hello.pk, bobs)
        task = asyncio.create_task(stream.application(browser.scope, browser.receive, browser.send))
        await browser.until(lambda: browser.status == 200)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(story)


# --- with a real server ------------------------------------------------------------------------------


@pytest.fixture
def server(hello: Unikernel) -> Iterator[str]:
    """The whole application under uvicorn; its address."""
    with serving() as address:
        yield address


def test_a_real_server_streams_and_ends_with_its_streams(server: str, hello: Unikernel, bobs: str) -> None:
    print_(hello, "ready")
    with requests.get(
        f"{server}/unikernels/{hello.pk}/console/stream", headers={"Cookie": bobs}, stream=True, timeout=10
    ) as response:
        lines = response.iter_lines(decode_unicode=True)
        assert next(line for line in lines if line.startswith("data")) == 'data: {"ts":1000,"text":"ready"}'
        print_(hello, "go")
        assert next(line for line in lines if line.startswith("data")) == 'data: {"ts":1000,"text":"go"}'


def test_many_readers_of_a_busy_console_all_get_every_line(server: str, hello: Unikernel, bobs: str) -> None:
    lines = 300
    got: list[list[str]] = []

    def read() -> None:
        url = f"{server}/unikernels/{hello.pk}/console/stream?after=0-0"
        with requests.get(url, headers={"Cookie": bobs}, stream=True, timeout=20) as response:
            found: list[str] = []
            for line in response.iter_lines(decode_unicode=True):
                if line.startswith("data"):
                    found.append(json.loads(line.removeprefix("data: "))["text"])
                if len(found) == lines:
                    break
            got.append(found)

    readers = [threading.Thread(target=read) for _ in range(30)]
    for reader in readers:
        reader.start()
    for number in range(lines):
        print_(hello, str(number))
    for reader in readers:
        reader.join(30)
    assert got == [[str(number) for number in range(lines)]] * 30
    eventually(lambda: stream._readers == 0)
