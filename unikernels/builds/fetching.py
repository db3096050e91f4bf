"""Receiving a main binary: streamed, counted, hashed, and kept only when it is what the server stated."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from unikernels.builds.errors import BadAnswer, CutOff, HashMismatch, TooLarge, Unverifiable
from unikernels.builds.web import Answer

Progress = Callable[[int, int | None], object]
"""Called with the bytes so far and the length that the server states (None: it does not, and it may lie)."""

_DIGEST_BYTES = 32
_MAX_TAG = 100  # characters; a SHA-256 in base64 has 44


@dataclass(frozen=True, slots=True)
class Fetched:
    """A binary that was received whole and verified."""

    sha256: str
    size: int


def digest_in(answer: Answer) -> str | None:
    """The SHA-256 (hexadecimal) in the ETag: base64, unquoted by the server; proxies may quote it."""
    tag = answer.headers.get("ETag", "").strip().removeprefix("W/").strip('"')
    try:
        raw = base64.b64decode(tag, validate=True) if len(tag) <= _MAX_TAG else b""
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) == _DIGEST_BYTES else None


def receive(
    answer: Answer, file: BinaryIO, wanted: set[str], max_size: int, progress: Progress | None = None
) -> Fetched:
    """Write the body of *answer* to *file*; it must have the one SHA-256 in *wanted*. See ``Client.fetch``."""
    if not wanted:
        raise Unverifiable("The builder does not state the SHA-256 of this binary.")
    if len(wanted) > 1:
        raise HashMismatch(
            "The builder states more than one SHA-256 for this binary, or another than expected."
        )
    if (answer.length or 0) > max_size:
        raise TooLarge(f"The binary has more than {max_size} bytes.")
    start = file.tell()
    try:
        fetched = _stream(answer, file, max_size, progress)
        _check(answer, fetched, wanted)
    except BaseException:
        file.seek(start)
        file.truncate()
        raise
    return fetched


def _stream(answer: Answer, file: BinaryIO, max_size: int, progress: Progress | None) -> Fetched:
    digest, size = hashlib.sha256(), 0
    for chunk in answer.chunks(max_size):
        digest.update(chunk)
        file.write(chunk)
        size += len(chunk)
        if progress is not None:
            progress(size, answer.length)
    return Fetched(digest.hexdigest(), size)


def _check(answer: Answer, fetched: Fetched, wanted: set[str]) -> None:
    if answer.length is not None and fetched.size < answer.length:
        raise CutOff(f"The binary ended after {fetched.size} of {answer.length} bytes.")
    if fetched.sha256 not in wanted:
        raise HashMismatch("The bytes of this binary are not those that the builder stated.")
    if answer.length is not None and fetched.size > answer.length:
        raise BadAnswer(f"The binary has {fetched.size} bytes, {answer.length} were stated.")
    if not fetched.size:
        raise BadAnswer("The binary is empty.")
