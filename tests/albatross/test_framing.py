"""Frames, however the bytes of a connection are cut."""

import struct
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albatross.errors import FrameError
from albatross.framing import END, MAX_LENGTH, FrameReader, frame, frame_header

STREAM = frame(b"hello") + frame(b"x") + END + frame(b"after the end")
BODIES = [b"hello", b"x", b"", b"after the end"]


def bodies(reader: FrameReader) -> Iterator[bytes]:
    """All that is complete."""
    return iter(reader.next_frame, None)


# --- writing -------------------------------------------------------------------------------------


def test_a_frame_is_its_length_and_its_body() -> None:
    assert frame(b"hello") == b"\0\0\0\5hello"
    assert frame_header(MAX_LENGTH) == b"\x7f\xff\xff\xff"


def test_an_empty_frame_is_not_written_by_accident_because_it_ends_the_stream() -> None:
    with pytest.raises(FrameError):
        frame(b"")
    for length in (0, -1, MAX_LENGTH + 1):
        with pytest.raises(FrameError):
            frame_header(length)


# --- whole frames --------------------------------------------------------------------------------


def test_frames_come_out_whole_wherever_the_stream_is_cut() -> None:
    for cut in range(len(STREAM) + 1):
        reader = FrameReader(100)
        reader.feed(STREAM[:cut])
        first = list(bodies(reader))
        reader.feed(STREAM[cut:])
        assert first + list(bodies(reader)) == BODIES
        reader.feed_eof()


def test_frames_come_out_whole_when_fed_byte_by_byte() -> None:
    reader = FrameReader(100)
    out: list[bytes] = []
    for position in range(len(STREAM)):
        reader.feed(STREAM[position : position + 1])
        out += bodies(reader)
    assert out == BODIES


@given(st.lists(st.binary(min_size=1, max_size=20)), st.lists(st.integers(0, 200)))
def test_any_frames_in_any_pieces(contents: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(frame, contents)) + END
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = FrameReader(20)
    out: list[bytes] = []
    for start, stop in pairwise(places):
        reader.feed(stream[start:stop])
        out += bodies(reader)
    assert out == [*contents, b""]
    assert not reader.mid_frame


@pytest.mark.parametrize("length", [0, -1, -(2**31)])
def test_a_length_of_zero_or_less_is_the_end(length: int) -> None:
    reader = FrameReader(100)
    reader.feed(struct.pack(">i", length))
    assert reader.begin() == 0
    assert reader.next_frame() == b""
    assert reader.next_frame() is None


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [101, 2**20, MAX_LENGTH])
def test_a_frame_that_is_too_large_is_refused_with_its_length(length: int) -> None:
    reader = FrameReader(100)
    reader.feed(struct.pack(">i", length)[:3])
    with pytest.raises(FrameError, match=f"a frame of {length} bytes, no more than 100"):
        reader.feed(struct.pack(">i", length)[3:])


def test_a_later_frame_that_is_too_large_is_refused_when_its_turn_comes() -> None:
    reader = FrameReader(5)
    reader.feed(frame(b"hello") + frame(b"hello!"))
    assert reader.next_frame() == b"hello"
    with pytest.raises(FrameError):
        reader.next_frame()


def test_a_frame_of_the_largest_size_passes() -> None:
    reader = FrameReader(5)
    reader.feed(frame(b"hello"))
    assert reader.next_frame() == b"hello"


def test_a_frame_larger_than_expected_now_is_refused_before_it_is_held() -> None:
    reader = FrameReader(1000)
    reader.feed(frame(b"x" * 100)[:50])
    with pytest.raises(FrameError, match="a frame of 100 bytes, no more than 99"):
        reader.next_frame(limit=99)
    assert reader.next_frame(limit=100) is None


# --- the end of the connection -------------------------------------------------------------------


def test_a_connection_that_ends_inside_a_frame_is_told_apart() -> None:
    whole = frame(b"hello") + frame(b"world")
    for cut in range(len(whole) + 1):
        reader = FrameReader(100)
        reader.feed(whole[:cut])
        list(bodies(reader))
        assert reader.mid_frame == (cut not in {0, 9, 18})
        if reader.mid_frame:
            with pytest.raises(FrameError, match="before the end of a frame"):
                reader.feed_eof()
        else:
            reader.feed_eof()


def test_the_end_is_also_found_inside_a_frame_that_nobody_asked_for() -> None:
    reader = FrameReader(100)
    reader.feed(frame(b"hello") + frame(b"world")[:6])
    assert not reader.mid_frame
    assert reader.next_frame() == b"hello"
    assert reader.mid_frame


def test_it_says_how_much_is_missing() -> None:
    reader = FrameReader(100)
    reader.feed(frame(b"hello")[:-2])
    with pytest.raises(FrameError, match="ended 2 bytes before"):
        reader.feed_eof()


# --- frames in pieces ----------------------------------------------------------------------------


def test_a_frame_can_be_taken_in_pieces_wherever_the_stream_is_cut() -> None:
    stream = frame(b"hello world") + frame(b"next")
    for cut in range(4, len(stream)):
        reader = FrameReader(100)
        reader.feed(stream[:cut])
        assert reader.begin() == 11
        out = reader.take()
        reader.feed(stream[cut:])
        if reader.remaining and len(out) < 11:
            out += reader.take()
        assert out == b"hello world"
        assert reader.next_frame() == b"next"


def test_peeking_takes_nothing() -> None:
    reader = FrameReader(100)
    assert (reader.begin(), reader.peek(10), reader.remaining) == (None, b"", 0)
    reader.feed(frame(b"hello")[:7])
    assert (reader.peek(2), reader.peek(10), reader.remaining) == (b"he", b"hel", 5)
    assert (reader.take(), reader.take(), reader.remaining) == (b"hel", b"", 2)
    reader.feed(b"lo" + frame(b"next"))
    assert (reader.peek(10), reader.take(), reader.remaining) == (b"lo", b"lo", 0)
    assert (reader.begin(), reader.peek(10)) == (4, b"next")


def test_what_was_not_taken_in_pieces_is_the_rest_of_the_frame() -> None:
    reader = FrameReader(100)
    reader.feed(frame(b"hello")[:6])
    assert reader.take() == b"he"
    reader.feed(b"llo")
    assert reader.next_frame() == b"llo"


def test_a_large_frame_in_pieces_takes_little_memory() -> None:
    size, piece = 64 * 2**20, bytes(2**16)
    reader, taken = FrameReader(size), 0
    tracemalloc.start()
    reader.feed(frame_header(size))
    while reader.remaining:
        reader.feed(piece)
        taken += len(reader.take())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken == size
    assert peak < 2**20


def test_a_large_frame_in_one_piece_is_copied_once() -> None:
    size, piece = 64 * 2**20, bytes(2**16)
    reader = FrameReader(size)
    reader.feed(frame_header(size))
    for _ in range(size // len(piece)):
        assert reader.next_frame() is None
        reader.feed(piece)
    tracemalloc.start()
    body = reader.next_frame()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert body is not None
    assert len(body) == size
    assert peak < 1.1 * size
