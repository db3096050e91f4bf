"""Reading the notes of Solo5 images, and refusing everything else with a sentence."""

import hashlib
import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albatross.errors import ImageRefused
from albatross.solo5 import Device, DeviceKind, ImageNotes, Target, inspect, read_notes
from tests.albatross import elf

NET, BLOCK = DeviceKind.NET, DeviceKind.BLOCK
# Notes of the upstream sample test_hello.hvt, as they are in the file.
HELLO_MANIFEST = bytes.fromhex(
    "06000000740000004d465431536f6c6f35000000000000000100000001000000"
) + elf.entry(b"", elf.RESERVED_FIRST)
HELLO_ABI = bytes.fromhex("060000001000000041424931536f6c6f3500000001000000020000000000000000000000")
ABI_SECTION = (b".note.solo5.abi", HELLO_ABI)
MANIFEST_SECTION = (b".note.solo5.manifest", HELLO_MANIFEST)


def notes_of(data: bytes) -> ImageNotes:
    return read_notes(io.BytesIO(data))


def refusal(data: bytes) -> str:
    """Why an image is refused, in the same words wherever it is looked at."""
    with pytest.raises(ImageRefused) as one:
        notes_of(data)
    with pytest.raises(ImageRefused) as other:
        inspect(io.BytesIO(data))
    assert str(one.value) == str(other.value)
    return str(one.value)


def refused_manifest(content: bytes) -> str:
    prefix = "The Solo5 manifest of this image cannot be used: "
    return refusal(elf.image_of(elf.abi(), content)).removeprefix(prefix)


# --- good images ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", elf.TARGETS)
def test_every_target_is_read(name: str) -> None:
    notes = notes_of(elf.image(target=name, version=7))
    assert (notes.target.value, notes.version) == (name, 7)


@pytest.mark.parametrize("target", Target)
def test_only_hvt_and_spt_run_on_albatross(target: Target) -> None:
    assert ImageNotes(target, 2, ()).runnable == (target.value in {"hvt", "spt"})


def test_devices_keep_the_order_of_the_manifest() -> None:
    image = elf.image(devices=(("service", elf.NET), ("data", elf.BLOCK), ("admin", elf.NET)))
    assert notes_of(image).devices == (Device("service", NET), Device("data", BLOCK), Device("admin", NET))


def test_notes_of_an_upstream_image_are_read() -> None:
    image = elf.elf(MANIFEST_SECTION, ABI_SECTION)
    assert notes_of(image) == ImageNotes(Target.HVT, 2, ())


def test_sixty_three_devices_are_the_most() -> None:
    devices = tuple((f"net{number}", elf.NET) for number in range(63))
    assert len(notes_of(elf.image(devices=devices)).devices) == 63
    assert refused_manifest(elf.manifest(*[elf.entry(b"net", elf.NET)] * 64)) == "too many manifest entries."


@pytest.mark.parametrize("name", [b"", b"under_score", b"sp ace", b"x" * 67, b"caf\xc3\xa9", b"\xff"])
def test_device_names_are_not_judged(name: bytes) -> None:
    (device,) = notes_of(elf.image_of(elf.abi(), elf.manifest(elf.entry(name, elf.NET)))).devices
    assert device.name.encode("utf-8", "surrogateescape") == name


def test_what_follows_the_end_of_a_device_name_does_not_matter() -> None:
    image = elf.image_of(elf.abi(), elf.manifest(elf.entry(b"net\0junk", elf.NET)))
    assert notes_of(image).devices == (Device("net", NET),)


def test_big_endian_files_are_read_the_way_the_original_does() -> None:
    assert notes_of(elf.image(devices=(("net", elf.NET),), order=">")).devices == (Device("net", NET),)


def test_other_sections_do_not_matter() -> None:
    image = elf.elf((b".text", b"code"), ABI_SECTION, (b".data", b""), MANIFEST_SECTION)
    assert notes_of(image).target is Target.HVT


def test_the_first_section_of_a_name_counts() -> None:
    other = (b".note.solo5.abi", elf.note(elf.ABI1, elf.abi(version=9)))
    assert notes_of(elf.elf(ABI_SECTION, other, MANIFEST_SECTION)).version == 2
    assert notes_of(elf.elf(other, ABI_SECTION, MANIFEST_SECTION)).version == 9


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\x7f", b"\x7fEL", b"MZ", b"#!/bin/sh\n", b"hello, this is a text"])
def test_what_is_not_elf_is_called_so(data: bytes) -> None:
    assert refusal(data) == "This file is not a Solo5 image: it is not an ELF file."


def test_32_bit_files_are_called_so() -> None:
    data = bytearray(elf.image())
    data[4] = 1
    assert refusal(bytes(data)) == "This file is not a Solo5 image: it is not a 64-bit ELF file."


@pytest.mark.parametrize(("position", "value"), [(5, 0), (5, 3), (9, 1), (15, 255)])
def test_an_unknown_identification_is_refused(position: int, value: int) -> None:
    data = bytearray(elf.image())
    data[position] = value
    assert "identification" in refusal(bytes(data))


def test_an_elf_file_without_notes_is_no_image() -> None:
    assert refusal(elf.elf((b".text", b"code"))) == (
        "This ELF file is not a Solo5 image: it has no Solo5 note in .note.solo5.abi."
    )
    only_abi = elf.elf(ABI_SECTION)
    assert "no Solo5 note in .note.solo5.manifest" in refusal(only_abi)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\0" * 11,
        elf.note(elf.MFT1, elf.abi()),
        elf.note(elf.ABI1, elf.abi(), owner=b"Linux\0"),
        elf.note(elf.ABI1, elf.abi(), owner=b"Solo5"),
        elf.note(elf.ABI1, elf.abi(), owner=b"Solo55\0"),
    ],
)
def test_a_note_of_another_kind_or_owner_is_not_ours(wrong: bytes) -> None:
    image = elf.elf((b".note.solo5.abi", wrong), MANIFEST_SECTION)
    assert "no Solo5 note" in refusal(image)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "wrong size"),
        (elf.abi() + b"\0", "wrong size"),
        (elf.abi(target=0), "target that is not known: 0"),
        (elf.abi(target=7), "target that is not known: 7"),
        (elf.abi(reserved=(1, 0)), "reserved fields"),
        (elf.abi(reserved=(0, 1)), "reserved fields"),
    ],
)
def test_a_wrong_abi_note_is_refused(content: bytes, reason: str) -> None:
    assert reason in refusal(elf.image_of(content, elf.manifest()))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "manifest too small"),
        (elf.raw_manifest(), "manifest too small"),
        (elf.manifest(version=0), "unsupported manifest version"),
        (elf.manifest(version=2), "unsupported manifest version"),
        (elf.manifest(count=0), "zero manifest entries"),
        (elf.manifest(count=2), "unexpected note size"),
        (elf.manifest(count=65), "too many manifest entries"),
        (elf.manifest(count=2**32 - 1), "too many manifest entries"),
        (elf.manifest() + b"\0", "unexpected note size"),
        (elf.raw_manifest(elf.entry(b"net", elf.NET)), "expected RESERVED_FIRST"),
        (elf.raw_manifest(elf.entry(b"x", elf.RESERVED_FIRST)), "expected RESERVED_FIRST"),
        (elf.raw_manifest(elf.entry(b"", elf.RESERVED_FIRST, attached=1)), "expected RESERVED_FIRST"),
        (elf.manifest(elf.entry(b"", elf.RESERVED_FIRST)), "found RESERVED_FIRST not as first entry"),
        (elf.manifest(elf.entry(b"x" * 68, elf.NET)), "unterminated device name"),
        (elf.manifest(elf.entry(b"net", elf.NET, contents=b"\1")), "non-zero mft_entry"),
        (elf.manifest(elf.entry(b"net", elf.NET, backing=b"\0\0\1")), "non-zero mft_entry"),
        (elf.manifest(elf.entry(b"net", elf.NET, attached=1)), "non-zero mft_entry"),
        (elf.manifest(elf.entry(b"net", 0)), "unknown manifest entry type: 0"),
        (elf.manifest(elf.entry(b"net", 3)), "unknown manifest entry type: 3"),
    ],
)
def test_a_wrong_manifest_is_refused_with_the_words_of_the_original(content: bytes, reason: str) -> None:
    assert refused_manifest(content) == f"{reason}."


@pytest.mark.parametrize("size", [2**16 + 1, 2**31, 2**32 - 1])
def test_a_note_that_claims_to_be_huge_is_refused_unread(size: int) -> None:
    huge = struct.pack("<III", 6, size, elf.ABI1) + b"Solo5\0\0\0"
    image = elf.elf((b".note.solo5.abi", huge), MANIFEST_SECTION)
    assert f"a note of {size} bytes" in refusal(image)


SECTIONS = [b"", b".note.solo5.abi", b".note.solo5.manifest", b".shstrtab"]
NAMES = b"\0.note.solo5.abi\0.note.solo5.manifest\0.shstrtab\0"


def with_section(name: bytes, field: int, value: int) -> bytes:
    """A good image, one section of which is said to be elsewhere."""
    data = bytearray(elf.image())
    (table,) = struct.unpack_from("<I", data, 0x28)
    place = table + 64 * SECTIONS.index(name) + field
    struct.pack_into("<I" if field == 0 else "<Q", data, place, value)
    return bytes(data)


@pytest.mark.parametrize("name", SECTIONS[1:])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        (24, 2**64 - 1),
        (24, 2**62),
        (24, 2**40),
        (32, 2**64 - 1),
        (32, 2**62),
        (0, 2**32 - 1),
        (0, len(NAMES)),
    ],
)
def test_impossible_places_of_sections_are_refused(name: bytes, field: int, value: int) -> None:
    assert refusal(with_section(name, field, value)).startswith("The ELF file is damaged or incomplete")


def test_every_section_counts_as_it_does_for_the_original() -> None:
    assert refusal(with_section(b"", 24, 2**62)) == (
        "The ELF file is damaged or incomplete: the place of a section is impossible."
    )
    assert notes_of(with_section(b"", 24, 2**62 - 1)).target is Target.SPT
    assert refusal(with_section(b"", 0, len(NAMES))) == (
        "The ELF file is damaged or incomplete: the name of a section does not end."
    )
    assert notes_of(with_section(b"", 0, len(NAMES) - 1)).target is Target.SPT


def test_the_table_of_names_ends_where_it_says() -> None:
    assert "the name of a section does not end" in refusal(with_section(b".shstrtab", 32, 20))


def test_a_section_that_is_too_small_for_a_note_holds_none() -> None:
    assert "no Solo5 note in .note.solo5.abi" in refusal(with_section(b".note.solo5.abi", 32, 11))
    assert notes_of(with_section(b".note.solo5.abi", 32, 12)).target is Target.SPT


@pytest.mark.parametrize(
    ("position", "value"),
    [(0x28, 0xFFFF), (0x3A, 0xFFFF), (0x3C, 0), (0x3C, 0xFFFF), (0x3E, 4), (0x3E, 0xFFFF)],
)
def test_hostile_section_tables_are_refused(position: int, value: int) -> None:
    data = bytearray(elf.image())
    struct.pack_into("<H", data, position, value)
    assert refusal(bytes(data)).startswith("The ELF file is damaged or incomplete")


def test_an_image_cut_anywhere_is_refused() -> None:
    image = elf.image(devices=(("net", elf.NET),), payload=b"code")
    for size in range(len(image) - 24):  # of the last section header the reader needs 40 of 64 bytes
        refusal(image[:size])


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ImageRefused):
        notes_of(data)
    with pytest.raises(ImageRefused):
        inspect(io.BytesIO(data))


GOOD = elf.image(devices=(("service", elf.NET), ("data", elf.BLOCK)), payload=b"code" * 4)
PATCHES = st.lists(
    st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6
)


@given(PATCHES, st.integers(0, len(GOOD)))
def test_a_mutated_image_is_read_or_refused(patches: list[tuple[int, bytes]], cut: int) -> None:
    data = bytearray(GOOD)
    for position, patch in patches:
        data[position : position + len(patch)] = patch
    for candidate in (bytes(data), bytes(data[:cut]), zlib.compress(data)[:cut]):
        try:
            facts = inspect(io.BytesIO(candidate))
        except ImageRefused:
            continue
        assert len(facts.devices) <= 63


# --- digest and compression ----------------------------------------------------------------------


def test_facts_of_a_plain_image() -> None:
    image = elf.image(target="hvt", version=2, devices=(("net", elf.NET),))
    facts = inspect(io.BytesIO(image))
    assert (facts.digest, facts.size) == (hashlib.sha256(image).digest(), len(image))
    assert not facts.compressed
    assert (facts.target, facts.version, facts.devices) == (Target.HVT, 2, (Device("net", NET),))
    assert facts.runnable


@pytest.mark.parametrize("level", range(10))
def test_a_compressed_image_has_the_facts_of_its_plain_form(level: int) -> None:
    image = elf.image(payload=bytes(range(256)) * 8)
    facts, plain = inspect(io.BytesIO(zlib.compress(image, level))), inspect(io.BytesIO(image))
    assert facts.compressed
    assert (facts.digest, facts.size, facts.devices) == (plain.digest, plain.size, plain.devices)


@pytest.mark.parametrize("pack", [bytes, zlib.compress])
def test_the_plain_form_is_handed_over(pack: Callable[[bytes], bytes]) -> None:
    image, plain = elf.image(payload=b"code"), io.BytesIO()
    inspect(io.BytesIO(pack(image)), plain=plain)
    assert plain.getvalue() == image


def test_real_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "hello.spt"
    path.write_bytes(elf.image())
    with path.open("rb") as file:
        assert inspect(file).target is Target.SPT
        assert read_notes(file).target is Target.SPT


def test_gzip_is_named() -> None:
    packer = zlib.compressobj(wbits=31)
    with pytest.raises(ImageRefused, match="compressed with gzip: unpack it first"):
        inspect(io.BytesIO(packer.compress(elf.image()) + packer.flush()))


@pytest.mark.parametrize(
    ("mutate", "reason"),
    [
        (lambda data: data[:-1], "incomplete"),
        (lambda data: data[:20], "incomplete"),
        (lambda data: data[:-4] + bytes(4), "damaged"),
        (lambda data: data[:2] + b"\xff" * 20, "damaged"),
        (lambda data: data + b"x", "surplus bytes"),
        (lambda data: data + bytes(2**19), "surplus bytes"),
    ],
)
def test_broken_compression_is_refused(mutate: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(ImageRefused, match=reason):
        inspect(io.BytesIO(mutate(zlib.compress(elf.image()))))


def test_surplus_bytes_are_found_right_behind_a_piece_that_was_read() -> None:
    piece, image = 2**18, elf.image()
    padded = (image + bytes(size - len(image)) for size in range(piece - 200, piece))
    packed = next(packed for plain in padded if len(packed := zlib.compress(plain, 0)) == piece)
    assert inspect(io.BytesIO(packed)).target is Target.SPT
    with pytest.raises(ImageRefused, match="surplus bytes"):
        inspect(io.BytesIO(packed + b"x"))


@pytest.mark.parametrize("pack", [bytes, zlib.compress])
def test_too_large_images_are_refused(pack: Callable[[bytes], bytes]) -> None:
    image = elf.image(payload=bytes(1000))
    assert inspect(io.BytesIO(pack(image)), max_size=len(image)).size == len(image)
    with pytest.raises(ImageRefused, match=f"more than {len(image) - 1} bytes"):
        inspect(io.BytesIO(pack(image)), max_size=len(image) - 1)


class Nowhere(io.RawIOBase):
    """Takes everything and counts it."""

    written = 0

    def write(self, data: object) -> int:
        self.written += len(data)  # type: ignore[arg-type]  # bytes, always
        return len(data)  # type: ignore[arg-type]


def test_a_bomb_is_stopped_in_little_memory() -> None:
    bomb, sink = io.BytesIO(zlib.compress(bytes(64 * 2**20), 9)), Nowhere()
    tracemalloc.start()
    with pytest.raises(ImageRefused, match="too large"):
        inspect(bomb, plain=sink, max_size=16 * 2**20)  # type: ignore[arg-type]  # nothing is read from it
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sink.written <= 16 * 2**20
    assert peak < 2 * 2**20
