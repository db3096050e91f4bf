"""Telling from the beginning of a frame that it carries the image of a unikernel.

Such a reply is one frame of up to a GiB. A client that knows where the image lies in it can write it
to a file as it comes; every other reply is small enough to be held and decoded.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from albatross.errors import DecodeError
from albatross.messages import Header
from albatross.wire.der import BOOLEAN, OCTETS, span
from albatross.wire.grammar import HEADER

PREFIX = 4096  # bytes: the header of a path of 8 labels of 63 characters takes 600
_TAIL = 64  # bytes that are enough for all that lies between header and image
_MESSAGE = 0x30
_WRAPPERS = (0xA1, 0xA6, 0x30)  # Payload [1] reply, Success [6] unikernel-image, SEQUENCE


class Undecided(enum.Enum):
    """Why there is no answer."""

    MORE = "more bytes are needed"
    OTHER = "it is another kind of message, or no message"


@dataclass(frozen=True, slots=True)
class ImageReply:
    """A ``UnikernelImage`` reply whose image is at ``offset`` of the frame's body, to the end."""

    header: Header
    compressed: bool
    offset: int
    length: int


def image_reply(data: bytes, frame_length: int) -> ImageReply | Undecided:
    """What the frame is whose body has *frame_length* bytes and begins with *data*.

    ``MORE`` only until *data* has ``PREFIX`` bytes or is the whole body. ``DecodeError`` when it starts
    like such a reply and its lengths do not fit together.
    """
    if len(data) < min(PREFIX, frame_length):
        return Undecided.MORE
    if not data or data[0] != _MESSAGE:
        return Undecided.OTHER
    pos = _inside(data, 0, frame_length)
    _, stop = span(data, pos + 1, frame_length)
    if len(data) < min(stop + _TAIL, frame_length):
        return Undecided.OTHER
    header, pos = HEADER.read(data, pos, frame_length)
    for tag in _WRAPPERS:
        if pos == frame_length or data[pos] != tag:
            return Undecided.OTHER
        pos = _inside(data, pos, frame_length)
    compressed, pos = BOOLEAN.read(data, pos, frame_length)
    if pos == frame_length or data[pos] not in OCTETS.tags:
        return Undecided.OTHER
    offset = _inside(data, pos, frame_length)
    return ImageReply(header, compressed, offset, frame_length - offset)


def _inside(data: bytes, pos: int, end: int) -> int:
    """Where the content begins of the element at *pos*, which has to reach to the *end*."""
    start, stop = span(data, pos + 1, end)
    if stop != end:
        raise DecodeError(f"{end - stop} bytes after the element at byte {pos}")
    return start
