"""Files named on the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mollymawk.errors import Invalid

PIECE = 256 * 1024  # bytes that are held at a time
MAX_TEXT = 4 * 1024 * 1024  # bytes; PEM texts and arguments are far smaller


def read_text(path: Path) -> str:
    """The text in *path*, or on stdin for ``-``. ``Invalid`` when it cannot be read."""
    try:
        raw = sys.stdin.buffer.read(MAX_TEXT + 1) if str(path) == "-" else _head(path)
        text = raw.decode("utf-8")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not a text.") from error
    if len(raw) > MAX_TEXT:
        raise Invalid(f"{path} is larger than {MAX_TEXT} bytes.")
    return text


def open_binary(path: Path) -> BinaryIO:
    """*path*, open for reading. ``Invalid`` when it cannot be."""
    try:
        return path.open("rb")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error


def create_binary(path: Path) -> BinaryIO:
    """*path*, new and open for writing. ``Invalid`` when it cannot be, or is there already."""
    try:
        return path.open("xb")
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}.") from error


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """What is in *file*, in pieces."""
    return iter(lambda: file.read(PIECE), b"")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_TEXT + 1)
