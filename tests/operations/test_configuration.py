"""The JSON form of a configuration: read, refused with words, written back."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albatross.messages import BlockDevice, FailBehaviour, NetDevice
from mollymawk.errors import Invalid
from unikernels.configuration import MAX_MEMORY, MIN_MEMORY, Configuration, parse


def test_nothing_said_is_the_default() -> None:
    assert parse({}) == Configuration()


def test_everything_said_is_read() -> None:
    assert parse(
        {
            "memory": 64,
            "cpuids": [1, 0],
            "arguments": ["--ipv4=10.0.0.2/24"],
            "networks": {"service": "br0", "lan": None, "dmz": {"bridge": "br1", "mac": "02:00:00:00:00:01"}},
            "blocks": {"storage": {"device": "data", "sector_size": 4096}, "log": None},
            "restart": [2, 255],
            "startup": 10,
            "add_name": False,
            "may_exit": True,
            "numcpus": 2,
        }
    ) == Configuration(
        memory=64,
        cpuids=frozenset({0, 1}),
        arguments=("--ipv4=10.0.0.2/24",),
        networks=(
            NetDevice("dmz", "br1", bytes.fromhex("020000000001")),
            NetDevice("lan"),
            NetDevice("service", "br0"),
        ),
        blocks=(BlockDevice("log"), BlockDevice("storage", "data", 4096)),
        fail_behaviour=FailBehaviour(restart=True, exit_codes=frozenset({2, 255})),
        startup=10,
        add_name=False,
        may_exit=True,
        numcpus=2,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("memory", 0),
        ("memory", -1),
        ("memory", MIN_MEMORY - 1),
        ("memory", MAX_MEMORY + 1),
        ("memory", "64"),
        ("memory", True),
        ("memory", 64.0),
        ("cpuids", []),
        ("cpuids", [-1]),
        ("cpuids", "0"),
        ("arguments", "--a"),
        ("arguments", [1]),
        ("arguments", ["a\0b"]),
        ("arguments", ["x"] * 1000),
        ("arguments", ["x" * 100_000]),
        ("networks", ["service"]),
        ("networks", {"": "br0"}),
        ("networks", {"service": "line\nbreak"}),
        ("networks", {"service": {"mac": "nonsense"}}),
        ("networks", {"service": {"colour": "red"}}),
        ("blocks", {"storage": {"sector_size": 0}}),
        ("restart", "sometimes"),
        ("restart", []),
        ("restart", [256]),
        ("startup", "first"),
        ("startup", 2**62),
        ("add_name", "yes"),
        ("numcpus", 0),
        ("unheard-of", 1),
    ],
)
def test_what_is_wrong_is_refused_at_its_field(field, value) -> None:
    with pytest.raises(Invalid) as refusal:
        parse({field: value})
    assert list(refusal.value.fields) == [field]
    assert refusal.value.fields[field][0].endswith(".")


def test_all_wrong_fields_are_told_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        parse({"memory": 0, "cpuids": []})
    assert set(refusal.value.fields) == {"memory", "cpuids"}


names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
configurations = st.builds(
    Configuration,
    memory=st.integers(MIN_MEMORY, MAX_MEMORY),
    cpuids=st.frozensets(st.integers(0, 64), min_size=1),
    networks=st.dictionaries(names, st.tuples(st.none() | names, st.none() | st.binary(min_size=6, max_size=6)), max_size=4).map(
        lambda found: tuple(NetDevice(name, *rest) for name, rest in sorted(found.items()))
    ),
    blocks=st.dictionaries(names, st.tuples(st.none() | names, st.none() | st.integers(1, 4096)), max_size=4).map(
        lambda found: tuple(BlockDevice(name, *rest) for name, rest in sorted(found.items()))
    ),
    fail_behaviour=st.just(FailBehaviour()) | st.frozensets(st.integers(0, 255)).map(lambda codes: FailBehaviour(True, codes)),
    startup=st.none() | st.integers(-5, 5),
    add_name=st.booleans(),
    may_exit=st.booleans(),
    numcpus=st.integers(1, 8),
)  # fmt: skip


@given(configurations)
def test_what_is_written_is_read_back(configuration: Configuration) -> None:
    assert parse(configuration.to_json()) == configuration


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=5)))  # fmt: skip
def test_nothing_but_a_refusal_comes_of_nonsense(data) -> None:
    with contextlib.suppress(Invalid):
        assert isinstance(parse(data), Configuration)
