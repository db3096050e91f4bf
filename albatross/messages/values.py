"""The values that messages are made of: time, configuration, policy."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

PROTOCOL_VERSION = 5
MIN_INT = -(2**62)  # OCaml's int has 63 bits
MAX_INT = 2**62 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A point in time as Albatross writes it: whole milliseconds since 1970 (UTC), years 0-9999."""

    milliseconds: int

    @classmethod
    def from_datetime(cls, moment: datetime) -> Timestamp:
        """The timestamp of an aware *moment*, cut to milliseconds."""
        return cls((moment - _EPOCH) // timedelta(milliseconds=1))

    def to_datetime(self) -> datetime:
        """The moment as an aware ``datetime``; ``OverflowError`` for the year 0."""
        return _EPOCH + timedelta(milliseconds=self.milliseconds)


EPOCH = Timestamp(0)


class Typ(enum.StrEnum):
    """How a unikernel is run."""

    SOLO5 = "solo5"
    BHYVE = "bhyve"


@dataclass(frozen=True, slots=True)
class FailBehaviour:
    """What happens when the process ends.

    ``restart=False``: nothing. ``restart=True``: it is started again when its exit code is in
    ``exit_codes``; the empty set means any code (but never 1 and 60-64, and never a signal).
    """

    restart: bool = False
    exit_codes: frozenset[int] = frozenset()


QUIT = FailBehaviour()
RESTART_ANY = FailBehaviour(restart=True)


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """A block device of the image and the device of the host behind it (None: same name)."""

    name: str
    host_device: str | None = None
    sector_size: int | None = None


@dataclass(frozen=True, slots=True)
class NetDevice:
    """A network device of the image and the bridge behind it (None: same name)."""

    name: str
    bridge: str | None = None
    mac: bytes | None = None


@dataclass(frozen=True, slots=True)
class Arguments:
    """Everything about a unikernel but its image. ``arguments`` None and () differ on the wire."""

    fail_behaviour: FailBehaviour = QUIT
    startup: int | None = None
    add_name: bool = True
    cpuids: frozenset[int] = frozenset({0})
    memory: int = 32  # MB
    blocks: tuple[BlockDevice, ...] = ()
    bridges: tuple[NetDevice, ...] = ()
    arguments: tuple[str, ...] | None = None
    numcpus: int = 1
    linux_boot_partition: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A unikernel to create. An empty ``image`` means that the image follows as a stream."""

    arguments: Arguments = field(default_factory=Arguments)
    typ: Typ = Typ.SOLO5
    compressed: bool = False
    image: bytes = b""


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of a domain. ``memory`` and ``block`` in MB; ``block`` None: no block devices."""

    unikernels: int
    cpuids: frozenset[int]
    memory: int
    block: int | None
    bridges: frozenset[str]
