"""Telling from its first bytes that a frame carries an image."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albatross import messages as m
from albatross.errors import DecodeError
from albatross.names import Name
from albatross.wire import ImageReply, Undecided, decode, encode, image_reply
from albatross.wire.prefix import PREFIX
from tests.albatross import strategies
from tests.albatross.vectors import VALID, der

DEEP = Name.of(*["x" * 63] * 8, label="y" * 63)


def image_message(size: int, *, name: Name = DEEP, compressed: bool = False) -> bytes:
    return encode(m.Message(m.Header(name, 7), m.UnikernelImage(compressed, b"\x7fELF" * (size // 4))))


@pytest.mark.parametrize("size", [0, 4, 100, 124, 128, 4096, 70_000, 2**24])
@pytest.mark.parametrize("compressed", [False, True])
def test_an_image_is_found_where_it_lies(size: int, compressed: bool) -> None:
    data = image_message(size, compressed=compressed)
    reply = image_reply(data[:PREFIX], len(data))
    assert isinstance(reply, ImageReply)
    assert (reply.header, reply.compressed, reply.length) == (m.Header(DEEP, 7), compressed, size)
    assert data[reply.offset :] == b"\x7fELF" * (size // 4)


def test_more_is_asked_for_until_the_answer_is_certain() -> None:
    for data in (image_message(100), image_message(8000)):
        enough = min(PREFIX, len(data))
        for size in range(enough):
            assert image_reply(data[:size], len(data)) is Undecided.MORE
        assert isinstance(image_reply(data[:enough], len(data)), ImageReply)


def test_nothing_but_images_is_taken_for_one() -> None:
    for vector in VALID:
        if vector["kind"] != "wire":
            continue
        data = der(vector)
        found = isinstance(image_reply(data, len(data)), ImageReply)
        assert found == vector["id"].startswith("reply/success-image"), vector["id"]


@given(strategies.messages_of(m.UnikernelImage))
def test_it_says_the_same_as_decoding(message: m.Message) -> None:
    data = encode(message)
    reply = image_reply(data, len(data))
    assert isinstance(reply, ImageReply)
    assert message == m.Message(reply.header, m.UnikernelImage(reply.compressed, data[reply.offset :]))


@given(strategies.payloads)
def test_other_messages_are_left_to_decoding(payload: m.Payload) -> None:
    data = encode(m.Message(m.Header(Name()), payload))
    assert isinstance(image_reply(data, len(data)), ImageReply) == isinstance(payload, m.UnikernelImage)


@given(st.binary(max_size=100), st.integers(0, 2**31))
def test_arbitrary_bytes_never_raise_anything_else(data: bytes, length: int) -> None:
    for frame_length in (length, len(data)):
        with contextlib.suppress(DecodeError):
            image_reply(data, frame_length)


@given(st.integers(0, 110), st.binary(min_size=1, max_size=3))
def test_a_mutated_reply_is_an_image_only_if_decoding_agrees(place: int, patch: bytes) -> None:
    good = image_message(96, name=Name.of("foo", label="hello"))
    data = (good[:place] + patch + good[place + len(patch) :])[: len(good)]
    try:
        reply = image_reply(data, len(data))
    except DecodeError:
        with pytest.raises(DecodeError):
            decode(data)
        return
    if isinstance(reply, ImageReply):
        image = m.UnikernelImage(reply.compressed, data[reply.offset :])
        assert decode(data) == m.Message(reply.header, image)


def test_lengths_that_do_not_fit_together_are_refused() -> None:
    data = image_message(8000)
    with pytest.raises(DecodeError, match="1 bytes after"):
        image_reply(data[:PREFIX], len(data) + 1)
    with pytest.raises(DecodeError, match="announced"):
        image_reply(data[:PREFIX], len(data) - 1)


def test_a_message_that_ends_before_the_image_is_left_to_decoding() -> None:
    header = bytes.fromhex("3010 020105 04080000000000000000 0c013a")
    for payload in ("", "a100", "a102a600", "a104a6023000", "a107a605 3003 0101ff"):
        body = header + bytes.fromhex(payload)
        data = bytes([0x30, len(body)]) + body
        with contextlib.suppress(DecodeError):
            assert image_reply(data, len(data)) is Undecided.OTHER
        with pytest.raises(DecodeError):
            decode(data)


def test_another_version_is_refused() -> None:
    data = image_message(8000).replace(b"\x02\x01\x05", b"\x02\x01\x06")
    with pytest.raises(DecodeError, match="unknown version"):
        image_reply(data[:PREFIX], len(data))


def test_a_header_beyond_all_measure_is_left_to_decoding() -> None:
    data = image_message(8000, name=Name(("x" * 63,) * 70))
    assert image_reply(data[:PREFIX], len(data)) is Undecided.OTHER
    assert image_reply(b"", 0) is Undecided.OTHER
