"""What an instance sends on and on: statistics, console lines, pieces of a block device."""

from __future__ import annotations

from dataclasses import dataclass

from albatross.messages.values import Timestamp


@dataclass(frozen=True, slots=True)
class TimeVal:
    """A duration in seconds and microseconds."""

    seconds: int
    microseconds: int


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """getrusage(2) of the tender."""

    utime: TimeVal
    stime: TimeVal
    maxrss: int
    ixrss: int
    idrss: int
    isrss: int
    minflt: int
    majflt: int
    nswap: int
    inblock: int
    outblock: int
    msgsnd: int
    msgrcv: int
    nsignals: int
    nvcsw: int
    nivcsw: int


@dataclass(frozen=True, slots=True)
class MemoryUsage:
    """Memory of the tender; sizes in pages on Linux, ``runtime`` in microseconds."""

    vsize: int
    rss: int
    tsize: int
    dsize: int
    ssize: int
    runtime: int
    cow: int
    start: TimeVal


@dataclass(frozen=True, slots=True)
class InterfaceUsage:
    """Counters of one network device; the first five integers are 32 bit."""

    bridge: str
    flags: int
    send_length: int
    max_send_length: int
    send_drops: int
    mtu: int
    baudrate: int
    input_packets: int
    input_errors: int
    output_packets: int
    output_errors: int
    collisions: int
    input_bytes: int
    output_bytes: int
    input_mcast: int
    output_mcast: int
    input_dropped: int
    output_dropped: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """One sample of a running unikernel."""

    resource_usage: ResourceUsage
    interfaces: tuple[InterfaceUsage, ...]
    vmm: tuple[tuple[str, int], ...] | None = None
    memory: MemoryUsage | None = None


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """One line of a console; the text is untrusted and may hold any byte."""

    timestamp: Timestamp
    text: str


@dataclass(frozen=True, slots=True)
class BlockChunk:
    """A piece of a block device; ``data`` None ends the stream."""

    data: bytes | None


Data = Statistics | ConsoleLine | BlockChunk
