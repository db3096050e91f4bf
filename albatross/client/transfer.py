"""Images and the contents of block devices, in either direction, in constant memory."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from albatross import messages as m
from albatross.client.replies import expect, read_message, read_reply
from albatross.errors import CommandError, DecodeError, FrameError, ImageRefused, RequestRefused
from albatross.framing import END, frame
from albatross.transport import Connection
from albatross.wire import ImageReply, Undecided, image_reply
from albatross.wire.prefix import PREFIX

# With its length a chunk fills four TLS records. Compressed block data in chunks of more than
# 65536 bytes is cut by the instance.
CHUNK = 65536 - len(END)

Progress = Callable[[int], None]
"""Is told how many bytes were sent so far."""


class Fetched(NamedTuple):
    """What was written: the SHA-256 of it, its length, and whether it is a zlib stream."""

    digest: bytes
    size: int
    compressed: bool


# --- to the instance ---------------------------------------------------------------------------


def rewind(data: BinaryIO, size: int) -> None:
    """Go to the beginning of *data*, which has to be *size* bytes: ``RequestRefused``."""
    found = data.seek(0, io.SEEK_END)
    data.seek(0)
    if found != size:
        raise RequestRefused(f"the data has {found} bytes and not {size}")


def upload(connection: Connection, data: BinaryIO, size: int, on_progress: Progress | None) -> str:
    """Stream the *size* bytes of *data* and their end; the text of the instance.

    The guard is asked before every chunk and right before the end. ``CommandError`` when *data*
    turns out to be shorter or longer: then the end is not sent.
    """
    whole = _stream(connection, data, size, on_progress) and connection.finish()
    answer = read_reply(connection, m.Text)
    if not whole:
        raise connection.wrong(f"the instance answered {answer.text!r} before the data was complete")
    return answer.text


def _stream(connection: Connection, data: BinaryIO, size: int, on_progress: Progress | None) -> bool:
    """Send all chunks. False when the instance answers before."""
    sent = 0
    while sent < size:
        connection.ask_guard()
        chunk = data.read(min(CHUNK, size - sent))
        if not chunk:
            words = f"the data ended after {sent} of {size} bytes"
            raise CommandError(words, outcome_known=connection.outcome_known)
        if not connection.send(memoryview(frame(chunk))):
            return False
        sent += len(chunk)
        if on_progress is not None:
            on_progress(sent)
    if data.read(1):
        words = f"the data is longer than the {size} bytes it should have"
        raise CommandError(words, outcome_known=connection.outcome_known)
    return True


def inflated_size(data: BinaryIO, size: int, limit: int) -> int:
    """How much the zlib stream of *size* bytes in *data* holds.

    ``RequestRefused`` when it is more than *limit* bytes, no zlib stream, cut, or followed by
    something: with all of these the instance hangs after it has deleted the old content.
    """
    inflater = Inflater(limit)
    left, total = size, 0
    while left > 0 and (piece := data.read(min(CHUNK, left))):
        left -= len(piece)
        try:
            total += sum(map(len, inflater.pieces(piece)))
        except ValueError as error:
            raise RequestRefused(f"the compressed data cannot be written: {error}") from error
    if not inflater.complete:
        raise RequestRefused("the compressed data is cut: its zlib stream does not end")
    return total


class Inflater:
    """A zlib stream that holds at most *limit* bytes, unpacked in small pieces."""

    def __init__(self, limit: int) -> None:
        self._inflater = zlib.decompressobj()
        self._left = limit

    @property
    def complete(self) -> bool:
        return self._inflater.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What *data* adds. ``ValueError`` when it is no zlib stream, too much, or after the end."""
        while data:
            if self.complete:
                raise ValueError("there is something after the end of the zlib stream")
            piece = self._unpack(data)
            self._left -= len(piece)
            if self._left < 0:
                raise ValueError("it is too large")
            yield piece
            data = self._inflater.unconsumed_tail or self._inflater.unused_data

    def _unpack(self, data: bytes) -> bytes:
        try:
            return self._inflater.decompress(data, CHUNK)
        except zlib.error as error:
            raise ValueError(f"it is no zlib stream ({error})") from error


# --- from the instance -------------------------------------------------------------------------


def download_image(connection: Connection, destination: BinaryIO, max_size: int) -> Fetched:
    """Write the image of a ``UnikernelImage`` reply to *destination* as it comes.

    ``ImageRefused`` when it has more than *max_size* bytes. The guard is asked before every piece.
    """
    try:
        found, left = _begin_image(connection)
    except (DecodeError, FrameError) as error:
        raise connection.wrong(f"not an answer of Albatross: {error}") from error
    if found is None:
        read_reply(connection, m.UnikernelImage)
        raise connection.wrong("the image is not where the encoding of such an answer has it")
    if found.length > max_size:
        raise ImageRefused(f"the image has {found.length} bytes, more than the {max_size} allowed")
    digest = hashlib.sha256()
    skip = found.offset
    while left > 0:
        connection.ask_guard()
        piece = connection.reader.take()
        left -= len(piece)
        digest.update(memoryview(piece)[skip:])
        destination.write(memoryview(piece)[skip:])
        skip = 0
        if left > 0:
            connection.reader.feed(connection.receive())
    return Fetched(digest.digest(), found.length, found.compressed)


def _begin_image(connection: Connection) -> tuple[ImageReply | None, int]:
    """Where the image lies in the frame, None when it is another answer; and the length of the frame."""
    reader = connection.reader
    while (length := reader.begin()) is None:
        reader.feed(connection.receive())
    while (found := image_reply(reader.peek(PREFIX), length)) is Undecided.MORE:
        reader.feed(connection.receive())
    return (found if isinstance(found, ImageReply) else None), length


def download_block(connection: Connection, destination: BinaryIO, size: int) -> Fetched:
    """Write the plain content of a block device, which has to be *size* bytes, to *destination*.

    The guard is asked before every piece.
    """
    inflater = Inflater(size) if read_reply(connection, m.BlockImage).compressed else None
    digest = hashlib.sha256()
    total = 0
    while (data := expect(connection, read_message(connection), m.BlockChunk).data) is not None:
        connection.ask_guard()
        for piece in _plain(connection, data, inflater):
            total += len(piece)
            if total > size:
                raise connection.wrong(f"the instance sent more than the {size} bytes of the device")
            digest.update(piece)
            destination.write(piece)
    if total != size or (inflater is not None and not inflater.complete):
        raise connection.wrong(f"the instance sent {total} of the {size} bytes of the device")
    return Fetched(digest.digest(), total, compressed=False)


def _plain(connection: Connection, data: bytes, inflater: Inflater | None) -> Iterator[bytes]:
    try:
        yield from [data] if inflater is None else inflater.pieces(data)
    except ValueError as error:
        raise connection.wrong(f"the content of the device cannot be unpacked: {error}") from error
