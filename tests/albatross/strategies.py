"""Hypothesis strategies for everything that travels between us and an instance.

Each yields values that can be written and are read back equal; only the order of blocks and bridges
(a SET OF) changes, see ``canonical``.
"""

import string
from dataclasses import fields, is_dataclass, replace
from typing import Any

from hypothesis import strategies as st

from albatross import messages as m
from albatross.names import Name

ints = st.integers(m.MIN_INT, m.MAX_INT) | st.sampled_from(
    [m.MIN_INT, -129, -128, -1, 0, 127, 128, m.MAX_INT]
)
int32s = st.integers(-(2**31), 2**31 - 1)
int64s = st.integers(-(2**63), 2**63 - 1)
octets = st.binary(max_size=300)
macs = st.binary(min_size=6, max_size=6)
texts = st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
timestamps = st.builds(m.Timestamp, st.integers(-62_167_219_200_000, 253_402_300_799_999))

labels = st.builds(
    str.__add__,
    st.sampled_from(string.ascii_lowercase + string.digits + "."),
    st.text(string.ascii_lowercase + string.digits + ".-", max_size=62),
)
paths = st.lists(labels, max_size=8).map(tuple)
names = st.builds(Name, paths, st.none() | labels)


def tuples_of(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(items, max_size=4).map(tuple)


def sets_of(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.frozensets(items, max_size=4)


# --- configuration -------------------------------------------------------------------------------

typs = st.sampled_from(m.Typ)
fail_behaviours = st.just(m.QUIT) | st.builds(m.FailBehaviour, st.just(value=True), sets_of(ints))
arguments = st.builds(
    m.Arguments,
    fail_behaviour=fail_behaviours,
    startup=st.none() | ints,
    add_name=st.booleans(),
    cpuids=sets_of(ints),
    memory=ints,
    blocks=tuples_of(st.builds(m.BlockDevice, texts, st.none() | texts, st.none() | ints)),
    bridges=tuples_of(st.builds(m.NetDevice, texts, st.none() | texts, st.none() | macs)),
    arguments=st.none() | tuples_of(texts),
    numcpus=ints,
    linux_boot_partition=st.none() | texts,
)
configs = st.builds(m.Config, arguments, typs, st.booleans(), octets)
policies = st.builds(m.Policy, ints, sets_of(ints), ints, st.none() | ints, sets_of(texts))

# --- commands ------------------------------------------------------------------------------------

COMMANDS: dict[type, st.SearchStrategy[Any]] = {
    m.ConsoleAdd: st.builds(m.ConsoleAdd, ints),
    m.ConsoleSubscribe: st.builds(m.ConsoleSubscribe, count=ints)
    | st.builds(m.ConsoleSubscribe, since=timestamps),
    m.ConsoleListInactive: st.just(m.ConsoleListInactive()),
    m.StatsAdd: st.builds(m.StatsAdd, texts, ints, tuples_of(st.tuples(texts, texts))),
    m.StatsRemove: st.just(m.StatsRemove()),
    m.StatsSubscribe: st.just(m.StatsSubscribe()),
    m.StatsInitial: st.just(m.StatsInitial()),
    m.UnikernelInfo: st.just(m.UnikernelInfo()),
    m.UnikernelInfoOld4: st.just(m.UnikernelInfoOld4()),
    m.UnikernelInfoOld5: st.just(m.UnikernelInfoOld5()),
    m.UnikernelGet: st.builds(m.UnikernelGet, ints),
    m.UnikernelCreate: st.builds(m.UnikernelCreate, configs),
    m.UnikernelForceCreate: st.builds(m.UnikernelForceCreate, configs),
    m.UnikernelRestart: st.builds(m.UnikernelRestart, st.none() | arguments),
    m.UnikernelDestroy: st.just(m.UnikernelDestroy()),
    m.PolicyInfo: st.just(m.PolicyInfo()),
    m.PolicyAdd: st.builds(m.PolicyAdd, policies),
    m.PolicyRemove: st.just(m.PolicyRemove()),
    m.BlockInfo: st.just(m.BlockInfo()),
    m.BlockAdd: st.builds(m.BlockAdd, ints),
    m.BlockRemove: st.just(m.BlockRemove()),
    m.BlockAddOld: st.builds(m.BlockAddOld, ints, st.booleans(), st.none() | octets),
    m.BlockSetOld: st.builds(m.BlockSetOld, st.booleans(), octets),
    m.BlockDumpOld: st.builds(m.BlockDumpOld, ints),
    m.BlockDump: st.builds(m.BlockDump, ints),
    m.BlockSet: st.builds(m.BlockSet, st.booleans()),
}

# --- replies -------------------------------------------------------------------------------------

infos = st.builds(
    m.Info,
    typ=typs,
    fail_behaviour=fail_behaviours,
    cpuids=sets_of(ints),
    memory=ints,
    digest=octets,
    startup=st.none() | ints,
    blocks=tuples_of(st.builds(m.BlockInUse, texts, texts, ints, ints)),
    bridges=tuples_of(st.builds(m.NetInUse, texts, texts, macs)),
    arguments=st.none() | tuples_of(texts),
    started=timestamps,
    numcpus=ints,
    linux_boot_partition=st.none() | texts,
)
infos_old5 = st.builds(
    lambda info, cpuid: replace(info, cpuids=frozenset({cpuid}), numcpus=1, linux_boot_partition=None),
    infos,
    ints,
)
infos_old4 = infos_old5.map(lambda info: replace(info, startup=None))
REPLIES: dict[type, st.SearchStrategy[Any]] = {
    m.Empty: st.just(m.Empty()),
    m.Text: st.builds(m.Text, texts),
    m.Policies: st.builds(m.Policies, tuples_of(st.tuples(names, policies))),
    m.BlockDevices: st.builds(m.BlockDevices, tuples_of(st.builds(m.BlockState, names, ints, st.booleans()))),
    m.UnikernelImage: st.builds(m.UnikernelImage, st.booleans(), octets),
    m.OldBlockImage: st.builds(m.OldBlockImage, st.booleans(), octets),
    m.BlockImage: st.builds(m.BlockImage, st.booleans()),
    m.Consoles: st.builds(m.Consoles, tuples_of(names)),
    m.UnikernelInfos: st.builds(m.UnikernelInfos, tuples_of(st.tuples(names, infos))),
    m.UnikernelInfosOld4: st.builds(m.UnikernelInfosOld4, tuples_of(st.tuples(names, infos_old4))),
    m.UnikernelInfosOld5: st.builds(m.UnikernelInfosOld5, tuples_of(st.tuples(names, infos_old5))),
    m.FailureText: st.builds(m.FailureText, texts),
}

# --- data of streams -----------------------------------------------------------------------------

time_vals = st.builds(m.TimeVal, int64s, ints)
resource_usages = st.builds(m.ResourceUsage, time_vals, time_vals, *[int64s] * 14)
memory_usages = st.builds(m.MemoryUsage, *[int64s] * 6, ints, time_vals)
interface_usages = st.builds(m.InterfaceUsage, texts, *[int32s] * 5, *[int64s] * 12)
DATA: dict[type, st.SearchStrategy[Any]] = {
    m.Statistics: st.builds(
        m.Statistics,
        resource_usages,
        tuples_of(interface_usages),
        st.none() | tuples_of(st.tuples(texts, int64s)),
        st.none() | memory_usages,
    ),
    m.ConsoleLine: st.builds(m.ConsoleLine, timestamps, texts),
    m.BlockChunk: st.builds(m.BlockChunk, st.none() | octets),
}

# --- what travels --------------------------------------------------------------------------------

PAYLOADS = COMMANDS | REPLIES | DATA

commands = st.one_of(*COMMANDS.values())
payloads = st.one_of(*PAYLOADS.values())
headers = st.builds(m.Header, names, int64s)
messages = st.builds(m.Message, headers, payloads)


def messages_of(kind: type) -> st.SearchStrategy[m.Message]:
    return st.builds(m.Message, headers, PAYLOADS[kind])


def canonical(value: Any) -> Any:
    """*value* with blocks and bridges in an order that does not depend on how they were given."""
    if isinstance(value, tuple):
        return tuple(map(canonical, value))
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes = {field.name: canonical(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, m.Arguments | m.Info):
        for devices in ("blocks", "bridges"):
            changes[devices] = tuple(sorted(changes[devices], key=repr))
    return replace(value, **changes)
