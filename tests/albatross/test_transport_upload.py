"""Uploads over real sockets: what crossed the commit point, and what an early answer means."""

from __future__ import annotations

import contextlib
import select
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from albatross.address import Address
from albatross.errors import (
    TimedOut,
)
from albatross.framing import frame
from albatross.transport import Connection, Effect, Guard, Limits
from tests.albatross.connecting import ANSWER, CHUNK, LIMITS, UNKNOWN_OUTCOME, connect, fill, say_nothing
from tests.albatross.raw_server import Heard, hear, tls_server


class Uploads:
    """A server that hears uploads, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    def __call__(self, server: ssl.SSLSocket) -> None:
        self.heard.append(hear(server))
        if self.heard[-1].ending == "complete":
            server.sendall(frame(ANSWER))


def granting(*grants: float | Exception) -> Callable[[], float]:
    """A guard that gives these answers in turn, the last one for ever."""
    left = list(grants)

    def guard() -> float:
        grant = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(grant, Exception):
            raise grant
        return grant

    return guard


class LeaseLost(Exception):
    pass


def upload(address: Address, *, guard: Guard | None = None, limits: Limits = LIMITS) -> bytes:
    """One chunk, the end, and the answer."""
    with connect(address, effect=Effect.AT_END, guard=guard, limits=limits) as connection:
        connection.ask_guard()
        assert connection.send(CHUNK)
        assert connection.finish()
        return connection.read_frame()


def queue_more_than_the_server_takes(connection: Connection) -> None:
    """Fill the buffers of both systems, up to where one byte more would have to wait."""
    piece = bytes(16 * 1024)
    with contextlib.suppress(BlockingIOError):
        while True:
            connection._socket.send(piece)


class TestUpload:
    @pytest.fixture
    def uploads(self) -> Uploads:
        return Uploads()

    def test_ends_with_the_zero_frame_and_is_answered(self, tls: ssl.SSLContext, uploads: Uploads) -> None:
        with tls_server(tls, uploads) as address:
            assert upload(address) == ANSWER
        assert uploads.heard == [Heard(bytes(CHUNK[4:]), "complete")]

    def test_has_an_outcome_that_is_known_until_its_end_is_sent(
        self, tls: ssl.SSLContext, uploads: Uploads
    ) -> None:
        with tls_server(tls, uploads) as address, connect(address, effect=Effect.AT_END) as connection:
            connection.send(CHUNK)
            before = connection.outcome_known
            connection.finish()
            after = connection.outcome_known
        assert (before, after) == (True, False)

    def test_that_breaks_on_our_side_never_looks_complete(
        self, tls: ssl.SSLContext, uploads: Uploads
    ) -> None:
        def fail_half_way() -> None:
            with connect(address, effect=Effect.AT_END) as connection:
                connection.send(CHUNK)
                raise OSError("disk full")

        with tls_server(tls, uploads) as address, pytest.raises(OSError, match="disk"):
            fail_half_way()
        assert [heard.ending for heard in uploads.heard] == ["cut"]

    def test_that_breaks_on_our_side_is_reset_so_that_nothing_queued_goes_out(
        self, tls: ssl.SSLContext
    ) -> None:
        seen: list[int] = []

        def watch(server: ssl.SSLSocket) -> None:
            poll = select.poll()
            poll.register(server, 0)  # errors are told all the same, a mere end isn't
            seen.extend(events for _, events in poll.poll(5000))

        with tls_server(tls, watch) as address:
            connection = connect(address, effect=Effect.AT_END)
            connection.send(CHUNK)
            connection.abort()
        assert seen
        assert seen[0] & select.POLLERR

    @pytest.mark.parametrize("allowed", [1, 2], ids=["a chunk", "its end"])
    def test_is_cut_when_the_guard_forbids(self, tls: ssl.SSLContext, uploads: Uploads, allowed: int) -> None:
        guard = granting(*[5.0] * allowed, LeaseLost())
        with tls_server(tls, uploads) as address, pytest.raises(LeaseLost):
            upload(address, guard=guard)
        sent = bytes(CHUNK[4:]) if allowed == 2 else b""
        assert uploads.heard == [Heard(sent, "cut")]

    @pytest.mark.parametrize("allowed", [1, 2], ids=["a chunk", "its end"])
    def test_is_cut_when_no_time_is_left_for(
        self, tls: ssl.SSLContext, uploads: Uploads, allowed: int
    ) -> None:
        with tls_server(tls, uploads) as address, pytest.raises(TimedOut) as late:
            upload(address, guard=granting(*[5.0] * allowed, 0))
        assert late.value.outcome_known
        assert [heard.ending for heard in uploads.heard] == ["cut"]

    def test_is_not_begun_when_the_guard_forbids_the_connection(self) -> None:
        with pytest.raises(LeaseLost):
            connect(Address("127.0.0.1", 1), guard=granting(LeaseLost()))

    def test_goes_on_while_the_guard_grants_more(self, tls: ssl.SSLContext) -> None:
        grants_more = threading.Semaphore(0)

        def guard() -> float:
            grants_more.release()
            return 0.05

        def read_and_answer_late(server: ssl.SSLSocket) -> None:
            for _ in range(20):  # more often than there are chunks
                grants_more.acquire(timeout=5)
            hear(server)
            for _ in range(20):
                grants_more.acquire(timeout=5)
            server.sendall(frame(ANSWER))

        with tls_server(tls, read_and_answer_late) as address:
            assert upload(address, guard=guard) == ANSWER

    def test_is_given_up_when_the_guard_forbids_to_wait_for_the_answer(self, tls: ssl.SSLContext) -> None:
        """The end is sent: it cannot be taken back, and the outcome is unknown."""

        def hear_and_say_nothing(server: ssl.SSLSocket) -> None:
            hear(server)
            say_nothing(server)

        with tls_server(tls, hear_and_say_nothing) as address:
            with pytest.raises(TimedOut) as late:
                upload(address, guard=granting(5, 5, 0.02, 0))
            with pytest.raises(LeaseLost):
                upload(address, guard=granting(5, 5, 0.02, LeaseLost()))
        assert not late.value.outcome_known

    @pytest.mark.parametrize(("effect", "known"), UNKNOWN_OUTCOME)
    def test_into_a_server_that_stops_reading_is_given_up(
        self, tls: ssl.SSLContext, effect: Effect, known: bool
    ) -> None:
        over = threading.Event()
        with tls_server(tls, lambda _: over.wait(10)) as address:
            with pytest.raises(TimedOut) as late:
                fill(address, effect=effect, limits=replace(LIMITS, idle=0.5))
            over.set()
        assert late.value.outcome_known is known

    def test_is_not_ended_while_data_is_queued(self, tls: ssl.SSLContext) -> None:
        """Its end would be sent later than the guard allowed."""
        over = threading.Event()
        with tls_server(tls, lambda _: over.wait(10)) as address:
            with connect(address, effect=Effect.AT_END, limits=replace(LIMITS, idle=0.5)) as connection:
                queue_more_than_the_server_takes(connection)
                with pytest.raises(TimedOut) as late:
                    connection.finish()
                connection.abort()
            over.set()
        assert late.value.outcome_known

    @pytest.mark.parametrize("closes", [False, True])
    def test_stops_for_an_early_answer(self, tls: ssl.SSLContext, closes: bool) -> None:
        def answer_early(server: ssl.SSLSocket) -> None:
            server.recv(10)
            server.sendall(frame(ANSWER))
            if not closes:
                hear(server)

        with tls_server(tls, answer_early) as address, connect(address, effect=Effect.AT_END) as connection:
            while connection.send(CHUNK):
                pass
            assert connection.read_frame() == ANSWER
            assert connection.outcome_known
            connection.abort()
