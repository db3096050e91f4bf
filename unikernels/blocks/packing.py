"""What a file with the content of a block device may be packed as, and unpacking it in pieces (pure).

The instance takes zlib, and hangs or wipes when something is wrong with it (protocol-observed 20), so
everything is unpacked here first, and only plain content whose size is known goes out.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Iterable, Iterator

PIECE = 64 * 1024  # bytes unpacked at a time

_GZIP_MAGIC = b"\x1f\x8b\x08"
_ENDS_EARLY = "it is cut: its packed content does not end"


class Packing(enum.StrEnum):
    """How the bytes are packed. ``AUTO``: gzip when it begins like that, else plain."""

    AUTO = "auto"
    PLAIN = "plain"
    GZIP = "gzip"
    ZLIB = "zlib"  # has no beginning that plain content could not have as well: only when somebody says so


_WINDOW = {Packing.GZIP: 31, Packing.ZLIB: 15}  # zlib's own numbers for its formats


class Unreadable(Exception):
    """The packed bytes cannot be unpacked, or hold too much; with why, as the end of a sentence."""


def unpacked(pieces: Iterable[bytes], *, limit: int, packing: Packing = Packing.AUTO) -> Iterator[bytes]:
    """The plain content of *pieces*, at most *limit* bytes. Raises ``Unreadable``."""
    left = limit
    for piece in _plain(_from_first(pieces), packing):
        left -= len(piece)
        if left < 0:
            raise Unreadable(f"it holds more than {limit:,} bytes")
        yield piece


def _from_first(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same; the first is long enough to be recognised, if there is as much."""
    source, first = iter(pieces), b""
    for piece in source:
        first += piece
        if len(first) >= len(_GZIP_MAGIC):
            break
    yield first
    yield from source


def _plain(pieces: Iterator[bytes], packing: Packing) -> Iterator[bytes]:
    first = next(pieces)
    if packing is Packing.AUTO:
        packing = Packing.GZIP if first.startswith(_GZIP_MAGIC) else Packing.PLAIN
    whole = _chained(first, pieces)
    return whole if packing is Packing.PLAIN else _inflated(whole, _WINDOW[packing])


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _inflated(pieces: Iterator[bytes], window: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(window)
    for piece in pieces:
        data = piece
        while data:
            if inflater.eof:
                raise Unreadable("there is something after the end of its packed content")
            try:
                yield inflater.decompress(data, PIECE)
            except zlib.error as error:
                raise Unreadable(f"it cannot be unpacked ({error})") from error
            data = inflater.unconsumed_tail or inflater.unused_data
    while not inflater.eof:  # what is left of the last piece
        rest = inflater.decompress(b"", PIECE)
        if not rest:
            raise Unreadable(_ENDS_EARLY)
        yield rest
