"""What is asked of an instance. In a client's certificate travels exactly one of these."""

from __future__ import annotations

from dataclasses import dataclass

from albatross.messages.values import Arguments, Config, Policy, Timestamp


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
