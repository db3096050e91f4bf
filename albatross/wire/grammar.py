"""The messages of Albatross, protocol version 5: ``vmm_asn.ml``, item by item.

Tags are explicit. Numbers that are missing were used by versions long gone. What is ``old`` is read
and never written: it stands for the same as its present form.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from albatross import messages as m
from albatross.errors import DecodeError, EncodeError, NameInvalid
from albatross.names import Name
from albatross.wire.combinators import (
    Choice,
    Enumeration,
    Explicit,
    Field,
    Implicit,
    Mapped,
    Pair,
    Removed,
    Sequence,
    ascending,
    bag_of,
    constant,
    defaulted,
    optional,
    required,
    sequence_of,
    set_of,
    wrapped,
)
from albatross.wire.der import BOOLEAN, INT32, INT64, INTEGER, MAC, NULL, OCTETS, TEXT, utf8
from albatross.wire.generalized_time import TIME

MAX_ENTRIES = 100_000  # things in a reply; ten times the largest we plan for
MAX_ITEMS = 4_096  # CPU ids, devices, arguments, ... of one thing; a command line holds no more

# --- header --------------------------------------------------------------------------------------


def _version(number: int) -> int:
    if number != m.PROTOCOL_VERSION:
        raise DecodeError(f"unknown version number 0x{number % 2**63:X}")
    return number


def _known_version(number: int) -> int:
    if number != m.PROTOCOL_VERSION:
        raise EncodeError(f"version {number} cannot be written")
    return number


def _name(text: str) -> Name:
    try:
        return Name.parse(text)
    except NameInvalid as error:
        raise DecodeError(str(error)) from error


def _name_text(name: Name) -> str:
    try:
        text = str(name)
        valid = Name.parse(text) == name
    except (NameInvalid, TypeError) as error:
        raise EncodeError("a name with an invalid label") from error
    if not valid:
        raise EncodeError("a name that would be read as another one")
    return text


VERSION = Mapped(int, INTEGER, load=_version, dump=_known_version)
NAME = Mapped(Name, TEXT, load=_name, dump=_name_text)
HEADER = Sequence(
    m.Header,
    required("version", VERSION),
    required("sequence", INT64),
    required("name", NAME),
)

# --- configuration -------------------------------------------------------------------------------

TYP = Enumeration("Typ", {0: m.Typ.SOLO5, 1: m.Typ.BHYVE})


def _restart(exit_codes: frozenset[int]) -> m.FailBehaviour:
    return m.FailBehaviour(restart=True, exit_codes=exit_codes)


def _restart_or_none(behaviour: m.FailBehaviour) -> m.FailBehaviour | None:
    if behaviour.exit_codes and not behaviour.restart:
        raise EncodeError("exit codes without restart cannot be written")
    return behaviour if behaviour.restart else None


RESTART_CODES = Mapped(
    m.FailBehaviour, set_of(INTEGER, MAX_ITEMS), load=_restart, dump=attrgetter("exit_codes")
)
FAIL_BEHAVIOUR = Mapped(
    m.FailBehaviour,
    Choice("FailBehaviour", {0: NULL, 1: RESTART_CODES}),
    load=lambda behaviour: behaviour or m.QUIT,
    dump=_restart_or_none,
)


def _single(cpuids: frozenset[int]) -> int:
    if len(cpuids) != 1:
        raise EncodeError("old forms hold exactly one CPU id")
    return next(iter(cpuids))


CPUIDS = set_of(INTEGER, MAX_ITEMS)
CPUID = Mapped(frozenset, INTEGER, load=lambda number: frozenset((number,)), dump=_single)
STRINGS = sequence_of(TEXT, MAX_ITEMS)

BLOCK_DEVICE = Sequence(
    m.BlockDevice,
    required("name", TEXT),
    optional("host_device", TEXT),
    optional("sector_size", INTEGER),
)
NET_DEVICE = Sequence(
    m.NetDevice,
    required("name", TEXT),
    optional("bridge", TEXT),
    optional("mac", MAC),
)
_START = (
    optional("startup", INTEGER),
    required("add_name", BOOLEAN),
)
_FAIL = required("fail_behaviour", FAIL_BEHAVIOUR)
_RESOURCES = (
    required("cpuids", CPUIDS),
    required("memory", INTEGER),
)
_OLD_RESOURCES = (
    required("cpuids", CPUID),
    required("memory", INTEGER),
)
_DEVICES = (
    optional("blocks", Explicit(0, bag_of(BLOCK_DEVICE, MAX_ITEMS)), ()),
    optional("bridges", Explicit(1, bag_of(NET_DEVICE, MAX_ITEMS)), ()),
    optional("arguments", Explicit(2, STRINGS)),
)
_MACHINE = (
    defaulted("numcpus", Explicit(3, INTEGER), 1),
    optional("linux_boot_partition", Explicit(4, TEXT)),
)

ARGUMENTS = Sequence(m.Arguments, _FAIL, *_START, *_RESOURCES, *_DEVICES, *_MACHINE)
ARGUMENTS_V1 = Sequence(m.Arguments, _FAIL, *_START, *_OLD_RESOURCES, *_DEVICES)
ARGUMENTS_V0 = Sequence(m.Arguments, _FAIL, *_OLD_RESOURCES, *_DEVICES)


def _make_config(typ: m.Typ, *, compressed: bool, image: bytes, **arguments: Any) -> m.Config:
    return m.Config(m.Arguments(**arguments), typ, compressed, image)


def _config(*fields: Field) -> Sequence[m.Config]:
    """A Config holds its Arguments; on the wire both are one SEQUENCE."""
    return Sequence(
        m.Config,
        required("typ", TYP),
        required("compressed", BOOLEAN),
        required("image", OCTETS),
        *(field.below("arguments") for field in fields),
        make=_make_config,
    )


CONFIG = _config(*_START, _FAIL, *_RESOURCES, *_DEVICES, *_MACHINE)
CONFIG_V4 = _config(*_START, _FAIL, *_OLD_RESOURCES, *_DEVICES)
CONFIG_V3 = _config(_FAIL, *_OLD_RESOURCES, *_DEVICES)

POLICY = Sequence(
    m.Policy,
    required("cpuids", ascending(INTEGER, MAX_ITEMS, key=int)),
    required("unikernels", INTEGER),
    required("memory", INTEGER),
    optional("block", INTEGER),
    required("bridges", ascending(TEXT, MAX_ITEMS, key=utf8)),
)

# --- commands ------------------------------------------------------------------------------------


def _subscribe(start: m.Timestamp | int) -> m.ConsoleSubscribe:
    return (
        m.ConsoleSubscribe(since=start) if isinstance(start, m.Timestamp) else m.ConsoleSubscribe(count=start)
    )


def _subscribe_start(command: m.ConsoleSubscribe) -> m.Timestamp | int:
    if command.count is None and command.since is not None:
        return command.since
    if command.count is not None and command.since is None:
        return command.count
    raise EncodeError("a subscription needs either a count or a time")


CONSOLE_COMMAND = Choice(
    "ConsoleCommand",
    {
        0: wrapped(m.ConsoleAdd, "max_unikernels", INTEGER),
        2: Mapped(
            m.ConsoleSubscribe,
            Choice("ConsoleSubscribe", {0: TIME, 1: INTEGER}),
            load=_subscribe,
            dump=_subscribe_start,
        ),
        3: constant(m.ConsoleListInactive()),
    },
)
STATS_COMMAND = Choice(
    "StatsCommand",
    {
        0: Sequence(
            m.StatsAdd,
            required("vmmdev", TEXT),
            required("pid", INTEGER),
            required("network", sequence_of(Pair(TEXT, TEXT), MAX_ITEMS)),
        ),
        1: constant(m.StatsRemove()),
        2: constant(m.StatsSubscribe()),
        3: constant(m.StatsInitial()),
    },
)
RESTART = Choice("Restart", {0: NULL, 3: ARGUMENTS}, old={1: ARGUMENTS_V0, 2: ARGUMENTS_V1})
UNIKERNEL_COMMAND = Choice(
    "UnikernelCommand",
    {
        3: constant(m.UnikernelDestroy()),
        11: wrapped(m.UnikernelGet, "level", INTEGER),
        14: wrapped(m.UnikernelRestart, "arguments", RESTART),
        15: constant(m.UnikernelInfoOld4()),
        18: constant(m.UnikernelInfoOld5()),
        19: constant(m.UnikernelInfo()),
        20: wrapped(m.UnikernelCreate, "config", CONFIG),
        21: wrapped(m.UnikernelForceCreate, "config", CONFIG),
    },
    old={
        9: wrapped(m.UnikernelCreate, "config", CONFIG_V3),
        10: wrapped(m.UnikernelForceCreate, "config", CONFIG_V3),
        16: wrapped(m.UnikernelCreate, "config", CONFIG_V4),
        17: wrapped(m.UnikernelForceCreate, "config", CONFIG_V4),
    },
)
POLICY_COMMAND = Choice(
    "PolicyCommand",
    {
        0: constant(m.PolicyInfo()),
        1: wrapped(m.PolicyAdd, "policy", POLICY),
        2: constant(m.PolicyRemove()),
    },
)
BLOCK_COMMAND = Choice(
    "BlockCommand",
    {
        0: constant(m.BlockInfo()),
        1: wrapped(m.BlockAdd, "size", INTEGER),
        2: constant(m.BlockRemove()),
        3: Sequence(
            m.BlockAddOld,
            required("size", INTEGER),
            required("compressed", BOOLEAN),
            optional("data", OCTETS),
        ),
        4: Sequence(m.BlockSetOld, required("compressed", BOOLEAN), required("data", OCTETS)),
        5: wrapped(m.BlockDumpOld, "level", INTEGER),
        6: wrapped(m.BlockDump, "level", INTEGER),
        7: wrapped(m.BlockSet, "compressed", BOOLEAN),
    },
)
COMMAND = Choice(
    "Command",
    {
        0: CONSOLE_COMMAND,
        1: STATS_COMMAND,
        2: Removed("log"),
        3: UNIKERNEL_COMMAND,
        4: POLICY_COMMAND,
        5: BLOCK_COMMAND,
    },
)

# --- replies -------------------------------------------------------------------------------------

BLOCK_IN_USE = Sequence(
    m.BlockInUse,
    required("unikernel_device", TEXT),
    required("host_device", TEXT),
    required("sector_size", INTEGER),
    required("size", INTEGER),
)
NET_IN_USE = Sequence(
    m.NetInUse,
    required("unikernel_device", TEXT),
    required("host_device", TEXT),
    required("mac", MAC),
)
_INFO_USE = (
    optional("blocks", Explicit(0, bag_of(BLOCK_IN_USE, MAX_ITEMS)), ()),
    optional("bridges", Explicit(1, bag_of(NET_IN_USE, MAX_ITEMS)), ()),
    optional("arguments", Explicit(2, STRINGS)),
    defaulted("started", Explicit(3, TIME), m.Timestamp(0)),
)
_TYP = required("typ", TYP)
_STARTUP = optional("startup", INTEGER)
_DIGEST = required("digest", OCTETS)

INFO = Sequence(
    m.Info,
    _TYP,
    _STARTUP,
    _FAIL,
    *_RESOURCES,
    _DIGEST,
    *_INFO_USE,
    defaulted("numcpus", Explicit(4, INTEGER), 1),
    optional("linux_boot_partition", Explicit(5, TEXT)),
)
# The old forms are written without what they have no room for, as Albatross does for old clients.
INFO_V5 = Sequence(m.Info, _TYP, _STARTUP, _FAIL, *_OLD_RESOURCES, _DIGEST, *_INFO_USE)
INFO_V4 = Sequence(m.Info, _TYP, _FAIL, *_OLD_RESOURCES, _DIGEST, *_INFO_USE)

BLOCK_STATE = Sequence(
    m.BlockState,
    required("name", NAME),
    required("size", INTEGER),
    required("active", BOOLEAN),
)
SUCCESS = Choice(
    "Success",
    {
        0: constant(m.Empty()),
        1: wrapped(m.Text, "text", TEXT),
        2: wrapped(m.Policies, "policies", sequence_of(Pair(NAME, POLICY), MAX_ENTRIES)),
        4: wrapped(m.BlockDevices, "blocks", sequence_of(BLOCK_STATE, MAX_ENTRIES)),
        6: Sequence(m.UnikernelImage, required("compressed", BOOLEAN), required("image", OCTETS)),
        7: Sequence(m.OldBlockImage, required("compressed", BOOLEAN), required("image", OCTETS)),
        9: wrapped(m.UnikernelInfosOld4, "unikernels", sequence_of(Pair(NAME, INFO_V4), MAX_ENTRIES)),
        10: wrapped(m.BlockImage, "compressed", BOOLEAN),
        11: wrapped(m.UnikernelInfosOld5, "unikernels", sequence_of(Pair(NAME, INFO_V5), MAX_ENTRIES)),
        12: wrapped(m.Consoles, "names", sequence_of(NAME, MAX_ENTRIES)),
        13: wrapped(m.UnikernelInfos, "unikernels", sequence_of(Pair(NAME, INFO), MAX_ENTRIES)),
    },
)

# --- data of streams -----------------------------------------------------------------------------

TIME_VAL = Sequence(m.TimeVal, required("seconds", INT64), required("microseconds", INTEGER))
RESOURCE_USAGE = Sequence(
    m.ResourceUsage,
    required("utime", TIME_VAL),
    required("stime", TIME_VAL),
    required("maxrss", INT64),
    required("ixrss", INT64),
    required("idrss", INT64),
    required("isrss", INT64),
    required("minflt", INT64),
    required("majflt", INT64),
    required("nswap", INT64),
    required("inblock", INT64),
    required("outblock", INT64),
    required("msgsnd", INT64),
    required("msgrcv", INT64),
    required("nsignals", INT64),
    required("nvcsw", INT64),
    required("nivcsw", INT64),
)
MEMORY_USAGE = Sequence(
    m.MemoryUsage,
    required("vsize", INT64),
    required("rss", INT64),
    required("tsize", INT64),
    required("dsize", INT64),
    required("ssize", INT64),
    required("runtime", INT64),
    required("cow", INTEGER),
    required("start", TIME_VAL),
)
INTERFACE_USAGE = Sequence(
    m.InterfaceUsage,
    required("bridge", TEXT),
    required("flags", INT32),
    required("send_length", INT32),
    required("max_send_length", INT32),
    required("send_drops", INT32),
    required("mtu", INT32),
    required("baudrate", INT64),
    required("input_packets", INT64),
    required("input_errors", INT64),
    required("output_packets", INT64),
    required("output_errors", INT64),
    required("collisions", INT64),
    required("input_bytes", INT64),
    required("output_bytes", INT64),
    required("input_mcast", INT64),
    required("output_mcast", INT64),
    required("input_dropped", INT64),
    required("output_dropped", INT64),
)
STATISTICS = Sequence(
    m.Statistics,
    required("resource_usage", RESOURCE_USAGE),
    required("interfaces", sequence_of(INTERFACE_USAGE, MAX_ITEMS)),
    optional("vmm", Explicit(0, sequence_of(Pair(TEXT, INT64), MAX_ITEMS))),
    optional("memory", Implicit(1, MEMORY_USAGE)),
)
DATA = Choice(
    "Data",
    {
        1: STATISTICS,
        2: Removed("log"),
        3: Sequence(m.ConsoleLine, required("timestamp", TIME), required("text", TEXT)),
        4: wrapped(m.BlockChunk, "data", Choice("BlockChunk", {0: OCTETS, 1: NULL})),
    },
)

# --- what travels --------------------------------------------------------------------------------

PAYLOAD = Choice(
    "Payload",
    {
        0: COMMAND,
        1: SUCCESS,
        2: wrapped(m.FailureText, "text", TEXT),
        3: DATA,
    },
)
WIRE = Sequence(m.Message, required("header", HEADER), required("payload", PAYLOAD))
EXTENSION = Pair(VERSION, COMMAND)
