"""Frames: a length of 4 octets (signed, big endian) and so many octets. No input or output here.

A length of zero or less ends the stream. Frames carry messages (server to client) and pieces of images
and block devices (client to server); they have nothing to do with TLS records.

>>> reader = FrameReader(max_frame=1000)
>>> reader.feed(frame(b"hello") + END)
>>> reader.next_frame(), reader.next_frame(), reader.next_frame()
(b'hello', b'', None)

A frame that is too large to be held is read in pieces: ``begin`` and ``peek`` tell what comes, then
``take`` gives what is there of it until ``remaining`` is 0.
"""

from __future__ import annotations

import struct

from albatross.errors import FrameError

MAX_LENGTH = 2**31 - 1  # the length is a signed integer
END = b"\0\0\0\0"

_LENGTH = struct.Struct(">i")


def frame(data: bytes) -> bytes:
    """*data* as one frame. ``FrameError`` when it is empty (which would end the stream) or too large."""
    return frame_header(len(data)) + data


def frame_header(length: int) -> bytes:
    """What comes before a body of *length* bytes, for bodies that are not held in one piece."""
    if not 0 < length <= MAX_LENGTH:
        raise FrameError(f"a frame of {length} bytes cannot be sent")
    return _LENGTH.pack(length)


class FrameReader:
    """Puts frames together from the bytes of a connection.

    A frame of more than *max_frame* bytes is refused as soon as its length is known. Whoever takes what is
    complete before feeding more holds no more than one frame, and what came with it.
    """

    def __init__(self, max_frame: int) -> None:
        self._max_frame = max_frame
        self._buffer = bytearray()
        self._length: int | None = None  # of the frame that has begun
        self._taken = 0

    def feed(self, data: bytes) -> None:
        """Bytes that came in. ``FrameError`` when they announce a frame that is too large."""
        self._buffer += data
        self.begin()

    def feed_eof(self) -> None:
        """The connection ended. ``FrameError`` when that cut a frame."""
        if self.mid_frame:
            raise FrameError(f"the connection ended {self._missing()} bytes before the end of a frame")

    def next_frame(self, limit: int = MAX_LENGTH) -> bytes | None:
        """The body of the next frame, ``b""`` for the end of the stream, None when more must be fed.

        ``FrameError`` when the frame has more than *limit* bytes: then it need not be held.
        """
        length = self.begin()
        if length is None:
            return None
        if length > limit:
            raise FrameError(f"a frame of {length} bytes, no more than {limit} were expected")
        return None if self.mid_frame else self.take()

    def begin(self) -> int | None:
        """The length of the frame under way or next, 0 for the end of the stream, None when more must be fed.

        ``FrameError`` when it is too large.
        """
        if self._length is None and len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self._max_frame:
                raise FrameError(f"a frame of {length} bytes, no more than {self._max_frame} are allowed")
            del self._buffer[: _LENGTH.size]
            self._length = max(length, 0)
        return self._length

    @property
    def remaining(self) -> int:
        """How many bytes of the frame that has begun are still to be taken."""
        return (self._length or 0) - self._taken

    @property
    def mid_frame(self) -> bool:
        """Whether bytes are missing of a frame of which some came: the connection must not end here.

        Says nothing of what lies behind a frame that is complete: take that first.
        """
        return self._missing() > 0

    def peek(self, size: int) -> bytes:
        """Up to *size* bytes of the frame that has begun, as far as they are there; they stay."""
        return bytes(memoryview(self._buffer)[: min(size, self.remaining)])

    def take(self) -> bytes:
        """All bytes of the frame that has begun, as far as they are there."""
        data = self.peek(self.remaining)
        del self._buffer[: len(data)]
        self._taken += len(data)
        if self.remaining == 0:
            self._length, self._taken = None, 0
        return data

    def _missing(self) -> int:
        if self.begin() is not None:
            return max(self.remaining - len(self._buffer), 0)
        return _LENGTH.size - len(self._buffer) if self._buffer else 0
