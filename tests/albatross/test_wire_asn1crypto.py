"""A second opinion: asn1crypto, with a grammar of its own, reads what we write and writes what we read."""

from datetime import UTC, datetime
from typing import Any

import pytest
from asn1crypto import core, parser
from hypothesis import given
from hypothesis import strategies as st

from albatross import messages as m
from albatross.names import Name
from albatross.wire import decode, decode_extension, encode, encode_extension
from tests.albatross import strategies
from tests.albatross.strategies import canonical
from tests.albatross.vectors import VALID, der


def emitted_again(data: bytes) -> bytes:
    """*data*, taken apart to the leaves and put together again by asn1crypto."""
    out = b""
    while data:
        kind, method, tag, _, content, _ = parser.parse(data)
        size = len(parser.emit(kind, method, tag, content))
        out += parser.emit(kind, method, tag, emitted_again(content) if method else content)
        data = data[size:]
    return out


@given(strategies.messages)
def test_every_message_is_der(message: m.Message) -> None:
    data = encode(message)
    parser.parse(data, strict=True)
    assert emitted_again(data) == data


# --- a grammar in the words of asn1crypto --------------------------------------------------------


class Raw(core.OctetString):  # type: ignore[misc]  # asn1crypto has no types
    """A UTF8String that is not checked, as bytes."""

    tag = 12


class RawTime(core.OctetString):  # type: ignore[misc]
    tag = 24


class Typ(core.Choice):  # type: ignore[misc]
    _alternatives = [("solo5", core.Null, {"explicit": 0}), ("bhyve", core.Null, {"explicit": 1})]


class Integers(core.SetOf):  # type: ignore[misc]
    _child_spec = core.Integer


class IntegerList(core.SequenceOf):  # type: ignore[misc]
    _child_spec = core.Integer


class Strings(core.SequenceOf):  # type: ignore[misc]
    _child_spec = Raw


class FailBehaviour(core.Choice):  # type: ignore[misc]
    _alternatives = [("quit", core.Null, {"explicit": 0}), ("restart", Integers, {"explicit": 1})]


class BlockDevice(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("name", Raw),
        ("host_device", Raw, {"optional": True}),
        ("sector_size", core.Integer, {"optional": True}),
    ]


class BlockDeviceSet(core.SetOf):  # type: ignore[misc]
    _child_spec = BlockDevice


class NetDevice(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("name", Raw),
        ("bridge", Raw, {"optional": True}),
        ("mac", core.OctetString, {"optional": True}),
    ]


class NetDeviceSet(core.SetOf):  # type: ignore[misc]
    _child_spec = NetDevice


class Config(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("typ", Typ),
        ("compressed", core.Boolean),
        ("image", core.OctetString),
        ("startup", core.Integer, {"optional": True}),
        ("add_name", core.Boolean),
        ("fail_behaviour", FailBehaviour),
        ("cpuids", Integers),
        ("memory", core.Integer),
        ("blocks", BlockDeviceSet, {"explicit": 0, "optional": True}),
        ("bridges", NetDeviceSet, {"explicit": 1, "optional": True}),
        ("arguments", Strings, {"explicit": 2, "optional": True}),
        ("numcpus", core.Integer, {"explicit": 3, "optional": True}),
        ("linux_boot_partition", Raw, {"explicit": 4, "optional": True}),
    ]


class Policy(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("cpuids", IntegerList),
        ("unikernels", core.Integer),
        ("memory", core.Integer),
        ("block", core.Integer, {"optional": True}),
        ("bridges", Strings),
    ]


class UnikernelCommand(core.Choice):  # type: ignore[misc]
    _alternatives = [("create", Config, {"explicit": 20}), ("force_create", Config, {"explicit": 21})]


class PolicyCommand(core.Choice):  # type: ignore[misc]
    _alternatives = [("info", core.Null, {"explicit": 0}), ("add", Policy, {"explicit": 1})]


class Command(core.Choice):  # type: ignore[misc]
    _alternatives = [
        ("unikernel", UnikernelCommand, {"explicit": 3}),
        ("policy", PolicyCommand, {"explicit": 4}),
    ]


class Extension(core.Sequence):  # type: ignore[misc]
    _fields = [("version", core.Integer), ("command", Command)]


class BlockInUse(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("unikernel_device", Raw),
        ("host_device", Raw),
        ("sector_size", core.Integer),
        ("size", core.Integer),
    ]


class BlocksInUse(core.SetOf):  # type: ignore[misc]
    _child_spec = BlockInUse


class NetInUse(core.Sequence):  # type: ignore[misc]
    _fields = [("unikernel_device", Raw), ("host_device", Raw), ("mac", core.OctetString)]


class NetsInUse(core.SetOf):  # type: ignore[misc]
    _child_spec = NetInUse


class Info(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("typ", Typ),
        ("startup", core.Integer, {"optional": True}),
        ("fail_behaviour", FailBehaviour),
        ("cpuids", Integers),
        ("memory", core.Integer),
        ("digest", core.OctetString),
        ("blocks", BlocksInUse, {"explicit": 0, "optional": True}),
        ("bridges", NetsInUse, {"explicit": 1, "optional": True}),
        ("arguments", Strings, {"explicit": 2, "optional": True}),
        ("started", RawTime, {"explicit": 3, "optional": True}),
        ("numcpus", core.Integer, {"explicit": 4, "optional": True}),
        ("linux_boot_partition", Raw, {"explicit": 5, "optional": True}),
    ]


class NamedInfo(core.Sequence):  # type: ignore[misc]
    _fields = [("name", Raw), ("info", Info)]


class NamedInfos(core.SequenceOf):  # type: ignore[misc]
    _child_spec = NamedInfo


class Success(core.Choice):  # type: ignore[misc]
    _alternatives = [("string", Raw, {"explicit": 1}), ("unikernel_info", NamedInfos, {"explicit": 13})]


class Payload(core.Choice):  # type: ignore[misc]
    _alternatives = [("reply", Success, {"explicit": 1}), ("failure", Raw, {"explicit": 2})]


class Header(core.Sequence):  # type: ignore[misc]
    _fields = [("version", core.Integer), ("sequence", core.OctetString), ("name", Raw)]


class Wire(core.Sequence):  # type: ignore[misc]
    _fields = [("header", Header), ("payload", Payload)]


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def raw_or_none(text: str | None) -> bytes | None:
    return None if text is None else raw(text)


def present(**fields: Any) -> dict[str, Any]:
    """Only what asn1crypto is to write."""
    return {name: value for name, value in fields.items() if value is not None}


def fail_behaviour(value: m.FailBehaviour) -> FailBehaviour:
    if value.restart:
        return FailBehaviour(name="restart", value=Integers(sorted(value.exit_codes)))
    return FailBehaviour(name="quit", value=core.Null())


def strings(values: tuple[str, ...] | None) -> list[bytes] | None:
    return None if values is None else [raw(value) for value in values]


def config(value: m.Config) -> Config:
    a = value.arguments
    blocks = [
        present(name=raw(b.name), host_device=raw_or_none(b.host_device), sector_size=b.sector_size)
        for b in a.blocks
    ]
    bridges = [present(name=raw(n.name), bridge=raw_or_none(n.bridge), mac=n.mac) for n in a.bridges]
    return Config(
        present(
            typ=Typ(name=value.typ.value, value=core.Null()),
            compressed=value.compressed,
            image=value.image,
            startup=a.startup,
            add_name=a.add_name,
            fail_behaviour=fail_behaviour(a.fail_behaviour),
            cpuids=Integers(sorted(a.cpuids)),
            memory=a.memory,
            blocks=BlockDeviceSet(blocks) if blocks else None,
            bridges=NetDeviceSet(bridges) if bridges else None,
            arguments=strings(a.arguments),
            numcpus=a.numcpus,
            linux_boot_partition=raw_or_none(a.linux_boot_partition),
        )
    )


def policy(value: m.Policy) -> Policy:
    return Policy(
        present(
            cpuids=sorted(value.cpuids),
            unikernels=value.unikernels,
            memory=value.memory,
            block=value.block,
            bridges=sorted(raw(bridge) for bridge in value.bridges),
        )
    )


def extension(command: Any) -> bytes:
    match command:
        case m.UnikernelCreate(created):
            inner = UnikernelCommand(name="create", value=config(created))
        case m.UnikernelForceCreate(created):
            inner = UnikernelCommand(name="force_create", value=config(created))
        case m.PolicyAdd(added):
            inner = PolicyCommand(name="add", value=policy(added))
        case _:
            raise AssertionError(command)
    group = "policy" if isinstance(inner, PolicyCommand) else "unikernel"
    written: bytes = Extension({"version": 5, "command": Command(name=group, value=inner)}).dump()
    return written


commands = strategies.COMMANDS[m.UnikernelCreate] | strategies.COMMANDS[m.UnikernelForceCreate]


@given(commands | strategies.COMMANDS[m.PolicyAdd])
def test_commands_are_the_same_bytes_from_both(command: m.Command) -> None:
    data = extension(command)
    assert encode_extension(command) == data
    assert canonical(decode_extension(data)) == canonical(command)


@given(strategies.COMMANDS[m.UnikernelCreate])
def test_asn1crypto_reads_what_we_write(command: m.UnikernelCreate) -> None:
    read = Extension.load(encode_extension(command), strict=True)["command"].chosen.chosen
    given = command.config.arguments
    assert read["image"].native == command.config.image
    assert {number.native for number in read["cpuids"]} == given.cpuids
    assert read["arguments"].native == (None if given.arguments is None else list(map(raw, given.arguments)))
    assert sorted(device["name"].native for device in read["bridges"]) == sorted(
        raw(net.name) for net in given.bridges
    )


def info(value: m.Info, started: bytes) -> Info:
    blocks = [
        BlockInUse(
            {
                "unikernel_device": raw(block.unikernel_device),
                "host_device": raw(block.host_device),
                "sector_size": block.sector_size,
                "size": block.size,
            }
        )
        for block in value.blocks
    ]
    nets = [
        NetInUse(
            {
                "unikernel_device": raw(net.unikernel_device),
                "host_device": raw(net.host_device),
                "mac": net.mac,
            }
        )
        for net in value.bridges
    ]
    return Info(
        present(
            typ=Typ(name=value.typ.value, value=core.Null()),
            startup=value.startup,
            fail_behaviour=fail_behaviour(value.fail_behaviour),
            cpuids=Integers(sorted(value.cpuids)),
            memory=value.memory,
            digest=value.digest,
            blocks=BlocksInUse(blocks) if blocks else None,
            bridges=NetsInUse(nets) if nets else None,
            arguments=strings(value.arguments),
            started=started,
            numcpus=value.numcpus,
            linux_boot_partition=raw_or_none(value.linux_boot_partition),
        )
    )


@given(strategies.names, strategies.infos)
def test_infos_are_the_same_bytes_from_both(name: Name, given: m.Info) -> None:
    message = m.Message(m.Header(name, sequence=-2), m.UnikernelInfos(((name, given),)))
    data = encode(message)
    read = Wire.load(data, strict=True)
    started = read["payload"].chosen.chosen[0]["info"]["started"].native
    built = Wire(
        {
            "header": {"version": 5, "sequence": b"\xff" * 7 + b"\xfe", "name": raw(str(name))},
            "payload": Payload(
                name="reply",
                value=Success(
                    name="unikernel_info",
                    value=NamedInfos([NamedInfo({"name": raw(str(name)), "info": info(given, started)})]),
                ),
            ),
        }
    )
    assert built.dump() == data
    assert canonical(decode(built.dump())) == canonical(message)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_what_datetime_says(moment: datetime) -> None:
    written = encode_extension(m.ConsoleSubscribe(since=m.Timestamp.from_datetime(moment)))
    tag = written.index(b"\x18")
    text = written[tag + 2 :].decode()
    assert text.startswith(f"{moment.year:04}{moment:%m%d%H%M%S}")
    assert decode_extension(written) == m.ConsoleSubscribe(since=m.Timestamp.from_datetime(moment))
    assert (text[14:] == "Z") == (moment.microsecond < 1000)


@pytest.mark.parametrize("vector", VALID, ids=lambda vector: str(vector["id"]))
def test_asn1crypto_finds_the_same_elements_in_the_vectors(vector: dict[str, Any]) -> None:
    assert emitted_again(der(vector)) == der(vector)
