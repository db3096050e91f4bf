"""What a Solo5 image says of itself: ABI, devices, digest.

An image is an ELF file with two notes, found by the names of their sections: the ABI it was built for
and the manifest of its devices. It is read as Albatross reads it (solo5-elftool), so that nothing is
accepted here that an instance would refuse after it has ended the running unikernel. Only the parts that
matter are read, every offset is checked against the size of the file, and whatever is wrong raises
``ImageRefused`` with a sentence for the person who chose the file.
"""

from __future__ import annotations

import enum
import hashlib
import io
import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from albatross.errors import ImageRefused

MAX_IMAGE = 2**30  # bytes, uncompressed; real images have 1 to 100 MB
MAX_SECTION_NAMES = 2**20  # bytes of the string table; real ones have some hundred

_CHUNK = 2**18  # bytes that are held at a time
_END_OF_OFFSETS = 2**62  # the original's integers have 63 bits

_MANIFEST_SECTION = b".note.solo5.manifest\0"
_ABI_SECTION = b".note.solo5.abi\0"
_OWNER = b"Solo5\0"
_MFT1, _ABI1 = 0x3154464D, 0x31494241

_ABI = struct.Struct("<IIII")  # target, version, two reserved words
_MANIFEST = struct.Struct("<4xII")  # version, number of entries
_ENTRY = struct.Struct("<68sI16s8sB7x")  # name, type, contents, backing, attached
_MAX_ENTRIES = 64
_MAX_NOTE = 2**16  # bytes; the largest manifest has 6,668
_RESERVED_FIRST = 0x40000000

_MAGIC = b"\x7fELF"

_NO_ELF = "This file is not a Solo5 image: it is not an ELF file."
_BROKEN = "The ELF file is damaged or incomplete: "


class Target(enum.StrEnum):
    """The tender or platform that an image was linked for."""

    HVT = "hvt"
    SPT = "spt"
    VIRTIO = "virtio"
    MUEN = "muen"
    GENODE = "genode"
    XEN = "xen"


class DeviceKind(enum.StrEnum):
    """What an image needs."""

    BLOCK = "block"
    NET = "net"


_TARGETS = dict(enumerate(Target, start=1))
_KINDS = {1: DeviceKind.BLOCK, 2: DeviceKind.NET}


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the manifest; ``name`` may hold any bytes but NUL (surrogateescape)."""

    name: str
    kind: DeviceKind


@dataclass(frozen=True, slots=True)
class ImageNotes:
    """What an image was built for, and its devices in the order of its manifest."""

    target: Target
    version: int
    devices: tuple[Device, ...]

    @property
    def runnable(self) -> bool:
        """Whether Albatross has a tender for such images."""
        return self.target in {Target.HVT, Target.SPT}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts(ImageNotes):
    """All that is known of an image. ``digest`` (SHA-256) and ``size`` are of its uncompressed form."""

    digest: bytes
    size: int
    compressed: bool


def inspect(file: BinaryIO, *, plain: BinaryIO | None = None, max_size: int = MAX_IMAGE) -> ImageFacts:
    """The facts of the image in *file* (seekable), plain or compressed with zlib, in constant memory.

    The uncompressed form is written to *plain* (empty, readable and seekable), if one is given.
    ``ImageRefused`` when it is no image, or larger than *max_size* bytes.
    """
    compressed = _is_compressed(file)
    with tempfile.TemporaryFile() as scratch:
        if plain is None and compressed:
            plain = scratch
        digest, size = _digest(_inflated(file) if compressed else _chunks(file), plain, max_size)
        notes = read_notes(file if plain is None else plain)
    return ImageFacts(
        notes.target, notes.version, notes.devices, digest=digest, size=size, compressed=compressed
    )


def read_notes(file: BinaryIO) -> ImageNotes:
    """The notes of the uncompressed image in *file* (seekable), of which only these parts are read."""
    elf = _Elf(file)
    target, version = _parse_abi(elf.note(_ABI_SECTION, _ABI1))
    devices = _parse_manifest(elf.note(_MANIFEST_SECTION, _MFT1))
    return ImageNotes(target, version, devices)


# --- bytes ---------------------------------------------------------------------------------------


def _is_compressed(file: BinaryIO) -> bool:
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    if head == _MAGIC:
        return False
    if head[:2] == b"\x1f\x8b":
        raise ImageRefused("This file is compressed with gzip: unpack it first.")
    if len(head) == 4 and head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0:
        return True
    raise ImageRefused(_NO_ELF)


def _digest(chunks: Iterator[bytes], plain: BinaryIO | None, max_size: int) -> tuple[bytes, int]:
    """SHA-256 and length of all chunks, which are written to *plain*."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_size:
            raise ImageRefused(f"This image is too large: more than {max_size} bytes uncompressed.")
        digest.update(chunk)
        if plain is not None:
            plain.write(chunk)
    return digest.digest(), size


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK), b"")


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    """The content of a zlib stream, in pieces of bounded size however well it was compressed."""
    inflater = zlib.decompressobj()
    try:
        for chunk in _chunks(file):
            pending = chunk
            while pending and not inflater.eof:
                yield inflater.decompress(pending, _CHUNK)
                pending = inflater.unconsumed_tail
            if inflater.eof:
                break
    except zlib.error as error:
        raise ImageRefused("The compressed image is damaged.") from error
    if not inflater.eof:
        raise ImageRefused("The compressed image is incomplete.")
    if inflater.unused_data or file.read(1):
        raise ImageRefused("There are surplus bytes after the compressed image.")


# --- ELF -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Section:
    name: int  # offset in the string table
    offset: int
    size: int


class _Elf:
    """An ELF file, whose notes can be read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, io.SEEK_END)
        self._order = self._byte_order()
        self._sections, self._names = self._read_sections()

    def note(self, section_name: bytes, kind: int) -> bytes:
        """The content of the first note in a section."""
        found = (s for s in self._sections if self._names.startswith(section_name, s.name))
        section = next(found, None)
        if section is None or section.size < 12:
            raise _no_note(section_name)
        name_size, size, note_kind = self._unpack(section.offset, "III")
        start = section.offset + 12
        if name_size != len(_OWNER) or note_kind != kind or self._read(start, name_size) != _OWNER:
            raise _no_note(section_name)
        if size > _MAX_NOTE:
            raise ImageRefused(f"{_BROKEN}a note of {size} bytes.")
        start += name_size
        return self._read(start + -start % 4, size)

    def _byte_order(self) -> str:
        if self._read(0, min(4, self._size)) != _MAGIC:
            raise ImageRefused(_NO_ELF)
        ident = self._read(0, 16)
        if ident[4] != 2:
            raise ImageRefused("This file is not a Solo5 image: it is not a 64-bit ELF file.")
        if ident[5] not in (1, 2) or any(ident[9:]):
            raise ImageRefused(f"{_BROKEN}its identification is unknown.")
        return "<" if ident[5] == 1 else ">"

    def _read_sections(self) -> tuple[list[_Section], bytes]:
        """All sections, and the table of their names."""
        (table,) = self._unpack(0x28, "I")  # of 8 octets only these are read, in either byte order
        entry_size, count, names_index = self._unpack(0x3A, "HHH")
        sections = [_Section(*self._unpack(table + index * entry_size, "I20xQQ")) for index in range(count)]
        if any(max(section.offset, section.size) >= _END_OF_OFFSETS for section in sections):
            raise ImageRefused(f"{_BROKEN}the place of a section is impossible.")
        if names_index >= count:
            raise ImageRefused(f"{_BROKEN}its sections have no names.")
        names = self._read_names(sections[names_index])
        last_end = names.rfind(b"\0")
        if any(section.name > last_end for section in sections):
            raise ImageRefused(f"{_BROKEN}the name of a section does not end.")
        return sections, names

    def _read_names(self, section: _Section) -> bytes:
        there = max(self._size - section.offset, 0)
        return self._read(section.offset, min(section.size, there, MAX_SECTION_NAMES)) if there else b""

    def _read(self, offset: int, size: int) -> bytes:
        if offset + size > self._size:
            raise ImageRefused(f"{_BROKEN}it ends before byte {offset + size}.")
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) != size:
            raise ImageRefused(f"{_BROKEN}it became shorter while it was read.")
        return data

    def _unpack(self, offset: int, form: str) -> tuple[int, ...]:
        form = self._order + form
        return struct.unpack(form, self._read(offset, struct.calcsize(form)))


def _no_note(section_name: bytes) -> ImageRefused:
    what = section_name.rstrip(b"\0").decode()
    return ImageRefused(f"This ELF file is not a Solo5 image: it has no Solo5 note in {what}.")


# --- notes ---------------------------------------------------------------------------------------


def _parse_abi(note: bytes) -> tuple[Target, int]:
    if len(note) != _ABI.size:
        raise ImageRefused("The Solo5 ABI note of this image has a wrong size.")
    target, version, *reserved = _ABI.unpack(note)
    if target not in _TARGETS:
        raise ImageRefused(f"This image is for a Solo5 target that is not known: {target}.")
    if any(reserved):
        raise ImageRefused("The Solo5 ABI note of this image has reserved fields that are not zero.")
    return _TARGETS[target], version


def _parse_manifest(note: bytes) -> tuple[Device, ...]:
    if len(note) < _MANIFEST.size + _ENTRY.size:
        raise _bad_manifest("manifest too small")
    version, count = _MANIFEST.unpack_from(note)
    if version != 1:
        raise _bad_manifest("unsupported manifest version")
    if count == 0:
        raise _bad_manifest("zero manifest entries")
    if count > _MAX_ENTRIES:
        raise _bad_manifest("too many manifest entries")
    if len(note) != _MANIFEST.size + count * _ENTRY.size:
        raise _bad_manifest("unexpected note size")
    first, *entries = _ENTRY.iter_unpack(note[_MANIFEST.size :])
    if first != (bytes(68), _RESERVED_FIRST, bytes(16), bytes(8), 0):
        raise _bad_manifest("expected RESERVED_FIRST")
    return tuple(_parse_entry(*entry) for entry in entries)


def _parse_entry(raw_name: bytes, kind: int, contents: bytes, backing: bytes, attached: int) -> Device:
    name, end, _ = raw_name.partition(b"\0")
    if not end:
        raise _bad_manifest("unterminated device name")
    if any(contents) or any(backing) or attached:
        raise _bad_manifest("non-zero mft_entry")
    if kind == _RESERVED_FIRST:
        raise _bad_manifest("found RESERVED_FIRST not as first entry")
    if kind not in _KINDS:
        raise _bad_manifest(f"unknown manifest entry type: {kind}")
    return Device(name.decode("utf-8", "surrogateescape"), _KINDS[kind])


def _bad_manifest(reason: str) -> ImageRefused:
    return ImageRefused(f"The Solo5 manifest of this image cannot be used: {reason}.")
