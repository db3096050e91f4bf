"""What the daemon does with an image before it starts it (``albatross-protocol`` 4.2, step 4).

These functions read files and may take a while: they run in a thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from albatross.messages import Arguments
from albatross.simulator import elf
from albatross.simulator.host import Host
from albatross.simulator.images import BEHAVIOUR_SECTION
from albatross.simulator.state import Refused

MAX_IMAGE = 2**30  # bytes, also when inflated; the real daemon knows no limit but its memory
PIECE = 256 * 1024

_ZLIB_TEXTS = ("header check", "compression method", "window size")


@dataclass(frozen=True, slots=True)
class Prepared:
    """An image that can be started; ``story`` is what the simulated unikernel does."""

    digest: bytes
    target: str
    story: bytes | None


def prepare(path: Path, *, compressed: bool, host: Host, arguments: Arguments) -> Prepared:
    """Check the image in the file *path* as the daemon does. ``Refused`` with its text."""
    with plain_image(path, compressed=compressed) as file:
        target, version = elf.abi(file)
        if host.tenders.get(target) != version:
            raise Refused(_no_tender(host, target, version))
        _check_devices(elf.manifest(file), arguments)
        story = elf.section(file, BEHAVIOUR_SECTION)
        return Prepared(_digest(file), target, story)


def check_devices(path: Path, *, compressed: bool, arguments: Arguments) -> None:
    """``Refused`` unless *arguments* name exactly the devices that the image has."""
    with plain_image(path, compressed=compressed) as file:
        _check_devices(elf.manifest(file), arguments)


def _no_tender(host: Host, target: str, version: int) -> str:
    names = [f"solo5-{target}.{version}", f"solo5-{target}"]
    places = [place for name in names for place in (f"{host.directory}/{name}", name)]
    return f"tender does not exist, looked for {', '.join(places)}"


def _check_devices(devices: Iterable[elf.Device], arguments: Arguments) -> None:
    devices = list(devices)
    present = ", ".join(map(str, devices))

    def names(kind: str) -> set[str]:
        return {device.name for device in devices if device.kind == kind}

    if names("block") != {device.name for device in arguments.blocks}:
        raise Refused(
            f"specified block device(s) does not match with manifest. Devices present in manifest: {present}"
        )
    if names("net") != {device.name for device in arguments.bridges}:
        raise Refused(
            f"specified bridge(s) does not match with the manifest. Devices present in manifest: {present}"
        )


@contextlib.contextmanager
def plain_image(path: Path, *, compressed: bool) -> Iterator[BinaryIO]:
    """The uncompressed image in the file *path*, open for reading. ``Refused`` if it can't be inflated."""
    with path.open("rb") as file:
        if not compressed:
            yield file
            return
        with tempfile.TemporaryFile(dir=path.parent) as plain:
            _inflate(file, plain)
            yield plain


def _inflate(source: BinaryIO, target: BinaryIO) -> None:
    """Inflate one zlib stream; what comes after its end is ignored."""
    inflater = zlib.decompressobj()
    written = 0
    try:
        while not inflater.eof:
            data = inflater.unconsumed_tail or source.read(PIECE)
            piece = inflater.decompress(data, PIECE)
            if not data and not piece:
                raise Refused("failed to uncompress: Unexpected end of input")
            written += target.write(piece)
            if written > MAX_IMAGE:
                raise Refused("failed to uncompress: it gets too large")
    except zlib.error as error:
        raise Refused(f"failed to uncompress: {_zlib_text(str(error))}") from error


def _zlib_text(text: str) -> str:
    if any(known in text for known in _ZLIB_TEXTS):
        return "Invalid Zlib header"
    return "Invalid checksum" if "data check" in text else "Invalid dictionary"


def _digest(file: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    file.seek(0)
    for piece in iter(lambda: file.read(PIECE), b""):
        digest.update(piece)
    return digest.digest()
