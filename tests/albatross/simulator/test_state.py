"""The checks of the daemon: their order, their texts, and what lists look like."""

from __future__ import annotations

from dataclasses import replace

import pytest

from albatross.messages import (
    MAX_INT,
    Arguments,
    BlockDevice,
    BlockInUse,
    BlockState,
    Config,
    NetDevice,
    Policy,
    Timestamp,
)
from albatross.names import Name
from albatross.simulator.host import Host
from albatross.simulator.state import Refused, Running, State, check_within, listing_order, mac_address

LIMITS = Policy(unikernels=2, cpuids=frozenset({0, 1}), memory=128, block=50, bridges=frozenset({"service"}))


@pytest.fixture
def state():
    return State(Host(cpus=4, memory=1000, disk=200))


def run(state, name, **arguments):
    name = Name.parse(name)
    running = Running(name, Config(Arguments(**arguments)), "image", b"\1" * 32, Timestamp(1))
    state.running[name.labels] = running
    return running


def add_block(state, name, size):
    name = Name.parse(name)
    state.blocks[name.labels] = (name, size)


def nets(*names):
    return tuple(NetDevice(*name) if isinstance(name, tuple) else NetDevice(name) for name in names)


# --- before a start ----------------------------------------------------------------------------

TOO_MUCH = [
    ({"memory": 65}, "maximum allowed memory (128, used 64) would be exceeded (requesting 65)"),
    ({"cpuids": frozenset({1, 9, 7})}, "CPUids 7, 9 are not allowed by policy"),
    ({"bridges": nets("service", "web", ("x", "lan"))}, "bridges lan, web not allowed by policy"),
    ({"bridges": nets(("web", "service"))}, None),
    ({"blocks": (BlockDevice("data"),)}, "block device alice:data not found"),
    ({"blocks": (BlockDevice("data", "DISK"),)}, "block device alice:DISK not found"),
    ({"blocks": (BlockDevice("data", "held"),)}, "block device alice:held already in use"),
    ({"blocks": (BlockDevice("data", "disk"),)}, None),
    ({"memory": 64}, None),
    ({"memory": -5, "cpuids": frozenset()}, None),
    # the first failing check speaks
    (
        {"memory": 500, "cpuids": frozenset({9}), "bridges": nets("web")},
        "maximum allowed memory (128, used 64) would be exceeded (requesting 500)",
    ),
    (
        {"cpuids": frozenset({9}), "bridges": nets("web"), "blocks": (BlockDevice("no"),)},
        "CPUids 9 are not allowed by policy",
    ),
]


@pytest.mark.parametrize(("wanted", "text"), TOO_MUCH)
def test_what_a_policy_and_the_devices_allow(state, wanted, text):
    state.policies["alice",] = LIMITS
    add_block(state, "alice:disk", 10)
    add_block(state, "alice:held", 10)
    run(state, "alice:old", memory=64, blocks=(BlockDevice("data", "held"),))
    name = Name.parse("alice:new")
    if text is None:
        state.check_resources(name, Arguments(**wanted))
    else:
        with pytest.raises(Refused) as refused:
            state.check_resources(name, Arguments(**wanted))
        assert str(refused.value) == text


def test_a_policy_is_full_when_its_count_is_reached_also_below_its_path(state):
    state.policies["alice",] = LIMITS
    run(state, "alice:one")
    run(state, "alice:deep:two")
    with pytest.raises(Refused, match=r"^maximum amount of unikernels \(2\) reached$"):
        state.check_resources(Name.parse("alice:three"), Arguments())


def test_a_unikernel_that_will_be_replaced_does_not_count(state):
    state.policies["alice",] = replace(LIMITS, unikernels=1)
    add_block(state, "alice:disk", 10)
    old = run(state, "alice:web", memory=128, blocks=(BlockDevice("disk"),))
    state.check_resources(old.name, replace(old.arguments, memory=127), without=old.name.labels)


def test_only_the_policy_of_the_very_path_is_asked(state):
    state.policies["alice",] = replace(LIMITS, unikernels=0)
    state.check_resources(Name.parse("alice:deep:web"), Arguments(memory=100_000))


def test_at_the_root_the_machine_is_the_limit(state):
    with pytest.raises(Refused, match=r"^maximum allowed memory \(1000, used 0\) would be exceeded"):
        state.check_resources(Name.parse(":web"), Arguments(memory=1001))


def test_a_taken_name_and_a_missing_bridge_are_told(state):
    run(state, "alice:web")
    with pytest.raises(Refused, match=r"^Unikernel with same name is already running$"):
        state.check_name_free(Name.parse("alice:web"))
    with pytest.raises(Refused, match=r"^interface lan does not exist$"):
        state.check_bridges_exist(Arguments(bridges=nets("service", ("x", "lan"))))


# --- policies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"unikernels": 3}, "policy above allows 2 unikernels, which is fewer than 3"),
        ({"memory": 200}, "policy above allows 128 MB memory, which is fewer than 200 MB"),
        ({"cpuids": frozenset({1, 3, 2})}, "policy above does not allow CPUids 2, 3"),
        (
            {"bridges": frozenset({"web", "lan"})},
            "policy above allows bridge(s) service, which is not a superset of lan, web",
        ),
        ({"block": 51}, "policy above allows 50 MB block storage, which is fewer than 51 MB"),
        ({"unikernels": 3, "memory": 200}, "policy above allows 2 unikernels, which is fewer than 3"),
    ],
)
def test_a_policy_fits_into_the_one_above(state, more, text):
    state.set_policy(("alice",), LIMITS)
    with pytest.raises(Refused) as refused:
        state.set_policy(("alice", "bob"), replace(LIMITS, **more))
    assert str(refused.value) == text
    assert ("alice", "bob") not in state.policies


def test_no_block_storage_above_allows_none_below_and_not_even_zero():
    none = replace(LIMITS, block=None)
    check_within(LIMITS, none)
    check_within(none, none)
    with pytest.raises(Refused, match=r"^policy above allows 0 MB block storage, which is fewer than 0 MB$"):
        check_within(none, replace(LIMITS, block=0))


def test_a_policy_cannot_shrink_below_those_under_it(state):
    state.set_policy(("alice", "bob"), LIMITS)
    with pytest.raises(Refused, match=r"^policy above allows 1 unikernels, which is fewer than 2$"):
        state.set_policy(("alice",), replace(LIMITS, unikernels=1))


def test_the_nearest_policy_above_is_asked_first_and_the_root_never(state):
    state.policies["a",] = replace(LIMITS, memory=5)
    state.policies["a", "b"] = replace(LIMITS, memory=7)
    with pytest.raises(Refused, match="allows 7 MB"):
        state.set_policy(("a", "b", "c"), LIMITS)
    assert state.set_policy(("z",), replace(LIMITS, memory=999_999, unikernels=0)) == "added policy"


def test_setting_the_same_policy_again_changes_nothing(state):
    assert state.set_policy(("alice",), LIMITS) == "added policy"
    assert state.set_policy(("alice",), LIMITS) == "no modification of policy"


@pytest.mark.parametrize(
    ("less", "text"),
    [
        ({"cpuids": frozenset({0})}, "policy does not allow CPUids 1"),
        (
            {"bridges": frozenset({"management"})},
            "policy allows bridges management, which is not a superset of service",
        ),
        (
            {"unikernels": 1},
            "unikernel would exceed running unikernel limit set by policy to 1, running 2",
        ),
        (
            {"memory": 20},
            "unikernel would exceed running memory limit set by policy to 20 MB, used 32 MB",
        ),
        (
            {"block": None},
            "unikernel would exceed running block storage limit set by policy to 0 MB, used 30 MB",
        ),
        ({"cpuids": frozenset(), "unikernels": 0}, "policy does not allow CPUids 0, 1"),
    ],
)
def test_a_policy_covers_what_is_in_use(state, less, text):
    run(state, "alice:one", memory=16, cpuids=frozenset({1}), bridges=nets("service"))
    run(state, "alice:deep:two", memory=16)
    add_block(state, "alice:disk", 30)
    with pytest.raises(Refused) as refused:
        state.set_policy(("alice",), replace(LIMITS, **less))
    assert str(refused.value) == text


# --- block devices -----------------------------------------------------------------------------


def test_a_block_device_fits_into_the_policy_of_its_path(state):
    state.policies["alice",] = LIMITS
    add_block(state, "alice:one", 20)
    add_block(state, "alice:deep:two", 20)
    state.check_block_addition(Name.parse("alice:three"), 10)
    with pytest.raises(Refused) as refused:
        state.check_block_addition(Name.parse("alice:three"), 11)
    assert str(refused.value) == (
        "block device policy limit of 50 MB (used 40 MB) would be exceeded by the request (11 MB)"
    )
    with pytest.raises(Refused, match=r"^block device with same name already exists$"):
        state.check_block_addition(Name.parse("alice:one"), 999)


def test_without_a_policy_anything_goes_and_without_block_storage_nothing(state):
    state.check_block_addition(Name.parse("nobody:disk"), 10_000)
    state.policies["alice",] = replace(LIMITS, block=None)
    with pytest.raises(Refused, match=r"^no block devices are allowed by policy$"):
        state.check_block_addition(Name.parse("alice:disk"), 1)


@pytest.mark.parametrize("verb", ["remove", "set", "dump"])
def test_a_block_device_must_be_there_and_idle(state, verb):
    add_block(state, "alice:disk", 5)
    assert state.check_block_idle(Name.parse("alice:disk"), verb) == 5
    run(state, "alice:web", blocks=(BlockDevice("data", "disk"),))
    with pytest.raises(Refused, match=f"^{verb} block: is in use$"):
        state.check_block_idle(Name.parse("alice:disk"), verb)
    with pytest.raises(Refused, match=f"^{verb} block: not found$"):
        state.check_block_idle(Name.parse("alice:none"), verb)


# --- lists -------------------------------------------------------------------------------------


def test_lists_have_a_node_before_what_is_below_it_and_siblings_backwards():
    labels = [("a",), ("a", "b"), ("a", "b", "c"), ("a", "z"), ("ab",), ("b",), ("b", "a")]
    assert sorted(labels, key=listing_order) == [
        ("b",),
        ("b", "a"),
        ("ab",),
        ("a",),
        ("a", "z"),
        ("a", "b"),
        ("a", "b", "c"),
    ]


def names_of(listed):
    return [str(name) for name, _ in listed]


def test_a_list_for_a_path_tells_relative_names_and_one_for_a_name_the_full_one(state):
    for name in (":top", "alice:a", "alice:b", "alice:deep:c", "bob:d"):
        run(state, name)
    assert names_of(state.list_unikernels(Name())) == [":top", "bob:d", "alice:deep:c", "alice:b", "alice:a"]
    assert names_of(state.list_unikernels(Name(("alice",)))) == ["deep:c", ":b", ":a"]
    assert names_of(state.list_unikernels(Name.parse("alice:a"))) == ["alice:a"]
    assert names_of(state.list_unikernels(Name.parse("alice:none"))) == []
    assert names_of(state.list_unikernels(Name(("nobody",)))) == []


def test_block_sizes_are_only_known_to_a_look_at_the_root_or_by_name(state):
    add_block(state, "alice:disk", 16)
    run(state, "alice:web", blocks=(BlockDevice("data", "disk"),))

    def blocks(query):
        ((_, info),) = state.list_unikernels(query)
        return info.blocks

    assert blocks(Name.parse("alice:web")) == (BlockInUse("data", "disk", 512, 16),)
    assert blocks(Name()) == (BlockInUse("data", "disk", 512, 16),)
    assert blocks(Name(("alice",))) == (BlockInUse("data", "disk", 512, 0),)
    add_block(state, ":disk", 99)
    assert blocks(Name(("alice",))) == (BlockInUse("data", "disk", 512, 99),)


def test_info_fills_in_what_was_left_out(state):
    run(state, "foo:hello", bridges=nets("service", ("x", "lan")), blocks=(BlockDevice("d", None, 4096),))
    ((_, info),) = state.list_unikernels(Name.parse("foo:hello"))
    assert [(n.unikernel_device, n.host_device) for n in info.bridges] == [
        ("service", "service"),
        ("x", "lan"),
    ]
    assert info.blocks == (BlockInUse("d", "d", 4096, 0),)
    assert info.bridges[0].mac.hex(":") == "00:80:41:df:aa:23"


def test_a_mac_address_comes_from_the_device_and_the_full_name():
    assert mac_address(Name.parse("foo:hello"), "service").hex(":") == "00:80:41:df:aa:23"
    assert mac_address(Name.parse(":hello"), "service").hex(":") == "00:80:41:cd:8a:eb"


def test_policies_are_listed_by_path_and_a_label_is_ignored(state):
    state.policies["alice",] = LIMITS
    state.policies["alice", "deep"] = LIMITS
    assert names_of(state.list_policies(Name())) == [":", "alice:", "alice:deep:"]
    assert names_of(state.list_policies(Name(("alice",)))) == [":", "deep:"]
    assert names_of(state.list_policies(Name(("alice",), "web"))) == [":", "deep:"]
    assert names_of(state.list_policies(Name(("bob",)))) == []
    _, root = state.list_policies(Name())[0]
    assert root == Policy(MAX_INT, frozenset(range(4)), 1000, 200, frozenset({"service", "management"}))


def test_block_devices_are_listed_with_their_use(state):
    add_block(state, "alice:disk", 16)
    add_block(state, "alice:other", 1)
    run(state, "alice:web", blocks=(BlockDevice("disk"),))
    assert state.list_blocks(Name(("alice",))) == [
        BlockState(Name((), "other"), 1, False),
        BlockState(Name((), "disk"), 16, True),
    ]
    assert state.list_blocks(Name.parse("alice:disk")) == [BlockState(Name.parse("alice:disk"), 16, True)]
    assert state.list_blocks(Name.parse("alice:none")) == []
