"""The content-addressed store: plain images as files named by their SHA-256.

A file appears under its name only when it is whole and its hash is known; until then it lies in
``staging`` and whatever is left there by a crash is removed by ``sweep_staging``.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

STAGING_LIFE = 6 * 3600  # seconds; no upload takes longer

_DIGEST = re.compile(r"[0-9a-f]{64}")


def path_of(digest: str) -> Path:
    """Where the image with this SHA-256 (hex) lies, if it is held."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError("not a SHA-256 in hexadecimal")
    return Path(settings.IMAGE_DIR) / digest[:2] / digest


def held(digest: str) -> bool:
    """Whether the bytes are here."""
    return path_of(digest).is_file()


@contextlib.contextmanager
def staged() -> Iterator[tuple[BinaryIO, Path]]:
    """A new file to write an image to; removed at the end unless ``keep`` took it."""
    folder = Path(settings.IMAGE_DIR) / "staging"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / uuid.uuid4().hex
    try:
        with path.open("x+b") as file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def keep(file: BinaryIO, path: Path, digest: str) -> None:
    """Move a staged *file*, whose SHA-256 is *digest*, to its place. Safe against power loss."""
    file.flush()
    os.fsync(file.fileno())
    place = path_of(digest)
    place.parent.mkdir(parents=True, exist_ok=True)
    path.replace(place)
    _sync_folder(place.parent)


def age(digest: str) -> float:
    """Seconds since the bytes were stored last; endless when they are not held."""
    try:
        return time.time() - path_of(digest).stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def remove(digest: str) -> None:
    """Forget the bytes. The caller has made sure that no version needs them."""
    path_of(digest).unlink(missing_ok=True)


def sweep_staging() -> int:
    """Remove what crashed uploads left behind; the number of files removed."""
    folder = Path(settings.IMAGE_DIR) / "staging"
    old = [path for path in folder.glob("*") if time.time() - path.stat().st_mtime > STAGING_LIFE]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
