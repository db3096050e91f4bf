"""Messages of Albatross to bytes and back.

``decode`` and ``encode`` are for what travels in frames, ``decode_extension`` and
``encode_extension`` for what a client certificate carries. Only ``DecodeError`` (with
``UnknownAlternative`` below it) and ``EncodeError`` come out of them, whatever goes in.
``image_reply`` looks at the beginning of a frame that may be too large to be held.
"""

from __future__ import annotations

from albatross.errors import DecodeError
from albatross.messages import PROTOCOL_VERSION, Command, Message
from albatross.wire.grammar import EXTENSION, WIRE
from albatross.wire.prefix import ImageReply, Undecided, image_reply

__all__ = [
    "MAX_MESSAGE",
    "ImageReply",
    "Undecided",
    "decode",
    "decode_extension",
    "encode",
    "encode_extension",
    "image_reply",
]

MAX_MESSAGE = 2**30 + 2**16  # bytes: an image of 1 GiB, and what is around it


def decode(data: bytes) -> Message:
    """The message that *data*, the body of one frame, is."""
    _refuse_large(data)
    return WIRE.only(data, 0, len(data))


def encode(message: Message) -> bytes:
    """The body of the frame that carries *message*."""
    return WIRE.write(message)


def decode_extension(data: bytes) -> Command:
    """The command of a certificate whose Albatross extension has the value *data*."""
    _refuse_large(data)
    command: Command
    _, command = EXTENSION.only(data, 0, len(data))
    return command


def encode_extension(command: Command) -> bytes:
    """The value of the Albatross extension of a certificate that carries *command*."""
    return EXTENSION.write((PROTOCOL_VERSION, command))


def _refuse_large(data: bytes) -> None:
    if len(data) > MAX_MESSAGE:
        raise DecodeError(f"a message of {len(data)} bytes is too large")
