"""What the endpoint does with one command, once the client's certificates were read.

The order of things is that of the original (``albatross-protocol`` 2.4): take the image, set the
policies of the chain, run the command, answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from albatross import messages as m
from albatross.framing import MAX_LENGTH, frame, frame_header
from albatross.names import Name
from albatross.simulator.blocks import MAX_CHUNK, ZLIB_LEVELS, Upload
from albatross.simulator.chain import Order
from albatross.simulator.console import Consoles
from albatross.simulator.daemon import Daemon, NoAnswer
from albatross.simulator.faults import Faults, Kind, kind_of
from albatross.simulator.journal import Journal
from albatross.simulator.preparation import MAX_IMAGE
from albatross.simulator.state import Refused
from albatross.simulator.stats import StatisticsFeed
from albatross.simulator.store import Store
from albatross.simulator.subscriptions import Subscription
from albatross.simulator.tls import Gone, TlsStream
from albatross.wire import encode

PIECE = 64 * 1024  # bytes of an image on their way to the disk
BATCH = 256 * 1024  # bytes of a dump that are sent at once
STREAM_ENDED = "exception while reading from fd"  # the last word of every stream but a good dump

_LENGTH = struct.Struct(">i")
_NOT_FOR_THE_DAEMON = (m.ConsoleSubscribe, m.ConsoleListInactive, m.StatsSubscribe)


class Ended(Exception):
    """Nothing more is to be sent."""


@dataclass(frozen=True, slots=True)
class Backends:
    """The daemons behind the endpoint, and what watches or disturbs them."""

    daemon: Daemon
    consoles: Consoles
    statistics: StatisticsFeed
    store: Store
    journal: Journal
    faults: Faults


class Conversation:
    """One command of one client. ``hold`` raises ``Gone`` when the client does not wait for its end."""

    def __init__(self, backends: Backends, stream: TlsStream, order: Order, sequence: int) -> None:
        self._backends, self._stream, self._order = backends, stream, order
        self._name, self._kind = order.name, kind_of(order.command)
        self._sequence = sequence

    async def hold(self) -> None:
        with contextlib.suppress(Ended):
            try:
                await self._respond()
            except NoAnswer:
                await self._stream.until_gone()

    async def _respond(self) -> None:
        match self._order.command:
            case m.UnikernelCreate(config) | m.UnikernelForceCreate(config) if not config.image:
                with self._backends.store.spool() as spool:
                    await self._receive_image(spool)
                    await self._single(spool)
            case m.ConsoleSubscribe() as command:
                await self._follow_console(command)
            case m.StatsSubscribe():
                await self._follow_statistics()
            case m.BlockDump(level):
                await self._dump(level)
            case m.BlockSet(compressed):
                await self._set_block(compressed=compressed)
            case _:
                await self._single(None)

    async def _single(self, image: Path | None) -> None:
        try:
            await self._before()
            answer: m.Payload = await self._backends.daemon.run(self._name, self._order.command, image)
        except Refused as refused:
            answer = m.FailureText(str(refused))
        await self._answer(answer)

    async def _before(self) -> None:
        """Faults that keep the command from its effect, then the policies of the chain. ``Refused``."""
        if self._struck(Kind.CLOSE_BEFORE):
            raise Ended
        if self._struck(Kind.HANG):
            raise NoAnswer
        if fault := self._backends.faults.take(Kind.FAIL, self._kind, str(self._name)):
            raise Refused(fault.text)
        if not isinstance(self._order.command, _NOT_FOR_THE_DAEMON):
            self._backends.daemon.apply_policies(self._order.policies)

    def _struck(self, kind: Kind) -> bool:
        return self._backends.faults.take(kind, self._kind, str(self._name)) is not None

    # --- what the client sends -----------------------------------------------------------------

    async def _length(self) -> int:
        """The length of the next chunk, 0 at the end of the stream."""
        (length,) = _LENGTH.unpack(await self._stream.read_exactly(_LENGTH.size))
        return max(int(length), 0)

    async def _receive_image(self, spool: Path) -> None:
        """Write the chunks of an image to *spool*. ``Gone`` when they end without the last frame."""
        fault = self._backends.faults.take(Kind.BREAK_STREAM, self._kind, str(self._name))
        total = 0
        with spool.open("wb") as file:
            while missing := await self._length():
                while missing:
                    piece = await self._stream.read(min(missing, PIECE))
                    missing -= file.write(piece)
                    total += len(piece)
                    if not piece or total > MAX_IMAGE or (fault and total >= fault.after):
                        self._stream.abort()
                        raise Gone("the image is cut or too large")

    async def _chunk(self) -> bytes:
        """The next chunk of a block device, nothing at the end of the stream."""
        length = await self._length()
        if length > MAX_CHUNK:
            raise Gone(f"a chunk of {length} bytes")
        return await self._stream.read_exactly(length)

    async def _set_block(self, *, compressed: bool) -> None:
        try:
            await self._before()
            upload = self._backends.daemon.blocks.begin_upload(self._name, compressed=compressed)
        except Refused as refused:
            await self._refuse_upload(refused)
            return
        try:
            await self._receive_block(upload)
            answer: m.Payload = m.Text("set block device")
        except Refused as refused:
            answer = m.FailureText(str(refused))
        except Gone:
            answer = m.FailureText("reading tls chunk")
        finally:
            upload.close()
        await self._answer(answer)

    async def _receive_block(self, upload: Upload) -> None:
        fault = self._backends.faults.take(Kind.BREAK_STREAM, self._kind, str(self._name))
        total = 0
        while chunk := await self._chunk():
            upload.feed(chunk)
            total += len(chunk)
            if fault and total >= fault.after:
                self._stream.abort()
                raise Ended
            if upload.stuck:  # the original reads no more, and waits for ever
                await asyncio.Event().wait()
        upload.finish()

    async def _refuse_upload(self, refused: Refused) -> None:
        """The daemon has closed already: who still sends hears only that (``protocol-observed`` 21)."""
        if await self._chunk():
            await self._answer(m.FailureText("writing block data"))
            await self._stream.close(linger=0)  # what the client still sends is answered by a reset
        else:
            await self._answer(m.FailureText(str(refused)))

    # --- answers -------------------------------------------------------------------------------

    async def _answer(self, payload: m.Payload, sequence: int = 0) -> None:
        """Send the (first) answer, or what a fault makes of it. ``Ended`` when nothing may follow."""
        faults = self._backends.faults
        if fault := faults.take(Kind.FAIL_AFTER, self._kind, str(self._name)):
            payload = m.FailureText(fault.text)
        self._backends.journal.add("answered", self._name, command=self._kind, detail=_told(payload))
        if fault := faults.take(Kind.DELAY, self._kind, str(self._name)):
            await self._pause(fault.seconds)
        if self._struck(Kind.CLOSE_AFTER):
            raise Ended
        if self._struck(Kind.HANG_AFTER):
            raise NoAnswer
        body = self._encoded(payload, sequence)
        for kind, spoil in _SPOILERS.items():
            if self._struck(kind):
                await self._stream.write(spoil(body))
                raise Ended
        await self._stream.write(frame_header(len(body)))
        await self._stream.write(body)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stream.until_gone()
                raise Gone("the client did not wait")

    def _encoded(self, payload: m.Payload, sequence: int = 0, name: Name | None = None) -> bytes:
        return encode(m.Message(m.Header(name or self._name, sequence), payload))

    async def _last_words(self) -> None:
        await self._stream.write(frame(self._encoded(m.FailureText(STREAM_ENDED))))

    # --- streams -------------------------------------------------------------------------------

    async def _follow_console(self, command: m.ConsoleSubscribe) -> None:
        consoles, subscription = self._backends.consoles, Subscription()
        try:
            await self._before()
            told = consoles.subscribe(self._name, subscription, count=command.count, since=command.since)
            if told is not None:
                await self._answer(m.Text(told), self._sequence)
                await self._relay(subscription)
        except Refused as refused:
            await self._answer(m.FailureText(str(refused)), self._sequence)
        finally:
            consoles.unsubscribe(self._name, subscription)
        await self._last_words()

    async def _follow_statistics(self) -> None:
        statistics, subscription = self._backends.statistics, Subscription()
        try:
            await self._before()
            statistics.subscribe(self._name, subscription)
            await self._answer(m.Text("subscribed"), self._sequence)
            await self._relay(subscription)
        except Refused as refused:
            await self._answer(m.FailureText(str(refused)), self._sequence)
        finally:
            statistics.unsubscribe(self._name, subscription)
        await self._last_words()

    async def _relay(self, subscription: Subscription) -> None:
        """Send what comes until the instance or the client ends it."""
        gone = asyncio.create_task(self._stream.until_gone())
        gone.add_done_callback(lambda _: subscription.end())
        try:
            while messages := await subscription.take():
                frames = [frame(self._encoded(data, name=name)) for name, data in messages]
                await self._stream.write(b"".join(frames))
        finally:
            gone.cancel()
            await asyncio.wait([gone])  # two cannot read from one connection

    async def _dump(self, level: int) -> None:
        try:
            await self._before()
            pieces = self._backends.daemon.blocks.dump(self._name, level)
        except Refused as refused:
            await self._answer(m.FailureText(str(refused)), self._sequence)
            await self._last_words()
            return
        if level not in ZLIB_LEVELS:  # which ends the daemon
            await self._last_words()
            return
        await self._answer(m.BlockImage(compressed=level != 0), self._sequence)
        for batch in self._batches(pieces):
            await self._stream.write(batch)
        await self._stream.write(frame(self._encoded(m.BlockChunk(None))))

    def _batches(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        batch = bytearray()
        for piece in pieces:
            batch += frame(self._encoded(m.BlockChunk(piece), self._sequence))
            if len(batch) >= BATCH:
                yield bytes(batch)
                batch.clear()
        yield bytes(batch)


def _told(payload: m.Payload) -> str:
    match payload:
        case m.Text(text) | m.FailureText(text):
            return text
        case _:
            return type(payload).__name__


def _truncated(body: bytes) -> bytes:
    return frame_header(len(body)) + body[: len(body) // 2]


def _garbage(body: bytes) -> bytes:
    return frame(b"\xfe" * min(len(body), 1000))


def _oversized(body: bytes) -> bytes:
    return frame_header(MAX_LENGTH) + body


def _unknown_alternative(body: bytes) -> bytes:
    """The answer of a later version: success number 20, which does not exist."""
    del body
    empty = bytearray(encode(m.Message(m.Header(Name()), m.Empty())))
    assert empty[-4:] == bytes.fromhex("a0020500")
    empty[-4] = 0xA0 | 20
    return frame(bytes(empty))


_SPOILERS: Mapping[Kind, Callable[[bytes], bytes]] = {
    Kind.TRUNCATE: _truncated,
    Kind.GARBAGE: _garbage,
    Kind.OVERSIZE: _oversized,
    Kind.UNKNOWN_ALTERNATIVE: _unknown_alternative,
}
