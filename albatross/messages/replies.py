"""What an instance answers."""

from __future__ import annotations

from dataclasses import dataclass

from albatross.messages.values import EPOCH, FailBehaviour, Policy, Timestamp, Typ
from albatross.names import Name


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
    started: Timestamp = EPOCH
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
