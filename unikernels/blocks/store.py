"""Where the bytes of block files lie: ``IMAGE_DIR/blocks``, each under the key of its row."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings

STAGING_LIFE = 24 * 3600  # seconds; no transfer takes longer


def path_of(key: UUID) -> Path:
    """Where the bytes of the file with this key are."""
    return _folder() / key.hex


@contextlib.contextmanager
def staged(key: UUID) -> Iterator[BinaryIO]:
    """A new file to write to; it appears under *key* when the block ends well, whole and synced."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key.hex}.part"
    try:
        with path.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        path.replace(path_of(key))
    finally:
        path.unlink(missing_ok=True)


def remove(key: UUID) -> None:
    """Forget the bytes."""
    path_of(key).unlink(missing_ok=True)


def sweep(known: set[str]) -> int:
    """Remove what is of no row in *known* (keys in hexadecimal) and old: crashes left it behind."""
    gone = 0
    for path in _folder().glob("*"):
        if path.name not in known and time.time() - path.stat().st_mtime > STAGING_LIFE:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _folder() -> Path:
    return Path(settings.IMAGE_DIR) / "blocks"
