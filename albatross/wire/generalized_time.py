"""GeneralizedTime as Albatross writes and reads it.

Written: ``YYYYMMDDHHMMSSZ``, or with a fraction of always three digits (``.120Z``), which is not DER.
Read: minutes and seconds may be missing, the zone too (UTC), an offset ``+hhmm`` is subtracted,
seconds go to 60, and one to three digits after the dot are a *number of milliseconds*: ``.5`` is 5 ms.
Years 0 to 9999. Source: asn1-combinators 0.3.2, ``asn_prim.ml``, and vectors.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from albatross.errors import DecodeError, EncodeError
from albatross.messages import Timestamp
from albatross.wire.der import Leaf, tlv

_TAG = 0x18
_FORM = re.compile(
    rb"(\d{4})(\d\d)(\d\d)(\d\d)"  # year, month, day, hour
    rb"(?:(\d\d)(?:(\d\d)(?:\.(\d{1,3}))?)?)?"  # minute, second, milliseconds
    rb"(?:Z|([+-]\d{4}))?"  # zone: hours and minutes
)
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000  # in milliseconds
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097  # the calendar repeats; Python has no year 0, but a year 400
_FIRST = -719_528 * _DAY  # 0000-01-01
_LAST = (date.max.toordinal() - _EPOCH_DAY + 1) * _DAY - 1  # 9999-12-31


class GeneralizedTime(Leaf[Timestamp]):
    """GeneralizedTime, to the millisecond."""

    name, tag, types = "GeneralizedTime", _TAG, (Timestamp,)

    def content(self, data: bytes, tag: int, start: int, stop: int) -> Timestamp:
        match = _FORM.fullmatch(data, start, stop)
        if match is None:
            raise DecodeError(f"GeneralizedTime has an unknown form at byte {start}")
        try:
            milliseconds = _milliseconds(match)
        except ValueError as error:
            raise DecodeError(f"GeneralizedTime is no time at byte {start}") from error
        return Timestamp(milliseconds)

    def write(self, value: Any) -> bytes:
        self.expect(value)
        moment = value.milliseconds
        if not isinstance(moment, int) or not _FIRST <= moment <= _LAST:
            raise EncodeError("the time is outside of the years 0 to 9999")
        days, rest = divmod(moment, _DAY)
        seconds, fraction = divmod(rest, _SECOND)
        clock = f"{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}"
        tail = f".{fraction:03}Z" if fraction else "Z"
        return tlv(_TAG, f"{_calendar(days)}{clock}{tail}".encode())


def _milliseconds(match: re.Match[bytes]) -> int:
    """Milliseconds since 1970; ``ValueError`` when there is no such time."""
    year, month, day, hour, minute, second, fraction, zone = map(int, match.groups(b"0"))
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("no such time of the day")
    days = _ordinal(year, month, day) - _EPOCH_DAY
    clock = hour * _HOUR + minute * _MINUTE + second * _SECOND + fraction
    hours, minutes = divmod(abs(zone), 100)
    offset = hours * _HOUR + minutes * _MINUTE
    moment = days * _DAY + clock - (offset if zone > 0 else -offset)
    if not _FIRST <= moment <= _LAST:
        raise ValueError("outside of the years 0 to 9999")
    return moment


def _ordinal(year: int, month: int, day: int) -> int:
    if year == 0:
        return date(_CYCLE_YEARS, month, day).toordinal() - _CYCLE_DAYS
    return date(year, month, day).toordinal()


def _calendar(days: int) -> str:
    """YYYYMMDD of a number of days since 1970."""
    ordinal = days + _EPOCH_DAY
    if ordinal < 1:
        return "0000" + date.fromordinal(ordinal + _CYCLE_DAYS).strftime("%m%d")
    moment = date.fromordinal(ordinal)
    return f"{moment.year:04}{moment.month:02}{moment.day:02}"


TIME = GeneralizedTime()
