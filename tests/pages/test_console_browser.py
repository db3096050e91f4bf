"""Two people look at one console in Chromium, on a real server with real streams."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from tests.asgi import serving
from tests.pages.browser import session_of, window
from tests.pages.world import World
from unikernels.consoles import channel, streams
from unikernels.redis import connection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Look = Callable[..., Page]


class Wire:
    """A way to the server that can be cut and mended."""

    def __init__(self, server: str) -> None:
        place = urlsplit(server)
        self._server = str(place.hostname), place.port
        self._open: list[socket.socket] = []
        self._mended = threading.Event()
        self._mended.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection breaks, and no new one is made."""
        self._mended.clear()
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """All is well again."""
        self._mended.set()

    def close(self) -> None:
        self.cut()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                if not self._mended.is_set():
                    client.close()
                    continue
                server = socket.create_connection(self._server)
                self._open += (client, server)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def look(world: World, browser: Browser, redis_server: str, dave: User) -> Iterator[Look]:
    """Opens the console of web in a window of its own; *through* another address."""
    session = session_of(dave)
    say(world, "hello")
    streams.set_state(world.web.pk, streams.FOLLOWING)
    with serving() as address:

        def look(through: Wire | None = None) -> Page:
            url = through.url if through else address
            page = window(browser, url, session, streams=True).new_page()
            page.goto(f"{url}/unikernels/{world.web.pk}/console/")
            expect(page.locator("#console-state")).to_have_text("following")
            return page

        look.address = address  # type: ignore[attr-defined]  # for those who make a wire
        yield look


@pytest.fixture
def wire(look: Look) -> Iterator[Wire]:
    """A way to the server that can be cut."""
    wire = Wire(look.address)  # type: ignore[attr-defined]  # it has one
    yield wire
    wire.close()


def say(world: World, *texts: str) -> None:
    streams.append(world.web.pk, [(1_700_000_000_000, text) for text in texts])


def texts(page: Page) -> list[str]:
    return page.locator("#console .line:visible > span:last-child").all_inner_texts()


def test_who_lost_the_connection_comes_back_without_loss(world: World, look: Look, wire: Wire) -> None:
    one, other = look(through=wire), look()
    say(world, "both see this")
    for page in (one, other):
        expect(page.locator("#console")).to_contain_text("both see this")

    wire.cut()
    expect(one.locator("#console-state")).to_have_text("connecting again")
    missed = [f"line {number}" for number in range(300)]
    say(world, *missed)
    expect(other.locator("#console")).to_contain_text("line 299")
    assert "line 0" not in texts(one)

    wire.mend()
    expect(one.locator("#console")).to_contain_text("line 299", timeout=15_000)
    assert texts(one) == texts(other) == ["hello", "both see this", *missed]


def test_what_was_lost_is_seen(world: World, look: Look, wire: Wire) -> None:
    page = look(through=wire)
    wire.cut()
    expect(page.locator("#console-state")).to_have_text("connecting again")
    say(world, "lost", "kept")
    connection().xtrim(streams.stream_key(world.web.pk), maxlen=1, approximate=False)
    wire.mend()
    expect(page.locator("#console")).to_contain_text("kept", timeout=15_000)
    assert [text.partition(":")[0] for text in texts(page)] == ["hello", "Lines are missing here", "kept"]


def test_nothing_is_lost_while_it_is_paused(world: World, look: Look) -> None:
    page = look()
    page.get_by_role("button", name="Pause").click()
    say(world, *(f"line {number}" for number in range(channel.BATCH + 50)))
    page.wait_for_timeout(500)
    assert texts(page) == ["hello"]
    page.get_by_role("button", name="Follow").click()
    expect(page.locator("#console")).to_contain_text(f"line {channel.BATCH + 49}")
    assert len(texts(page)) == channel.BATCH + 51


def test_lines_are_searched_marked_and_linked_to(world: World, look: Look) -> None:
    page = look()
    page.keyboard.press("/")
    page.keyboard.type("ERR")
    say(world, "fine", "an Error: <b>7</b> errors", "last")
    expect(page.locator("#console .line:visible")).to_have_count(1)
    assert page.locator("#console .line:visible mark").all_inner_texts() == ["Err", "err"]
    assert "?q=ERR" in str(page.locator("#download").get_attribute("href"))
    page.keyboard.press("Escape")
    expect(page.locator("#console .line:visible")).to_have_count(4)
    expect(page.locator("#console .line:visible mark")).to_have_count(0)

    page.locator("#console .line", has_text="Error").get_by_role("link").click()
    here = page.locator("#console .here")
    expect(here).to_contain_text("an Error: <b>7</b> errors")
    expect(here).to_be_in_viewport()

    page.keyboard.press("/")
    page.keyboard.type("error")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"\?q=error"))
    expect(page.locator("#console .line:visible")).to_have_count(1)


def test_a_long_console_stays_small(world: World, look: Look) -> None:
    page = look()
    page.evaluate(
        """() => { for (let n = 0; n < 15_000; n++) {
            take({ ts: 1_700_000_000_000 + n, text: `line ${n}`, id: `${n}-0` });
            if (n % 3000 === 0) draw();
        } draw(); }"""
    )
    assert page.locator("#console .line").count() == 5000
    assert page.evaluate("waiting.length") == 0
    assert page.locator("#console .line").last.inner_text().endswith("line 14999")
