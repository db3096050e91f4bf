"""The last hour of all unikernels of an instance, a number for each minute: what lists draw (pure)."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Container
from dataclasses import dataclass, field

from unikernels.statistics.grids import MISSING, UNITS

MINUTES = 60
UNKNOWN = 2**16 - 1
_MOST = UNKNOWN - 1  # 6.5 CPUs; what is more is drawn as this
_RECORD = struct.Struct(f"<q{MINUTES}H")
_KEY, _LINE = struct.Struct(f"<q{2 * MINUTES}x"), struct.Struct(f"<{MINUTES}H")
_GAP = _RECORD.size - _LINE.size  # the key before the line


@dataclass(slots=True)
class Recent:
    """CPU of each unikernel (by its key) in the minutes up to ``minute`` (min since 1970), oldest first."""

    minute: int = 0
    lines: dict[int, array[int]] = field(default_factory=dict)
    _sums: dict[int, tuple[int, int]] = field(default_factory=dict)  # of the minute that goes on

    @classmethod
    def unpack(cls, minute: int, data: bytes, only: Container[int] | None = None) -> Recent:
        """What ``pack`` gave; of *only* some unikernels, which costs less."""
        places = (
            (pk, place) for place, (pk,) in enumerate(_KEY.iter_unpack(data)) if only is None or pk in only
        )
        lines = {pk: array("H", _LINE.unpack_from(data, place * _RECORD.size + _GAP)) for pk, place in places}
        return cls(minute, lines)

    def pack(self) -> bytes:
        """The lines in which anything is known."""
        return b"".join(
            _RECORD.pack(pk, *line) for pk, line in self.lines.items() if any(n != UNKNOWN for n in line)
        )

    def take(self, at: int, numbers: dict[int, int]) -> bool:
        """Add the CPU of a tick, in the units of ``grids``; whether a minute was ended by it."""
        ended = self.advance(at // 60)
        for pk, number in numbers.items():
            if number != MISSING:
                total, count = self._sums.get(pk, (0, 0))
                self._sums[pk] = total + number, count + 1
        return ended

    def advance(self, minute: int) -> bool:
        """Let time go on to *minute*, which is not over yet; whether it did."""
        passed = minute - 1 - self.minute
        if passed <= 0:
            return False
        for pk in self._sums.keys() | self.lines.keys():
            line = self.lines.get(pk) or array("H", [UNKNOWN]) * MINUTES
            line.extend([self._ended(pk), *[UNKNOWN] * min(passed - 1, MINUTES)])
            self.lines[pk] = line[-MINUTES:]
        self.minute = minute - 1
        self._sums = {}
        return True

    def forget(self, but: Container[int]) -> None:
        """Drop the lines of all unikernels but these."""
        self.lines = {pk: line for pk, line in self.lines.items() if pk in but}

    def line(self, pk: int) -> list[float | None]:
        """The CPU of a unikernel in each minute; 1.0 is one CPU, None: not known."""
        numbers = self.lines.get(pk) or [UNKNOWN] * MINUTES
        return [None if number == UNKNOWN else number * UNITS[0] for number in numbers]

    def _ended(self, pk: int) -> int:
        total, count = self._sums.get(pk, (0, 0))
        return min(round(total / count), _MOST) if count else UNKNOWN
