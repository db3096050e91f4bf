"""Sections of an ELF64 file, and the Solo5 notes in them, as the daemon reads them.

A second reader beside the client's, on purpose: the simulated instance judges an image by itself,
with the texts of ``solo5-elftool`` (``albatross-protocol`` section 7), raised as ``Refused``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from albatross.simulator.state import Refused

ABI_SECTION = ".note.solo5.abi"
MANIFEST_SECTION = ".note.solo5.manifest"
TARGETS = {1: "hvt", 2: "spt", 3: "virtio", 4: "muen", 5: "genode", 6: "xen"}
BLOCK, NET, RESERVED_FIRST = 1, 2, 0x40000000
MAX_ENTRIES = 64

MAX_SECTION = 1024 * 1024  # a note is under 7 KB, and nobody writes a longer behaviour
MAX_SECTIONS = 4096  # a linked unikernel has some 20

NOTE_HEADER = struct.Struct("<III8s")  # name size, description size, type, name
NOTE_OWNER = b"Solo5\0\0\0"
ABI_TYPE, MANIFEST_TYPE = 0x31494241, 0x3154464D
ABI = struct.Struct("<IIII")  # target, version, two reserved
MANIFEST_HEADER = struct.Struct("<4xII")  # version, entries
ENTRY = struct.Struct("<68sI16s8sB7x")  # name, type, union, backing, attached


@dataclass(frozen=True, slots=True)
class Device:
    """An entry of the manifest; ``kind`` is ``block`` or ``net``."""

    name: str
    kind: str

    def __str__(self) -> str:
        return f'{self.kind} "{self.name}"'


def section(file: BinaryIO, wanted: str) -> bytes | None:
    """The bytes of the section called *wanted*, or None; ``Refused`` when it is no readable ELF64."""
    try:
        return _section(file, wanted.encode())
    except (struct.error, OverflowError, OSError) as error:
        raise Refused("error during ELF parsing") from error


def _section(file: BinaryIO, wanted: bytes) -> bytes | None:
    ident = _at(file, 0, 16)
    if ident[:4] != b"\x7fELF" or ident[4] != 2 or ident[5] not in (1, 2) or any(ident[9:]):
        raise Refused("error during ELF parsing")
    order = "<" if ident[5] == 1 else ">"
    (table,) = struct.unpack(order + "I", _at(file, 0x28, 4))
    size, count, names_index = struct.unpack(order + "HHH", _at(file, 0x3A, 6))
    if count > MAX_SECTIONS or names_index >= count:
        raise Refused("error during ELF parsing")

    def header(index: int) -> tuple[int, int, int]:
        start = table + index * size
        (name,) = struct.unpack(order + "I", _at(file, start, 4))
        offset, length = struct.unpack(order + "QQ", _at(file, start + 24, 16))
        return name, offset, length

    _, offset, length = header(names_index)
    names = _at(file, offset, length)
    for index in range(count):
        name, offset, length = header(index)
        if names[name:].split(b"\0", 1)[0] == wanted:
            return _at(file, offset, length)
    return None


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    if length > MAX_SECTION:
        raise Refused("error during ELF parsing")
    file.seek(offset)
    data = file.read(length)
    if len(data) != length:
        raise Refused("error during ELF parsing")
    return data


def _note(file: BinaryIO, wanted: str, note_type: int) -> bytes:
    """The description of the first note in a section."""
    data = section(file, wanted)
    if data is None:
        raise Refused("manifest not found")
    if len(data) < NOTE_HEADER.size:
        raise Refused("error during ELF parsing")
    name_size, size, found, owner = NOTE_HEADER.unpack_from(data)
    if found != note_type or name_size != 6 or owner != NOTE_OWNER:
        raise Refused("manifest not found")
    description = data[NOTE_HEADER.size :][:size]
    if len(description) != size:
        raise Refused("error during ELF parsing")
    return description


def abi(file: BinaryIO) -> tuple[str, int]:
    """Target and ABI version; only those with a tender (hvt, spt) come back."""
    description = _note(file, ABI_SECTION, ABI_TYPE)
    if len(description) != ABI.size:
        raise Refused("abi manifest size mismatch")
    target, version, *reserved = ABI.unpack(description)
    if target not in TARGETS:
        raise Refused(f"unknown abi target: {target}")
    for index, value in enumerate(reserved):
        if value:
            raise Refused(f"non-zero reserved{index}")
    if TARGETS[target] not in ("hvt", "spt"):
        raise Refused(f"unsupported solo5 target {TARGETS[target]}")
    return TARGETS[target], version


def manifest(file: BinaryIO) -> tuple[Device, ...]:
    """The devices of the image, in its order."""
    description = _note(file, MANIFEST_SECTION, MANIFEST_TYPE)
    if len(description) < MANIFEST_HEADER.size:
        raise Refused("manifest too small")
    version, entries = MANIFEST_HEADER.unpack_from(description)
    if version != 1:
        raise Refused("unsupported manifest version")
    if entries == 0:
        raise Refused("zero manifest entries")
    if entries > MAX_ENTRIES:
        raise Refused("too many manifest entries")
    if len(description) != MANIFEST_HEADER.size + entries * ENTRY.size:
        raise Refused("unexpected note size")
    body = memoryview(description)[MANIFEST_HEADER.size :]
    found = [_device(index, fields) for index, fields in enumerate(ENTRY.iter_unpack(body))]
    return tuple(device for device in found if device is not None)


def _device(index: int, fields: tuple[bytes, int, bytes, bytes, int]) -> Device | None:
    name, kind, union, backing, attached = fields
    if index == 0 and (kind != RESERVED_FIRST or any(name)):
        raise Refused("expected RESERVED_FIRST")
    if index > 0 and kind == RESERVED_FIRST:
        raise Refused("found RESERVED_FIRST not as first entry")
    label, end, _ = name.partition(b"\0")
    if not end:
        raise Refused("unterminated device name")
    for field, value in (("u", any(union)), ("b", any(backing)), ("attached", attached)):
        if value:
            raise Refused(f"non-zero mft_entry.{field}")
    if index == 0:
        return None
    if kind not in (BLOCK, NET):
        raise Refused(f"unknown manifest entry type: {kind}")
    return Device(label.decode(errors="surrogateescape"), "block" if kind == BLOCK else "net")
