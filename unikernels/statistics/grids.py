"""Samples at equal distances in time, packed into few bytes (pure).

Times are whole seconds since 1970 by our clock. A grid has one column for each measure, of whole
numbers in the units of ``UNITS``; ``MISSING`` stands where nothing is known.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from unikernels.statistics.rates import Sample

STEP = 10  # seconds, as often as an instance tells
COARSE = 300  # seconds
HOUR, DAY = 3600, 86_400

MEASURES = ("cpu", "memory", "received", "sent")
UNITS = (0.0001, 1024, 1, 1)  # CPUs, bytes, bytes/s, bytes/s
MISSING = 2**32 - 1
_MOST = MISSING - 1  # what is more is told as this: 400,000 CPUs, 4 TB, 4 GB/s
_RECORD = struct.Struct("<q4I")
_COMPRESSION = 6

Numbers = tuple[int, int, int, int]
Values = tuple[float | None, float | None, float | None, float | None]


def numbers_of(sample: Sample) -> Numbers:
    """*sample* in the units of the columns."""
    cpu, memory, received, sent = map(_number, sample, UNITS)
    return cpu, memory, received, sent


def values_of(numbers: Iterable[int]) -> Values:
    """CPUs, bytes and bytes/s; None where nothing is known."""
    cpu, memory, received, sent = map(_value, numbers, UNITS)
    return cpu, memory, received, sent


def _number(value: float | None, unit: float) -> int:
    return MISSING if value is None else min(max(round(value / unit), 0), _MOST)


def _value(number: int, unit: float) -> float | None:
    return None if number == MISSING else number * unit


# --- many unikernels at one time ---------------------------------------------------------------------


def pack_tick(samples: Mapping[int, Sample]) -> bytes:
    """The samples of one time, by the key of their unikernel."""
    return b"".join(_RECORD.pack(pk, *numbers_of(sample)) for pk, sample in samples.items())


def read_tick(data: bytes) -> Iterator[tuple[int, Numbers]]:
    """What ``pack_tick`` was given, in the units of the columns."""
    return ((pk, (cpu, memory, received, sent)) for pk, cpu, memory, received, sent in _records(data))


def find_in_tick(data: bytes, pk: int) -> Numbers | None:
    """The numbers of one unikernel."""
    key, place = struct.pack("<q", pk), -1
    while (place := data.find(key, place + 1)) >= 0:
        if place % _RECORD.size == 0:
            _, cpu, memory, received, sent = _RECORD.unpack_from(data, place)
            return cpu, memory, received, sent
    return None


def _records(data: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    return _RECORD.iter_unpack(data)


# --- one unikernel at many times ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grid:
    """One row of numbers every ``step`` seconds from ``start`` on, which is a multiple of ``step``."""

    start: int
    step: int
    columns: tuple[array[int], ...]

    @classmethod
    def empty(cls, start: int, step: int, count: int) -> Self:
        """*count* rows of which nothing is known."""
        return cls(start, step, tuple(array("I", [MISSING]) * count for _ in MEASURES))

    @classmethod
    def covering(cls, since: int, until: int, step: int) -> Self:
        """The empty grid with the rows of all times from *since* to before *until*."""
        start = since // step * step
        return cls.empty(start, step, max(-((start - until) // step), 0))

    @classmethod
    def unpack(cls, start: int, step: int, data: bytes) -> Self:
        """What ``pack`` gave."""
        numbers = array("I")
        numbers.frombytes(zlib.decompress(data))
        if sys.byteorder == "big":
            numbers.byteswap()
        count = len(numbers) // len(MEASURES)
        return cls(
            start, step, tuple(numbers[place * count : (place + 1) * count] for place in range(len(MEASURES)))
        )

    def pack(self) -> bytes:
        """As few bytes as are needed."""
        numbers = array("I")
        for column in self.columns:
            numbers.extend(column)
        if sys.byteorder == "big":
            numbers.byteswap()
        return zlib.compress(numbers.tobytes(), _COMPRESSION)

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    def end(self) -> int:
        """The time after its last row."""
        return self.start + len(self) * self.step

    def put(self, at: int, numbers: Iterable[int]) -> None:
        """Write what was so at the time *at*; what lies outside is left out."""
        place = (at - self.start) // self.step
        if 0 <= place < len(self):
            for column, number in zip(self.columns, numbers, strict=True):
                column[place] = number

    def lay(self, other: Grid) -> None:
        """Write what is known in *other*, a grid of the same step, where both overlap."""
        offset = (other.start - self.start) // self.step
        first, last = max(0, -offset), min(len(other), len(self) - offset)
        for mine, theirs in zip(self.columns, other.columns, strict=True):
            for place in range(first, last):
                if (number := theirs[place]) != MISSING:
                    mine[place + offset] = number

    def coarser(self, step: int) -> Grid:
        """The same with means over *step* seconds, a multiple of its own step."""
        whole = Grid.covering(self.start, self.end, step)
        width, offset = step // self.step, (self.start - whole.start) // self.step
        for mine, theirs in zip(self.columns, whole.columns, strict=True):
            for place in range(len(theirs)):
                theirs[place] = _mean(mine[max(place * width - offset, 0) : (place + 1) * width - offset])
        return whole

    def add(self, other: Grid) -> None:
        """Add *other*, of the same times: the sum of what is known."""
        for mine, theirs in zip(self.columns, other.columns, strict=True):
            for place, number in enumerate(theirs):
                if number != MISSING:
                    known = mine[place] if mine[place] != MISSING else 0
                    mine[place] = min(known + number, _MOST)

    def part(self, since: int, until: int) -> Grid:
        """The rows of which the whole time lies from *since* to *until*."""
        first = max(-((self.start - since) // self.step), 0)
        last = max((until - self.start) // self.step, first)
        start = self.start + first * self.step
        return Grid(start, self.step, tuple(column[first:last] for column in self.columns))

    def mean(self) -> Values:
        """The mean of each measure, as far as it is known."""
        return values_of(map(_mean, self.columns))

    def most(self) -> Values:
        """The highest number of each measure."""
        return values_of(max(_known(column), default=MISSING) for column in self.columns)

    def last(self) -> Values:
        """The newest number of each measure."""
        return values_of(next(reversed(_known(column)), MISSING) for column in self.columns)

    def rows(self) -> Iterator[tuple[int, Values]]:
        """Time and values of each row of which anything is known."""
        for place, numbers in enumerate(zip(*self.columns, strict=True)):
            if any(number != MISSING for number in numbers):
                yield self.start + place * self.step, values_of(numbers)


def _known(column: array[int]) -> list[int]:
    return [number for number in column if number != MISSING]


def _mean(column: array[int]) -> int:
    known = _known(column)
    return round(sum(known) / len(known)) if known else MISSING
