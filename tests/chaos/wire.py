"""A connection to the simulated instance without sockets: the real client, the real conversation.

Certificates are made and read as ever; only TCP and TLS are left out, which know no virtual time.
"""

from __future__ import annotations

import asyncio
import errno
import math
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from albatross.certificates import Leaf
from albatross.framing import END, MAX_LENGTH, FrameReader
from albatross.simulator.faults import Kind
from albatross.simulator.tls import Gone
from albatross.transport import Connection, Effect, Limits, Timing

if TYPE_CHECKING:
    from tests.chaos.yard import Yard


class Pipe:
    """Both directions of one connection, and how each side ended it."""

    def __init__(self) -> None:
        self.there, self.back = bytearray(), bytearray()
        self.client_ended = self.server_ended = self.reset = False
        self._arrived = asyncio.Event()

    def wake(self) -> None:
        self._arrived.set()

    async def news(self) -> None:
        """Wait until the client sends or ends."""
        self._arrived.clear()
        await self._arrived.wait()


class ServerEnd:
    """What ``TlsStream`` is to a conversation."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    async def read(self, size: int) -> bytes:
        """Up to *size* bytes; none when the client has ended its side."""
        pipe = self._pipe
        while not pipe.there:
            if pipe.reset:
                raise Gone("reset")
            if pipe.client_ended:
                return b""
            await pipe.news()
        data = bytes(pipe.there[:size])
        del pipe.there[:size]
        return data

    async def read_exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = await self.read(size - len(data))
            if not piece:
                raise Gone("the client sends no more")
            data += piece
        return bytes(data)

    async def write(self, data: bytes) -> None:
        if self._pipe.reset:
            raise Gone("reset")
        self._pipe.back += data

    async def until_gone(self) -> None:
        """Wait until the client ends the connection."""
        while not (self._pipe.client_ended or self._pipe.reset):
            await self._pipe.news()

    async def close(self, *, linger: float = 0) -> None:
        del linger
        self._pipe.server_ended = True

    def abort(self) -> None:
        if not self._pipe.server_ended:
            self._pipe.reset = self._pipe.server_ended = True


class Line(Connection):
    """The client's end. ``yard`` is the instance that all lines of the process lead to."""

    yard: Yard

    def __init__(
        self,
        address: Any,
        context: Any,
        leaf: Leaf,
        *,
        effect: Effect,
        limits: Limits,
        timing: Timing,
    ) -> None:
        del address, context
        self._timing, self._effect, self._max_frame = timing, effect, limits.reply
        self._early = b""
        self._established = self.committed = False
        self.reader = FrameReader(MAX_LENGTH)
        self._pipe = Pipe()
        timing.ask()
        faults = self.yard.faults
        if any(fault.kind is Kind.UNREACHABLE for fault, _ in faults.due()) or faults.take(Kind.REFUSE):
            raise self._closed(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
        self._established = True
        self.committed = effect is Effect.AT_ONCE
        self.yard.accept(ServerEnd(self._pipe), _shown(leaf, self.yard.authority))
        self.yard.clock.settle()

    def close(self) -> None:
        self._pipe.client_ended = True
        self._pipe.wake()
        self.yard.clock.settle()

    interrupt = close

    def abort(self) -> None:
        self._pipe.reset = True
        self._pipe.wake()
        self.yard.clock.settle()

    def receive(self, until: float = math.inf) -> bytes:
        clock, pipe = self.yard.clock, self._pipe
        end = clock.now + self._timing.idle
        while not self._readable():
            left = min(self._timing.left(), end - clock.now)
            if left <= 0:
                raise self._timed_out()
            clock.wait(self._readable, min(clock.now + left, until))
            if not self._readable() and clock.now >= until:
                raise TimeoutError
        if not pipe.back:
            reset = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer") if pipe.reset else None
            raise self._closed(reset)
        data = bytes(pipe.back)
        pipe.back.clear()
        return data

    def send(self, data: memoryview) -> bool:
        pipe = self._pipe
        if self._answers():
            return False
        if pipe.reset or pipe.server_ended:
            raise self._closed(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
        pipe.there += data
        pipe.wake()
        self.yard.clock.settle()
        return True

    def finish(self) -> bool:
        if self._answers():
            return False
        self.ask_guard()
        self.committed = self._effect is not Effect.NOTHING
        return self.send(memoryview(END))

    def _answers(self) -> bool:
        return bool(self._pipe.back)

    def _readable(self) -> bool:
        return bool(self._pipe.back) or self._pipe.server_ended or self._pipe.reset


def _shown(leaf: Leaf, authority: x509.Certificate) -> list[bytes]:
    """What the instance is shown, in DER, from the leaf to the CA."""
    return [one.public_bytes(Encoding.DER) for one in (leaf.certificate, *leaf.chain, authority)]
