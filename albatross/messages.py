"""Everything that travels between us and an Albatross instance, as frozen values.

The shapes follow ``vmm_asn.ml`` of Albatross (protocol version 5). Text that Albatross does not
check (failures, console lines, arguments, bridge names) is ``str`` decoded with
``surrogateescape``, so that any bytes survive a round trip.

Old forms of ``create`` and ``restart`` decode into the present ones.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from albatross.names import Name

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
        """This moment as an aware ``datetime``; ``OverflowError`` for the year 0."""
        return _EPOCH + timedelta(milliseconds=self.milliseconds)


# --- configuration -----------------------------------------------------------------------------


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


# --- commands ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConsoleAdd:
    """Internal to Albatross (daemon to console)."""

    max_unikernels: int


@dataclass(frozen=True, slots=True)
class ConsoleSubscribe:
    """Follow a console: the last ``count`` lines first, or those not older than ``since``.

    Exactly one of the two is set.
    """

    count: int | None = None
    since: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class ConsoleListInactive:
    """Names of consoles whose unikernel no longer runs."""


@dataclass(frozen=True, slots=True)
class StatsAdd:
    """Internal to Albatross (daemon to statistics). ``network``: pairs of bridge and tap."""

    vmmdev: str
    pid: int
    network: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class StatsRemove:
    """Internal to Albatross."""


@dataclass(frozen=True, slots=True)
class StatsSubscribe:
    """Follow the statistics of a unikernel or of everything below a path."""


@dataclass(frozen=True, slots=True)
class StatsInitial:
    """Internal to Albatross."""


@dataclass(frozen=True, slots=True)
class UnikernelInfo:
    """What runs."""


@dataclass(frozen=True, slots=True)
class UnikernelInfoOld4:
    """Old form of info. Never sent by us: it can end the daemon."""


@dataclass(frozen=True, slots=True)
class UnikernelInfoOld5:
    """Old form of info. Never sent by us: it can end the daemon."""


@dataclass(frozen=True, slots=True)
class UnikernelGet:
    """The image of a running unikernel. ``level`` is zlib's, 0-9; others can end the daemon."""

    level: int


@dataclass(frozen=True, slots=True)
class UnikernelCreate:
    """Start a unikernel whose name is free."""

    config: Config


@dataclass(frozen=True, slots=True)
class UnikernelForceCreate:
    """Start a unikernel; one of that name that runs is killed first."""

    config: Config


@dataclass(frozen=True, slots=True)
class UnikernelRestart:
    """Restart a running unikernel; with ``arguments``, these replace all of its own."""

    arguments: Arguments | None = None


@dataclass(frozen=True, slots=True)
class UnikernelDestroy:
    """End a unikernel."""


@dataclass(frozen=True, slots=True)
class PolicyInfo:
    """The policies at and below a path."""


@dataclass(frozen=True, slots=True)
class PolicyAdd:
    """Set a policy. Travels in intermediate certificates only."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class PolicyRemove:
    """Remove a policy. Not possible over TLS."""


@dataclass(frozen=True, slots=True)
class BlockInfo:
    """The block devices at and below a path."""


@dataclass(frozen=True, slots=True)
class BlockAdd:
    """Create a block device of ``size`` MB."""

    size: int


@dataclass(frozen=True, slots=True)
class BlockRemove:
    """Remove a block device."""


@dataclass(frozen=True, slots=True)
class BlockAddOld:
    """Old form of add, with data inside. Never sent by us."""

    size: int
    compressed: bool
    data: bytes | None


@dataclass(frozen=True, slots=True)
class BlockSetOld:
    """Old form of set, with data inside. Never sent by us."""

    compressed: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class BlockDumpOld:
    """Old form of dump, one message. Never sent by us."""

    level: int


@dataclass(frozen=True, slots=True)
class BlockDump:
    """The content of a block device, as a stream. ``level`` is zlib's, 0-9."""

    level: int


@dataclass(frozen=True, slots=True)
class BlockSet:
    """Replace the content of a block device by the stream that follows."""

    compressed: bool


ConsoleCommand = ConsoleAdd | ConsoleSubscribe | ConsoleListInactive
StatsCommand = StatsAdd | StatsRemove | StatsSubscribe | StatsInitial
UnikernelCommand = (
    UnikernelInfo
    | UnikernelInfoOld4
    | UnikernelInfoOld5
    | UnikernelGet
    | UnikernelCreate
    | UnikernelForceCreate
    | UnikernelRestart
    | UnikernelDestroy
)
PolicyCommand = PolicyInfo | PolicyAdd | PolicyRemove
BlockCommand = (
    BlockInfo | BlockAdd | BlockRemove | BlockAddOld | BlockSetOld | BlockDumpOld | BlockDump | BlockSet
)
Command = ConsoleCommand | StatsCommand | UnikernelCommand | PolicyCommand | BlockCommand


# --- replies -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BlockInUse:
    """A block device of a running unikernel. ``size`` in MB (0 in list replies below a path)."""

    unikernel_device: str
    host_device: str
    sector_size: int
    size: int


@dataclass(frozen=True, slots=True)
class NetInUse:
    """A network device of a running unikernel; ``mac`` has 6 bytes."""

    unikernel_device: str
    host_device: str
    mac: bytes


@dataclass(frozen=True, slots=True)
class Info:
    """What an instance tells of a running unikernel. ``digest``: SHA-256 of the plain image."""

    typ: Typ
    fail_behaviour: FailBehaviour
    cpuids: frozenset[int]
    memory: int
    digest: bytes
    startup: int | None = None
    blocks: tuple[BlockInUse, ...] = ()
    bridges: tuple[NetInUse, ...] = ()
    arguments: tuple[str, ...] | None = None
    started: Timestamp = Timestamp(0)
    numcpus: int = 1
    linux_boot_partition: str | None = None


@dataclass(frozen=True, slots=True)
class Empty:
    """Success, nothing to tell."""


@dataclass(frozen=True, slots=True)
class Text:
    """Success, with a text ("created unikernel")."""

    text: str


@dataclass(frozen=True, slots=True)
class Policies:
    """Answer to ``PolicyInfo``."""

    policies: tuple[tuple[Name, Policy], ...]


@dataclass(frozen=True, slots=True)
class BlockState:
    """One block device in the answer to ``BlockInfo``; ``size`` in MB, ``active``: in use."""

    name: Name
    size: int
    active: bool


@dataclass(frozen=True, slots=True)
class BlockDevices:
    """Answer to ``BlockInfo``."""

    blocks: tuple[BlockState, ...]


@dataclass(frozen=True, slots=True)
class UnikernelImage:
    """Answer to ``UnikernelGet``."""

    compressed: bool
    image: bytes


@dataclass(frozen=True, slots=True)
class OldBlockImage:
    """Answer to ``BlockDumpOld``."""

    compressed: bool
    image: bytes


@dataclass(frozen=True, slots=True)
class BlockImage:
    """First answer to ``BlockDump``; ``BlockChunk`` messages follow."""

    compressed: bool


@dataclass(frozen=True, slots=True)
class Consoles:
    """Answer to ``ConsoleListInactive``."""

    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class UnikernelInfos:
    """Answer to ``UnikernelInfo``."""

    unikernels: tuple[tuple[Name, Info], ...]


@dataclass(frozen=True, slots=True)
class UnikernelInfosOld4:
    """Answer to ``UnikernelInfoOld4`` (no startup; exactly one CPU id each)."""

    unikernels: tuple[tuple[Name, Info], ...]


@dataclass(frozen=True, slots=True)
class UnikernelInfosOld5:
    """Answer to ``UnikernelInfoOld5`` (exactly one CPU id each)."""

    unikernels: tuple[tuple[Name, Info], ...]


Success = (
    Empty
    | Text
    | Policies
    | BlockDevices
    | UnikernelImage
    | OldBlockImage
    | BlockImage
    | Consoles
    | UnikernelInfos
    | UnikernelInfosOld4
    | UnikernelInfosOld5
)


@dataclass(frozen=True, slots=True)
class FailureText:
    """The command failed; the text is Albatross's own."""

    text: str


# --- data of streams ---------------------------------------------------------------------------


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
Payload = Command | Success | FailureText | Data


@dataclass(frozen=True, slots=True)
class Header:
    """Whom a message is about. ``sequence`` (64 bit, signed) means nothing to a client."""

    name: Name
    sequence: int = 0
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class Message:
    """What travels in one frame."""

    header: Header
    payload: Payload
