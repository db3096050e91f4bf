"""Images for simulated instances: real ELF64 files with Solo5 notes, and a story of what they do.

What a real unikernel does is in its code. Here it is in a section of the file, as JSON
(``behaviour.Behaviour`` tells the words), so that a new build can do something else or be broken.
The same request always gives the same bytes.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from albatross.simulator import elf

BEHAVIOUR_SECTION = ".mollymawk.behaviour"

_HEADER = struct.Struct("<4sBBBB8xHHIQQQIHHHHHH")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
_PROGBITS, _STRTAB, _NOTE = 1, 3, 7
_EXECUTABLE, _X86_64 = 2, 62
_KINDS = {"block": elf.BLOCK, "net": elf.NET}
_TARGETS = {name: number for number, name in elf.TARGETS.items()}


def build_image(
    *,
    target: str = "hvt",
    version: int = 2,
    devices: Iterable[tuple[str, str]] = (),
    behaviour: Mapping[str, Any] | None = None,
    padding: int = 0,
) -> bytes:
    """An image for *target* with *devices*, pairs of name and ``"net"`` or ``"block"``.

    *behaviour* None leaves its section out. *padding* adds that many bytes that do not compress.
    """
    sections = [
        (elf.ABI_SECTION, _NOTE, _note(elf.ABI_TYPE, elf.ABI.pack(_TARGETS[target], version, 0, 0))),
        (elf.MANIFEST_SECTION, _NOTE, _note(elf.MANIFEST_TYPE, _manifest(list(devices)))),
    ]
    if behaviour is not None:
        story = json.dumps(behaviour, sort_keys=True, ensure_ascii=False).encode()
        sections.append((BEHAVIOUR_SECTION, _PROGBITS, story))
    if padding:
        sections.append((".padding", _PROGBITS, random.Random(padding).randbytes(padding)))  # noqa: S311 - filler
    return _elf(sections)


def _note(note_type: int, description: bytes) -> bytes:
    return elf.NOTE_HEADER.pack(6, len(description), note_type, elf.NOTE_OWNER) + description


def _manifest(devices: list[tuple[str, str]]) -> bytes:
    entries = [elf.ENTRY.pack(b"", elf.RESERVED_FIRST, b"", b"", 0)]
    entries += [elf.ENTRY.pack(name.encode(), _KINDS[kind], b"", b"", 0) for name, kind in devices]
    return elf.MANIFEST_HEADER.pack(1, len(entries)) + b"".join(entries)


def _elf(sections: list[tuple[str, int, bytes]]) -> bytes:
    """A file of these sections (name, type, bytes), each at a multiple of 16, and their table."""
    names = b"\0"
    body = bytearray(_HEADER.size)
    table = [_SECTION_HEADER.pack(*[0] * 10)]
    names_at_end = b"".join(name.encode() + b"\0" for name, _, _ in sections) + b".shstrtab\0"
    for name, kind, data in [*sections, (".shstrtab", _STRTAB, names + names_at_end)]:
        body += bytes(-len(body) % 16)
        alignment = 4 if kind == _NOTE else 1
        table.append(_SECTION_HEADER.pack(len(names), kind, 0, 0, len(body), len(data), 0, 0, alignment, 0))
        names += name.encode() + b"\0"
        body += data
    body += bytes(-len(body) % 16)
    _HEADER.pack_into(
        body, 0, b"\x7fELF", 2, 1, 1, 0, _EXECUTABLE, _X86_64, 1, 0, 0, len(body),
        0, _HEADER.size, 0, 0, _SECTION_HEADER.size, len(table), len(table) - 1,
    )  # fmt: skip
    return bytes(body) + b"".join(table)


@dataclass(frozen=True, slots=True)
class Example:
    """An image that a newcomer can try. ``devices`` are pairs of name and kind."""

    name: str
    description: str
    image: bytes
    devices: tuple[tuple[str, str], ...]
    behaviour: Mapping[str, Any]


_NET = (("service", "net"),)
_ZONE = {"@": {"A": ["127.77.0.1"], "TXT": ["a simulated zone"]}, "www": {"A": ["127.77.0.1"]}}
_STORIES: tuple[tuple[str, str, tuple[tuple[str, str], ...], dict[str, Any]], ...] = (
    (
        "hello",
        "prints a line every five seconds; needs no device",
        (),
        {"lines": ["Hello, World!"], "tick": "still here", "every": 5, "memory": 4},
    ),
    (
        "web",
        "a web server (port 8080) on the network device `service`",
        _NET,
        {"lines": ["web 1 is starting"], "http": {"text": "Hello from build 1\n"}, "memory": 12},
    ),
    (
        "web-2",
        "the next build of `web`, with another text",
        _NET,
        {"lines": ["web 2 is starting"], "http": {"text": "Hello from build 2\n"}, "memory": 14},
    ),
    (
        "dns",
        "a name server (port 5353) for the zone `simulated.test`",
        _NET,
        {"lines": ["dns is starting"], "dns": {"zone": "simulated.test", "records": _ZONE}, "memory": 8},
    ),
    (
        "resolver",
        "a web server whose next build does not answer: to see how an upgrade goes back",
        _NET,
        {"lines": ["resolver is starting"], "http": {"text": "Ready to resolve\n"}, "memory": 10},
    ),
    (
        "store",
        "a web server that needs the block device `storage` too",
        (*_NET, ("storage", "block")),
        {"lines": ["store is starting"], "http": {"text": "Hello from the store\n"}, "memory": 16},
    ),
    (
        "crasher",
        "ends with exit code 1 after two seconds: to see how a failed deploy looks",
        (),
        {"lines": ["this will not end well"], "exit": 1, "exit_after": 2, "memory": 2},
    ),
)


def examples() -> dict[str, Example]:
    """The example images by name, for the tender hvt."""
    return {
        name: Example(name, description, build_image(devices=devices, behaviour=story), devices, story)
        for name, description, devices, story in _STORIES
    }
