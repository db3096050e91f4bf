"""From the counters that an instance reports to what a unikernel used (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from albatross.messages import Statistics, TimeVal

PAGE = 4096  # bytes; memory is reported in pages (albatross-protocol 4.11)
LONGEST = 60.0  # seconds between two looks at counters: over a longer time a mean says nothing about now


class Sample(NamedTuple):
    """What a unikernel used. None: not known, because counters were seen only once so far."""

    cpu: float | None  # 1.0 is the whole of one CPU
    memory: int  # resident, bytes
    received: float | None  # bytes/s, by the unikernel
    sent: float | None  # bytes/s


@dataclass(frozen=True, slots=True)
class Counters:
    """What was counted since the unikernel was started, and its memory at the time ``at`` (monotonic, s)."""

    at: float
    cpu: float  # seconds
    memory: int  # bytes
    received: int
    sent: int


def counters_of(told: Statistics, at: float) -> Counters:
    """The counters in one report.

    Interfaces are counted on the side of the host: what it takes in is what the unikernel sent.
    """
    usage = told.resource_usage
    pages = usage.maxrss if told.memory is None else told.memory.rss
    return Counters(
        at=at,
        cpu=_seconds(usage.utime) + _seconds(usage.stime),
        memory=max(pages, 0) * PAGE,
        received=sum(interface.output_bytes for interface in told.interfaces),
        sent=sum(interface.input_bytes for interface in told.interfaces),
    )


def sample_of(before: Counters | None, now: Counters) -> Sample:
    """What was used between two looks at the counters.

    A counter that fell says that the unikernel was started anew, and nothing is known of the time before.
    (The start that is reported beside the counters is no use: on Linux it is the change time of a folder
    in /proc, which the kernel may set again.)
    """
    if before is None or not 0 < now.at - before.at <= LONGEST or _anew(before, now):
        return Sample(None, now.memory, None, None)
    seconds = now.at - before.at
    return Sample(
        cpu=(now.cpu - before.cpu) / seconds,
        memory=now.memory,
        received=(now.received - before.received) / seconds,
        sent=(now.sent - before.sent) / seconds,
    )


def _anew(before: Counters, now: Counters) -> bool:
    return now.cpu < before.cpu or now.received < before.received or now.sent < before.sent


def _seconds(time: TimeVal) -> float:
    return time.seconds + time.microseconds / 1_000_000
