"""The file of a backup (pure): a tar whose last member tells what the others have to be.

A file that was cut has no manifest, and one in which a byte changed does not agree with it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO

FORMAT = 1
MANIFEST = "manifest.json"
MAX_MANIFEST = 64 * 2**20  # bytes; some 100 for each image and block file

_PIECE = 2**20  # bytes that are held at a time


class Damaged(Exception):
    """It is no backup, or no whole one; with why, as the end of a sentence."""


class Writer:
    """Writes a backup. Nothing is valid before ``finish``."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - in finish
        self._members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, file: BinaryIO, size: int) -> str:
        """Add the next *size* bytes of *file* under *name*; their SHA-256."""
        hashed = _Hashed(file)
        self._tar.addfile(_info(name, size), hashed)
        sha256: str = hashed.digest.hexdigest()
        self._members[name] = {"size": size, "sha256": sha256}
        return sha256

    def finish(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Write the manifest with *facts* and end the file; the manifest."""
        manifest = {"format": FORMAT, **facts, "members": self._members}
        data = json.dumps(manifest).encode()
        self._tar.addfile(_info(MANIFEST, len(data)), io.BytesIO(data))
        self._tar.close()
        return manifest


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    return info


@dataclass
class _Hashed:
    """A file whose bytes are hashed while they are read."""

    file: IO[bytes]
    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0

    def read(self, size: int = -1) -> bytes:
        piece = self.file.read(size)
        self.digest.update(piece)
        self.size += len(piece)
        return piece


def members(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """Every member but the manifest, in its order: name and bytes. For a *file* that was examined."""
    for name, content in _all(file):
        if name != MANIFEST:
            yield name, content


def examine(file: IO[bytes]) -> dict[str, Any]:
    """Read all of *file*; its manifest, with which everything agrees. Raises ``Damaged``."""
    try:
        found, manifest = _found(file)
    except (tarfile.TarError, EOFError) as error:
        raise Damaged("it is no whole backup") from error
    if manifest is None:
        raise Damaged("it was cut: its end is missing")
    if found != manifest.get("members"):
        raise Damaged(f"{_differing(found, manifest.get('members'))} is not what it has to be")
    return manifest


def _found(file: IO[bytes]) -> tuple[dict[str, dict[str, Any]], dict[str, Any] | None]:
    """What is in *file*, and what its manifest tells."""
    found: dict[str, dict[str, Any]] = {}
    manifest = None
    for name, content in _all(file):
        if name == MANIFEST:
            manifest = _parse(content.read(MAX_MANIFEST + 1))
            continue
        hashed = _Hashed(content)
        while hashed.read(_PIECE):
            pass
        found[name] = {"size": hashed.size, "sha256": hashed.digest.hexdigest()}
    return found, manifest


def _parse(data: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(data)
    except ValueError as error:
        raise Damaged("what it tells of itself cannot be read") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise Damaged("it has a form that is not known here")
    return manifest


def _differing(found: dict[str, Any], wanted: Any) -> str:
    wanted = wanted if isinstance(wanted, dict) else {}
    names = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    return names[0] if names else MANIFEST


def _all(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for info in tar:
            content = tar.extractfile(info) if info.isreg() else None
            if content is None:
                raise Damaged(f"{info.name} is no file")
            yield info.name, content
