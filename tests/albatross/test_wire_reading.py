"""Reading bytes: strict where the original is, lax where it is, and never anything but a DecodeError."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from albatross import messages as m
from albatross.errors import DecodeError, UnknownAlternative
from albatross.wire import decode, decode_extension, encode, encode_extension
from tests.albatross.strategies import canonical
from tests.albatross.vectors import VALID, der

VERSION = b"\x02\x01\x05"
HEADER = bytes.fromhex("3010 020105 04080000000000000000 0c013a")
Elements = bytes | list["Elements"]


def element(tag: int, content: bytes) -> bytes:
    """One element, with a length of the shortest form (not the codec's own)."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    octets = size.to_bytes(4, "big").lstrip(b"\0")
    return bytes([tag, 128 + len(octets)]) + octets + content


def message(*tags: int, content: bytes = b"\x05\x00") -> bytes:
    """A message with the header of ``:`` whose payload is in these tags, the outermost first."""
    for tag in reversed(tags):
        content = element(tag, content)
    return element(0x30, HEADER + content)


def payload(*tags: int, content: bytes) -> m.Payload:
    return decode(message(*tags, content=content)).payload


def block_size(integer: bytes) -> m.Payload:
    return payload(0xA0, 0xA5, 0xA1, content=integer)


def since(text: str) -> int:
    """The milliseconds that a GeneralizedTime is read as."""
    command = payload(0xA0, 0xA0, 0xA2, 0xA0, content=element(0x18, text.encode()))
    assert isinstance(command, m.ConsoleSubscribe)
    assert command.since is not None
    return command.since.milliseconds


# --- times ---------------------------------------------------------------------------------------

DAY, HOUR, MINUTE = 86_400_000, 3_600_000, 60_000


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("19700101000000Z", 0),
        ("19700101000000", 0),
        ("197001010000Z", 0),
        ("1970010100", 0),
        ("1970010101Z", HOUR),
        ("197001010102", HOUR + 2 * MINUTE),
        ("19700101000000.5Z", 5),
        ("19700101000000.05Z", 5),
        ("19700101000000.50Z", 50),
        ("19700101000000.500Z", 500),
        ("19700101000000.000Z", 0),
        ("19700101000000.123", 123),
        ("19700101000060Z", MINUTE),
        ("19700101010000+0100", 0),
        ("19700101010000-0030", HOUR + 30 * MINUTE),
        ("19700101000000.5+0001", 5 - MINUTE),
        ("1970010101+0130", -30 * MINUTE),
        ("20240229000000Z", 19_782 * DAY),
        ("00000101000000Z", -719_528 * DAY),
        ("00000229000000Z", -719_469 * DAY),
        ("00001231235959.999Z", -719_162 * DAY - 1),
        ("00010101000000Z", -719_162 * DAY),
        ("99991231235959.999Z", 2_932_897 * DAY - 1),
        ("99991231235959-0000", 2_932_897 * DAY - 1000),
    ],
)
def test_times_are_read_as_the_original_reads_them(text: str, milliseconds: int) -> None:
    assert since(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "yesterday",
        "19700101",
        "197001010",
        "19700101000",
        "19700101000000z",
        "19700101000000.Z",
        "19700101000000.1234Z",
        "19700101000000,5Z",
        "19700101.5Z",
        "19700101000000+01",
        "19700101000000+01:00",
        "19700101000000ZZ",
        " 19700101000000Z",
        "19700101000000Z\n",
        "19701301000000Z",
        "19700001000000Z",
        "19700230000000Z",
        "20230229000000Z",
        "19700100000000Z",
        "19700101240000Z",
        "19700101006000Z",
        "19700101000061Z",
        "00000101000000+0001",
        "99991231235959-0001",
        "99991231235960Z",
        "1970010100000\u0660Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(DecodeError, match="GeneralizedTime"):
        since(text)


# --- integers, booleans, lengths -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("00", 0),
        ("7f", 127),
        ("80", -128),
        ("ff", -1),
        ("0080", 128),
        ("ff7f", -129),
        ("3fffffffffffffff", m.MAX_INT),
        ("c000000000000000", m.MIN_INT),
    ],
)
def test_integers_at_their_edges(octets: str, value: int) -> None:
    assert block_size(element(2, bytes.fromhex(octets))) == m.BlockAdd(value)


@pytest.mark.parametrize(
    "octets",
    ["", "0000", "007f", "ff80", "ffff", "4000000000000000", "bfffffffffffffff", "00" * 1000, "7f" * 9],
)
def test_integers_out_of_range_or_too_long_are_refused(octets: str) -> None:
    with pytest.raises(DecodeError, match="INTEGER"):
        block_size(element(2, bytes.fromhex(octets)))


def test_32_bit_counters_are_taken_modulo() -> None:
    time = element(0x30, element(4, bytes(8)) + b"\x02\x01\x00")
    usage = element(0x30, time * 2 + element(4, bytes(8)) * 14)
    flags = b"".join(
        element(2, bytes.fromhex(number)) for number in ("0080000000", "0100000001", "ff7fffffff")
    )
    interface = element(0x30, b"\x0c\x00" + flags + b"\x02\x01\x07" * 2 + element(4, bytes(8)) * 12)
    statistics = payload(0xA3, 0xA1, content=element(0x30, usage + element(0x30, interface)))
    assert isinstance(statistics, m.Statistics)
    (read,) = statistics.interfaces
    assert (read.flags, read.send_length, read.max_send_length) == (-(2**31), 1, 2**31 - 1)


def test_sequence_numbers_have_eight_octets_or_more() -> None:
    def sequence(octets: bytes) -> int:
        header = element(0x30, VERSION + element(4, octets) + b"\x0c\x01:")
        return decode(element(0x30, header + bytes.fromhex("a104a0020500"))).header.sequence

    assert sequence(b"\xff" * 8) == -1
    assert sequence(b"\0" * 7 + b"\1" + b"\xff" * 90) == 1
    for size in range(8):
        with pytest.raises(DecodeError, match=f"Int64 of {size} bytes"):
            sequence(bytes(size))


@pytest.mark.parametrize("octet", range(256))
def test_every_boolean_but_zero_is_true(octet: int) -> None:
    assert payload(0xA1, 0xAA, content=bytes([1, 1, octet])) == m.BlockImage(compressed=octet != 0)


@pytest.mark.parametrize(
    "length", ["8105", "817f", "820005", "820080", "83000100", "8400000100", "850000000080"]
)
def test_lengths_are_read_in_their_shortest_form_only(length: str) -> None:
    size = int.from_bytes(bytes.fromhex(length)[1:], "big")
    with pytest.raises(DecodeError, match="length"):
        payload(0xA2, content=bytes.fromhex("0c" + length) + b"x" * size)


@pytest.mark.parametrize("length", ["80", "8300ffff", "84ffffffff", "850100000000", "ff", "8a" + "ff" * 10])
def test_lengths_that_lie_are_refused(length: str) -> None:
    with pytest.raises(DecodeError):
        decode(bytes.fromhex("30" + length) + HEADER)
    with pytest.raises(DecodeError):
        payload(0xA2, content=bytes.fromhex("0c" + length) + b"x" * 200)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_lengths_of_every_size_are_read(size: int) -> None:
    text = "x" * size
    assert payload(0xA2, content=element(0x0C, text.encode())) == m.FailureText(text)
    assert encode(decode(message(0xA2, content=element(0x0C, text.encode())))).endswith(text.encode())


def test_constructed_strings_are_refused() -> None:
    with pytest.raises(DecodeError, match="UTF8String expected"):
        payload(0xA2, content=element(0x2C, element(0x0C, b"x")))
    with pytest.raises(DecodeError, match="OCTET STRING expected"):
        payload(0xA3, 0xA4, 0xA0, content=element(0x24, element(0x04, b"x")))


# --- alternatives --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tags",
    [
        (0xA4,),
        (0xBF,),
        (0xA0, 0xA6),
        (0xA0, 0xA0, 0xA1),
        (0xA0, 0xA0, 0xA2, 0xA2),
        (0xA0, 0xA1, 0xA4),
        (0xA0, 0xA3, 0xB6),
        (0xA0, 0xA3, 0xAE, 0xA4),
        (0xA0, 0xA4, 0xA3),
        (0xA0, 0xA5, 0xA8),
        (0xA1, 0xA3),
        (0xA1, 0xAE),
        (0xA3, 0xA0),
        (0xA3, 0xA5),
        (0xA3, 0xA4, 0xA2),
    ],
)
def test_an_alternative_of_a_later_version_is_told_apart(tags: tuple[int, ...]) -> None:
    with pytest.raises(UnknownAlternative):
        payload(*tags, content=b"\x05\x00")


def test_a_new_kind_of_machine_is_told_apart() -> None:
    config = encode_extension(m.UnikernelCreate(m.Config()))
    assert config.count(b"\xa0\x02\x05\x00\x01\x01") == 1
    with pytest.raises(UnknownAlternative, match="Typ"):
        decode_extension(config.replace(b"\xa0\x02\x05\x00\x01\x01", b"\xa2\x02\x05\x00\x01\x01"))


@pytest.mark.parametrize("tag", [0x30, 0x82, 0x62, 0xE2, 0x02, 0x00])
def test_what_is_no_alternative_at_all_is_just_wrong(tag: int) -> None:
    with pytest.raises(DecodeError) as refusal:
        payload(tag, content=b"\x0c\x01x")
    assert not isinstance(refusal.value, UnknownAlternative)


@pytest.mark.parametrize("tags", [(0xA0, 0xA2), (0xA3, 0xA2)])
def test_logs_are_no_longer_supported(tags: tuple[int, ...]) -> None:
    with pytest.raises(DecodeError, match="support for log was dropped"):
        payload(*tags, content=b"\x05\x00")


def test_the_version_is_looked_at_before_the_rest() -> None:
    data = message(0xA9).replace(VERSION, b"\x02\x01\x06")
    with pytest.raises(DecodeError, match="unknown version number 0x6"):
        decode(data)


# --- whatever comes ------------------------------------------------------------------------------


def survives(data: bytes) -> None:
    """*data* is refused in the one way there is; or it is read, and then can also be written."""
    for read, write in ((decode, encode), (decode_extension, encode_extension)):
        _survives(data, read, write)


def _survives(data: bytes, read: Any, write: Any) -> None:
    try:
        value = read(data)
    except DecodeError:
        return
    assert canonical(read(write(value))) == canonical(value)


@given(st.binary(max_size=200))
@example(b"\x30")
@example(b"\x30\x80")
@example(b"\xbf" * 50)
def test_arbitrary_bytes(data: bytes) -> None:
    survives(data)


VECTORS = [der(vector) for vector in VALID]
PLACES = st.integers(0, 2**16)


@given(st.sampled_from(VECTORS), st.lists(st.tuples(PLACES, st.binary(min_size=1, max_size=4)), max_size=4))
def test_vectors_with_bytes_changed(vector: bytes, patches: list[tuple[int, bytes]]) -> None:
    data = bytearray(vector)
    for place, patch in patches:
        start = place % len(vector)
        data[start : start + len(patch)] = patch
    survives(bytes(data))


@given(st.sampled_from(VECTORS), PLACES, PLACES, st.binary(max_size=4))
def test_vectors_with_bytes_cut_out_or_put_in(vector: bytes, first: int, second: int, put: bytes) -> None:
    start, stop = sorted((first % (len(vector) + 1), second % (len(vector) + 1)))
    survives(vector[:start] + put + vector[stop:])


@given(st.sampled_from(VECTORS), st.sampled_from(VECTORS), PLACES, PLACES)
def test_vectors_grown_together(one: bytes, other: bytes, cut: int, paste: int) -> None:
    survives(one[: cut % len(one)] + other[paste % len(other) :])


nested = st.recursive(
    st.builds(element, st.integers(0, 255), st.binary(max_size=12)),
    lambda inner: st.builds(
        lambda tag, parts: element(tag, b"".join(parts)),
        st.sampled_from([0x30, 0x31, *range(0xA0, 0xB8)]),
        st.lists(inner, max_size=5),
    ),
    max_leaves=20,
)


@given(nested)
def test_well_formed_elements_in_any_shape(data: bytes) -> None:
    survives(data)
    survives(element(0x30, HEADER + data))
    survives(element(0x30, VERSION + data))


@pytest.mark.parametrize("tag", [0x30, 0x31, 0xA0, 0xA1, 0xA3])
def test_deep_nesting_does_not_exhaust_the_stack(tag: int) -> None:
    data = b"\x05\x00"
    for _ in range(5_000):
        data = element(tag, data)
    survives(data)
    survives(element(0x30, HEADER + data))
    survives(element(0x30, VERSION + data))


@pytest.mark.parametrize("announced", ["847fffffff", "84ffffffff", "88ffffffffffffffff", "fe" + "ff" * 126])
def test_absurd_lengths_take_no_memory(announced: str) -> None:
    data = message(0xA1, 0xA6, content=bytes.fromhex("30" + announced) + bytes(100))
    tracemalloc.start()
    with pytest.raises(DecodeError):
        decode(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**16
