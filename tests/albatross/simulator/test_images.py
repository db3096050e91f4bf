"""Images that we make, and what the daemon reads in them."""

from __future__ import annotations

import hashlib
import io
import json
import zlib

import pytest

from albatross import solo5
from albatross.messages import Arguments, BlockDevice, NetDevice
from albatross.simulator import elf
from albatross.simulator.host import Host
from albatross.simulator.images import BEHAVIOUR_SECTION, build_image, examples
from albatross.simulator.preparation import prepare
from albatross.simulator.state import Refused

DEVICES = [("service", "net"), ("storage", "block")]
ABI_HEADER = bytes.fromhex("06000000 10000000 41424931") + b"Solo5\0\0\0"


def notes(image):
    file = io.BytesIO(image)
    return elf.abi(file), [str(device) for device in elf.manifest(file)]


def test_an_image_says_what_it_was_built_for():
    image = build_image(target="spt", version=3, devices=DEVICES)
    assert notes(image) == (("spt", 3), ['net "service"', 'block "storage"'])


def test_notes_are_laid_out_as_those_of_real_images():
    image = build_image()
    assert ABI_HEADER + bytes.fromhex("01000000 02000000 00000000 00000000") in image
    header = bytes.fromhex("06000000 74000000 4d465431") + b"Solo5\0\0\0"
    assert header + bytes.fromhex("00000000 01000000 01000000") in image


def test_the_same_request_gives_the_same_bytes_and_padding_does_not_compress():
    image = build_image(devices=DEVICES, behaviour={"b": 1, "a": 2}, padding=100_000)
    assert image == build_image(devices=DEVICES, behaviour={"a": 2, "b": 1}, padding=100_000)
    assert len(zlib.compress(image)) > 100_000


def test_the_behaviour_is_a_section_of_the_file():
    image = build_image(behaviour={"lines": ["grüß dich"]})
    assert json.loads(elf.section(io.BytesIO(image), BEHAVIOUR_SECTION) or b"") == {"lines": ["grüß dich"]}
    assert elf.section(io.BytesIO(build_image()), BEHAVIOUR_SECTION) is None


@pytest.mark.parametrize("name", sorted(examples()))
def test_every_example_can_be_read_by_the_client_too(name):
    example = examples()[name]
    read = solo5.inspect(io.BytesIO(example.image))
    assert (read.target, read.version) == ("hvt", 2)
    assert [(d.name, d.kind) for d in read.devices] == list(example.devices)
    assert read.digest == hashlib.sha256(example.image).digest()


# --- broken images -----------------------------------------------------------------------------

GOOD = build_image(devices=DEVICES)
ABI = GOOD.index(ABI_HEADER) + len(ABI_HEADER)
MANIFEST = GOOD.index(b"MFT1") + 12
ENTRY = MANIFEST + 12


def patched(offset, data, image=GOOD):
    return image[:offset] + data + image[offset + len(data) :]


def number(value):
    return value.to_bytes(4, "little")


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (b"", "error during ELF parsing"),
        (b"#!/bin/sh\n" * 100, "error during ELF parsing"),
        (patched(4, b"\1"), "error during ELF parsing"),
        (patched(9, b"\1"), "error during ELF parsing"),
        (GOOD[:100], "error during ELF parsing"),
        (GOOD[:-30], "error during ELF parsing"),
        (patched(0x28, b"\xff" * 8), "error during ELF parsing"),
        (patched(0x3C, b"\xff\xff"), "error during ELF parsing"),
        (GOOD.replace(b".note.solo5.abi", b".note.solo5.abj"), "manifest not found"),
        (GOOD.replace(b".note.solo5.man", b".note.solo5.mam"), "manifest not found"),
        (GOOD.replace(b"ABI1", b"ABI2"), "manifest not found"),
        (GOOD.replace(b"ABI1Solo5", b"ABI1Solo6"), "manifest not found"),
        (patched(ABI - 16, number(12)), "abi manifest size mismatch"),
        (patched(ABI, number(7)), "unknown abi target: 7"),
        (patched(ABI, number(3)), "unsupported solo5 target virtio"),
        (patched(ABI + 8, number(1)), "non-zero reserved0"),
        (patched(ABI + 12, number(1)), "non-zero reserved1"),
        (patched(MANIFEST + 4, number(2)), "unsupported manifest version"),
        (patched(MANIFEST + 8, number(0)), "zero manifest entries"),
        (patched(MANIFEST + 8, number(65)), "too many manifest entries"),
        (patched(MANIFEST + 8, number(2)), "unexpected note size"),
        (patched(ENTRY, b"x"), "expected RESERVED_FIRST"),
        (patched(ENTRY + 68, number(1)), "expected RESERVED_FIRST"),
        (patched(ENTRY + 104 + 68, number(0x40000000)), "found RESERVED_FIRST not as first entry"),
        (patched(ENTRY + 104, b"x" * 68), "unterminated device name"),
        (patched(ENTRY + 104 + 72, b"\1"), "non-zero mft_entry.u"),
        (patched(ENTRY + 104 + 88, b"\1"), "non-zero mft_entry.b"),
        (patched(ENTRY + 104 + 96, b"\1"), "non-zero mft_entry.attached"),
        (patched(ENTRY + 104 + 68, number(3)), "unknown manifest entry type: 3"),
    ],
)
def test_a_broken_image_is_refused_in_the_words_of_the_original(image, text):
    with pytest.raises(Refused) as refused:
        notes(image)
    assert str(refused.value) == text


# --- before a start ----------------------------------------------------------------------------

MATCHING = Arguments(bridges=(NetDevice("service"),), blocks=(BlockDevice("storage"),))
PRESENT = 'Devices present in manifest: net "service", block "storage"'


def prepared(tmp_path, image=GOOD, *, compressed=False, arguments=MATCHING, **host):
    path = tmp_path / "image"
    path.write_bytes(image)
    return prepare(path, compressed=compressed, host=Host(**host), arguments=arguments)


def test_the_digest_is_that_of_the_plain_image(tmp_path):
    plain = prepared(tmp_path)
    assert plain.digest == hashlib.sha256(GOOD).digest()
    assert prepared(tmp_path, zlib.compress(GOOD), compressed=True) == plain
    assert prepared(tmp_path, zlib.compress(GOOD) + b"more", compressed=True) == plain


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"image": b"nonsense", "compressed": True}, "failed to uncompress: Invalid Zlib header"),
        ({"image": b"", "compressed": True}, "failed to uncompress: Unexpected end of input"),
        (
            {"image": zlib.compress(GOOD)[:-9], "compressed": True},
            "failed to uncompress: Unexpected end of input",
        ),
        (
            {"image": zlib.compress(GOOD)[:-4] + b"\0\0\0\0", "compressed": True},
            "failed to uncompress: Invalid checksum",
        ),
        (
            {"tenders": {"spt": 2}},
            "tender does not exist, looked for /var/lib/albatross/solo5-hvt.2, solo5-hvt.2, "
            "/var/lib/albatross/solo5-hvt, solo5-hvt",
        ),
        (
            {"tenders": {"hvt": 1}, "arguments": Arguments()},
            "tender does not exist, looked for /var/lib/albatross/solo5-hvt.2, solo5-hvt.2, "
            "/var/lib/albatross/solo5-hvt, solo5-hvt",
        ),
        ({"arguments": Arguments()}, f"specified block device(s) does not match with manifest. {PRESENT}"),
        (
            {"arguments": Arguments(blocks=MATCHING.blocks, bridges=(NetDevice("web", "service"),))},
            f"specified bridge(s) does not match with the manifest. {PRESENT}",
        ),
    ],
)
def test_an_image_that_cannot_be_started_is_refused(tmp_path, change, text):
    with pytest.raises(Refused) as refused:
        prepared(tmp_path, **change)
    assert str(refused.value) == text


def test_an_image_without_devices_ends_its_refusal_with_nothing(tmp_path):
    with pytest.raises(Refused, match=r"Devices present in manifest: $"):
        prepared(tmp_path, build_image(), arguments=MATCHING)
