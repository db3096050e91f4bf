"""The block devices of a simulated instance: sparse files (``albatross-protocol`` 4.9)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from albatross import messages as m
from albatross.names import Name
from albatross.simulator.journal import Journal
from albatross.simulator.state import Refused, State
from albatross.simulator.store import Store

MB = 2**20
PLAIN_PIECE = 4096  # bytes of a plain dump in one message
COMPRESSED_PIECE = 65_536
MAX_CHUNK = 16 * MB  # of an upload; clients send 64 KiB, the real daemon takes anything
ZLIB_LEVELS = range(10)
QUEUED_CHUNKS = 2  # that the daemon still takes from its socket once it has stopped to write


class Upload:
    """Takes the chunks of ``block_set``. ``stuck`` is true once the daemon would read no more."""

    def __init__(self, file: BinaryIO, size: int, *, compressed: bool) -> None:
        self._file, self._size, self._room = file, size, size
        self._inflater = zlib.decompressobj() if compressed else None
        self._failure: str | None = None
        self._ignored = 0

    @property
    def stuck(self) -> bool:
        return self._ignored > QUEUED_CHUNKS

    def feed(self, chunk: bytes) -> None:
        if self._failure is not None or (self._inflater is not None and self._inflater.eof):
            self._ignored += 1
        elif self._inflater is None:
            self._write(chunk)
        else:
            self._inflate(chunk[:COMPRESSED_PIECE])  # the rest is lost, as the original loses it

    def finish(self) -> None:
        """The stream ended: ``Refused`` when it was not what the device can hold."""
        if self._failure is None and self._inflater is not None and not self._inflater.eof:
            self._failure = "error writing to file descriptor"
        if self._failure is not None:
            raise Refused(self._failure)

    def close(self) -> None:
        """Close the file, filled up with zeros; also after a stream that was cut."""
        self._file.truncate(self._size)
        self._file.close()

    def _inflate(self, chunk: bytes) -> None:
        assert self._inflater is not None
        try:
            self._write(self._inflater.decompress(chunk, self._room + 1))
        except zlib.error:
            self._failure = "error writing to file descriptor"

    def _write(self, data: bytes) -> None:
        if len(data) > self._room:
            self._failure = "stream exceeds size"
            return
        self._room -= len(data)
        self._file.write(data)


class Blocks:
    """The verbs on block devices; all raise ``Refused``."""

    def __init__(self, state: State, store: Store, journal: Journal) -> None:
        self._state, self._store, self._journal = state, store, journal

    def add(self, name: Name, size: int) -> None:
        self._state.check_block_addition(name, size)
        path = self._store.block(name)
        if path.exists():
            raise Refused("file already exists")
        with path.open("xb") as file:
            if size <= 0 or size * MB > m.MAX_INT:
                raise Refused("overflow while computing bytes")  # and the empty file stays
            try:
                file.truncate(size * MB)
            except OSError as error:
                raise Refused(f"error while growing the file: {error.strerror}") from error
        self._state.blocks[name.labels] = (name, size)
        self._store.save(self._state)
        self._journal.add("added", name, detail=str(size))

    def remove(self, name: Name) -> None:
        self._state.check_block_idle(name, "remove")
        self._store.block(name).unlink(missing_ok=True)
        del self._state.blocks[name.labels]
        self._store.save(self._state)
        self._journal.add("removed", name)

    def begin_upload(self, name: Name, *, compressed: bool) -> Upload:
        """Empty the device, whose old content is lost from here on, and take a stream."""
        size = self._state.check_block_idle(name, "set")
        file = self._store.block(name).open("wb")
        self._journal.add("written", name)
        return Upload(file, size * MB, compressed=compressed)

    def write(self, name: Name, data: bytes, *, compressed: bool) -> None:
        """The old form of ``set``, with the data in the command."""
        upload = self.begin_upload(name, compressed=compressed)
        try:
            for start in range(0, len(data), COMPRESSED_PIECE):
                upload.feed(data[start : start + COMPRESSED_PIECE])
            upload.finish()
        except Refused as refused:
            raise Refused("data exceeds block size") from refused
        finally:
            upload.close()

    def dump(self, name: Name, level: int) -> Iterator[bytes]:
        """The content in pieces, as one zlib stream unless *level* is 0."""
        self._state.check_block_idle(name, "dump")
        path = self._store.block(name)
        if not path.exists():
            raise Refused("file does not exist")
        return _pieces(path, level)


def _pieces(path: Path, level: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        if level == 0:
            yield from iter(lambda: file.read(PLAIN_PIECE), b"")
            return
        deflater = zlib.compressobj(level)
        waiting = b""
        for data in iter(lambda: file.read(COMPRESSED_PIECE), b""):
            waiting += deflater.compress(data)
            while len(waiting) >= COMPRESSED_PIECE:
                yield waiting[:COMPRESSED_PIECE]
                waiting = waiting[COMPRESSED_PIECE:]
        waiting += deflater.flush()
        for start in range(0, len(waiting), COMPRESSED_PIECE):
            yield waiting[start : start + COMPRESSED_PIECE]
