"""Writing messages: what is written is read back the same, and what cannot be written is refused."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given

from albatross import messages as m
from albatross import wire
from albatross.errors import DecodeError, EncodeError
from albatross.names import ROOT, Name
from albatross.wire import decode, decode_extension, encode, encode_extension
from albatross.wire.grammar import MAX_ENTRIES, MAX_ITEMS
from tests.albatross import strategies
from tests.albatross.strategies import canonical

HEADER = m.Header(Name.parse("alice:hello"))


def written(payload: m.Payload) -> bytes:
    return encode(m.Message(HEADER, payload))


def again(payload: m.Payload) -> m.Payload:
    """*payload*, written and read back."""
    return decode(written(payload)).payload


# --- there and back ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", strategies.PAYLOADS)
def test_every_kind_of_message_is_read_back_as_it_was_written(kind: type) -> None:
    @given(strategies.messages_of(kind))
    def check(message: m.Message) -> None:
        data = encode(message)
        assert canonical(decode(data)) == canonical(message)
        assert encode(decode(data)) == data

    check()


@given(strategies.commands)
def test_every_command_is_read_back_from_a_certificate(command: m.Command) -> None:
    assert canonical(decode_extension(encode_extension(command))) == canonical(command)


def test_no_kind_of_message_is_forgotten_here() -> None:
    assert set(strategies.PAYLOADS) == set(get_args(m.Payload))
    assert set(strategies.COMMANDS) == set(get_args(m.Command))


def test_devices_are_written_in_the_order_of_their_encodings() -> None:
    devices = tuple(m.NetDevice(name) for name in ("zeta", "alpha", "b"))
    config = m.Config(m.Arguments(bridges=devices))
    created = again(m.UnikernelCreate(config))
    assert isinstance(created, m.UnikernelCreate)
    assert [device.name for device in created.config.arguments.bridges] == ["b", "zeta", "alpha"]


def test_sets_of_a_policy_are_written_in_ascending_order() -> None:
    policy = m.Policy(1, frozenset({300, -1, 2}), 32, None, frozenset({"zz", "a", "\udcff", "\U0001f40d"}))
    data = written(m.PolicyAdd(policy))
    assert bytes.fromhex("300a 0201ff 020102 0202012c") in data
    assert bytes.fromhex("3010 0c0161 0c027a7a 0c04f09f908d 0c01ff") in data


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, b"19700101000000Z"),
        (-1, b"19691231235959.999Z"),
        (120, b"19700101000000.120Z"),
        (-62_167_219_200_000, b"00000101000000Z"),
        (-62_135_596_800_001, b"00001231235959.999Z"),
        (-62_135_596_800_000, b"00010101000000Z"),
        (253_402_300_799_999, b"99991231235959.999Z"),
    ],
)
def test_times_are_written_with_no_or_three_digits_of_a_second(milliseconds: int, text: bytes) -> None:
    line = m.ConsoleLine(m.Timestamp(milliseconds), "")
    assert bytes([0x18, len(text)]) + text in written(line)
    assert again(line) == line


@pytest.mark.parametrize("arguments", [None, (), ("",)])
def test_no_arguments_and_an_empty_list_of_arguments_differ(arguments: tuple[str, ...] | None) -> None:
    assert again(m.UnikernelRestart(m.Arguments(arguments=arguments))) == m.UnikernelRestart(
        m.Arguments(arguments=arguments)
    )


def test_old_replies_leave_out_what_they_have_no_room_for() -> None:
    info = m.Info(
        m.Typ.SOLO5, m.QUIT, frozenset({1}), 32, b"", startup=7, numcpus=4, linux_boot_partition="x"
    )
    old4, old5 = again(m.UnikernelInfosOld4(((ROOT, info),))), again(m.UnikernelInfosOld5(((ROOT, info),)))
    without = replace(info, numcpus=1, linux_boot_partition=None)
    assert old5 == m.UnikernelInfosOld5(((ROOT, without),))
    assert old4 == m.UnikernelInfosOld4(((ROOT, replace(without, startup=None)),))


# --- what cannot be written ----------------------------------------------------------------------

INFO = m.Info(m.Typ.SOLO5, m.QUIT, frozenset({0}), 32, b"")
POLICY = m.Policy(1, frozenset({0}), 32, None, frozenset())


def usage(seconds: int) -> m.ResourceUsage:
    time = m.TimeVal(seconds, 0)
    return m.ResourceUsage(time, time, *[0] * 14)


OUT_OF_RANGE = [
    m.UnikernelGet(m.MAX_INT + 1),
    m.UnikernelGet(m.MIN_INT - 1),
    m.UnikernelGet(2**4000),
    m.PolicyAdd(replace(POLICY, cpuids=frozenset({2**62}))),
    m.Statistics(usage(2**63), ()),
    m.Statistics(usage(0), (m.InterfaceUsage("net", 2**31, *[0] * 16),)),
    m.ConsoleSubscribe(since=m.Timestamp(-62_167_219_200_001)),
    m.ConsoleSubscribe(since=m.Timestamp(253_402_300_800_000)),
    m.ConsoleSubscribe(since=m.Timestamp(10**30)),
    m.UnikernelCreate(m.Config(m.Arguments(bridges=(m.NetDevice("net", mac=b"12345"),)))),
]
CONTRADICTIONS = [
    m.ConsoleSubscribe(),
    m.ConsoleSubscribe(count=1, since=m.Timestamp(0)),
    m.UnikernelRestart(m.Arguments(fail_behaviour=m.FailBehaviour(exit_codes=frozenset({1})))),
    m.UnikernelInfosOld4(((ROOT, replace(INFO, cpuids=frozenset())),)),
    m.UnikernelInfosOld5(((ROOT, replace(INFO, cpuids=frozenset({0, 1}))),)),
    m.Consoles((Name(("",)),)),
    m.Consoles((Name((), "Hello"),)),
    m.Consoles((Name(("a:b",)),)),
    m.Consoles((Name((), "a:b"),)),
    m.FailureText("\ud800"),
    m.PolicyAdd(replace(POLICY, bridges=frozenset({"\udfff"}))),
]
WRONG_TYPES: list[Any] = [
    None,
    "text",
    HEADER,
    m.UnikernelInfo,
    m.Message(HEADER, m.Empty()),
    m.Config(),
    m.UnikernelGet(None),  # type: ignore[arg-type]  # that is the point, here and below
    m.UnikernelGet(True),
    m.UnikernelGet(1.0),  # type: ignore[arg-type]
    m.BlockSet(1),  # type: ignore[arg-type]
    m.Text(b"bytes"),  # type: ignore[arg-type]
    m.UnikernelImage(False, "text"),  # type: ignore[arg-type]
    m.UnikernelImage(False, bytearray(1)),  # type: ignore[arg-type]
    m.Consoles([ROOT]),  # type: ignore[arg-type]
    m.Consoles(("hello",)),  # type: ignore[arg-type]
    m.Consoles((Name((1,)),)),  # type: ignore[arg-type]
    m.Policies((ROOT,)),  # type: ignore[arg-type]
    m.Policies(((ROOT, POLICY, POLICY),)),  # type: ignore[arg-type]
    m.PolicyAdd(None),  # type: ignore[arg-type]
    m.PolicyAdd(replace(POLICY, cpuids={0})),  # type: ignore[arg-type]
    m.PolicyAdd(replace(POLICY, cpuids=frozenset({0, "a"}))),  # type: ignore[arg-type]
    m.ConsoleSubscribe(count="1"),  # type: ignore[arg-type]
    m.ConsoleSubscribe(since=m.Timestamp("now")),  # type: ignore[arg-type]
    m.UnikernelCreate(m.Config(None)),  # type: ignore[arg-type]
    m.UnikernelCreate(m.Config(typ="hvt")),  # type: ignore[arg-type]
    m.UnikernelCreate(m.Config(typ=[])),  # type: ignore[arg-type]
    m.UnikernelRestart(m.Arguments(arguments="--ipv4=10.0.0.1/24")),  # type: ignore[arg-type]
    m.UnikernelRestart(m.Arguments(fail_behaviour="quit")),  # type: ignore[arg-type]
    m.UnikernelRestart(m.Arguments(fail_behaviour=m.FailBehaviour(True, None))),  # type: ignore[arg-type]
    m.BlockChunk("text"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(
    "payload", OUT_OF_RANGE + CONTRADICTIONS + WRONG_TYPES, ids=lambda p: type(p).__name__
)
def test_what_cannot_be_written_is_refused(payload: m.Payload) -> None:
    with pytest.raises(EncodeError):
        written(payload)


@pytest.mark.parametrize(
    "header",
    [
        replace(HEADER, version=4),
        replace(HEADER, version=6),
        replace(HEADER, sequence=2**63),
        replace(HEADER, sequence=-(2**63) - 1),
        replace(HEADER, name=Name(("not a label",))),
        None,
    ],
)
def test_a_wrong_header_is_refused(header: m.Header) -> None:
    with pytest.raises(EncodeError):
        encode(m.Message(header, m.Empty()))


@pytest.mark.parametrize("value", [None, m.Empty(), m.FailureText("x"), m.Message(HEADER, m.UnikernelInfo())])
def test_only_commands_go_into_certificates(value: Any) -> None:
    with pytest.raises(EncodeError):
        encode_extension(value)


def test_errors_tell_nothing_of_the_arguments() -> None:
    secret: Any = b"--password=secret"
    for value in (secret, secret.decode() + "\ud800"):
        with pytest.raises(EncodeError) as refusal:
            written(m.UnikernelRestart(m.Arguments(arguments=(value,))))
        assert "secret" not in str(refusal.value)


# --- limits --------------------------------------------------------------------------------------


def test_lists_have_a_limit_in_both_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    full = m.UnikernelRestart(m.Arguments(arguments=("",) * MAX_ITEMS))
    assert again(full) == full
    over = m.UnikernelRestart(m.Arguments(arguments=("",) * (MAX_ITEMS + 1)))
    with pytest.raises(EncodeError, match=f"more than {MAX_ITEMS} elements"):
        written(over)
    monkeypatch.setattr("albatross.wire.grammar.STRINGS._limit", MAX_ITEMS + 1)
    data = written(over)
    monkeypatch.undo()
    with pytest.raises(DecodeError, match=f"more than {MAX_ITEMS} elements"):
        decode(data)


def test_a_reply_of_ten_thousand_names_is_well_below_the_limit() -> None:
    consoles = m.Consoles(tuple(Name((), f"hello{number}") for number in range(10_000)))
    assert again(consoles) == consoles
    assert 10 * len(consoles.names) <= MAX_ENTRIES


def test_messages_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data, extension = written(m.UnikernelInfo()), encode_extension(m.UnikernelInfo())
    monkeypatch.setattr(wire, "MAX_MESSAGE", len(data))
    assert decode(data).payload == m.UnikernelInfo()
    monkeypatch.setattr(wire, "MAX_MESSAGE", len(extension) - 1)
    for too_large in (lambda: decode(data), lambda: decode_extension(extension)):
        with pytest.raises(DecodeError, match="too large"):
            too_large()
