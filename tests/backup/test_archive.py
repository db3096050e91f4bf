"""The file of a backup: every byte is told, and a file that was cut or changed is no backup."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from unikernels.backup.archive import Damaged, Writer, examine, members

PARTS = {"rows/a.jsonl": b"{}\n" * 3, "images/b": bytes(range(256)) * 20_000}


@pytest.fixture
def whole() -> bytes:
    """A small backup."""
    file = io.BytesIO()
    writer = Writer(file)
    for name, data in PARTS.items():
        writer.add(name, io.BytesIO(data), len(data))
    writer.finish({"made_at": "now"})
    return file.getvalue()


def test_what_is_written_is_read(whole: bytes) -> None:
    assert {name: content.read() for name, content in members(io.BytesIO(whole))} == PARTS
    manifest = examine(io.BytesIO(whole))
    assert manifest["made_at"] == "now"
    assert {name: member["size"] for name, member in manifest["members"].items()} == {
        name: len(data) for name, data in PARTS.items()
    }


@pytest.mark.parametrize("part", [0, 1, 600, 0.3, 0.9, 0.997])
def test_a_file_that_was_cut_is_refused(whole: bytes, part: float) -> None:
    length = part if isinstance(part, int) else int(len(whole) * part)
    with pytest.raises(Damaged):
        examine(io.BytesIO(whole[:length]))


@pytest.mark.parametrize("at", [b"{}\n{}", b"\x7e\x7f\x80", b'"made_at"', b'"size"'])
def test_a_byte_that_changed_is_found(whole: bytes, at: bytes) -> None:
    place = whole.index(at) + 1
    changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    if at == b'"made_at"':
        assert "made_at" not in examine(io.BytesIO(changed))  # of the facts it only tells
        return
    with pytest.raises(Damaged):
        examine(io.BytesIO(changed))


def test_something_else_is_refused(tmp_path: Path) -> None:
    for data in (b"", b"hello", bytes(10_240), b"\x1f\x8b" + bytes(100)):
        with pytest.raises(Damaged):
            examine(io.BytesIO(data))
