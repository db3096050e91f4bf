"""The plan: each reason why a change would not work, as a table."""

import pytest

from albatross.messages import (
    RESTART_ANY,
    BlockDevice,
    BlockInUse,
    Info,
    NetDevice,
    NetInUse,
    Policy,
    Timestamp,
    Typ,
)
from albatross.names import Name
from unikernels.configuration import Configuration, from_info
from unikernels.operations.arrival import default_mac, differences
from unikernels.operations.plan import NEW_ABI, BlockFact, Manifest, World, check_place, lower

NAME = Name.of("robur", label="web")
POLICY = Policy(3, frozenset({0, 1}), 128, 64, frozenset({"service"}))
MANIFEST = Manifest("hvt", 2, (("service", "net"), ("storage", "block")))
GOOD = Configuration(memory=64, networks=(NetDevice("service"),), blocks=(BlockDevice("storage", "data"),))
KNOWN = frozenset({("hvt", 2)})


def info(memory: int = 32, **more) -> Info:
    return Info(Typ.SOLO5, RESTART_ANY, frozenset({0}), memory, b"\1" * 32, **more)


def world(unikernels=(), blocks=(("data", False),), policy: Policy | None = POLICY) -> World:
    return World(
        unikernels={Name.of(*path, label=label): i for path, label, i in unikernels},
        policies={("robur",): policy} if policy else {},
        blocks={Name.of("robur", label=label): BlockFact(16, active) for label, active in blocks},
    )


def plan(configuration=GOOD, manifest=MANIFEST, *, w=None, quota=POLICY, known=KNOWN, fresh=True):
    return check_place(
        name=NAME,
        manifest=manifest,
        configuration=configuration,
        world=w or world(),
        quota=quota,
        known_abis=known,
        fresh=fresh,
    )


def other(label: str, memory: int, path=("robur",)):
    return (path, label, info(memory))


def net(**fields) -> Configuration:
    return Configuration(**{"memory": 64, "networks": GOOD.networks, "blocks": GOOD.blocks, **fields})


def test_what_fits_has_no_refusals() -> None:
    assert plan().refusals == ()


@pytest.mark.parametrize(
    ("words", "case"),
    [
        ("runs already", {"w": world([(("robur",), "web", info())])}),
        ("BHyve", {"w": world([(("robur",), "web", Info(Typ.BHYVE, RESTART_ANY, frozenset(), 1, b""))]), "fresh": False}),
        ("built for xen", {"manifest": Manifest("xen", 1, MANIFEST.devices)}),
        ("needs the network device 'service'", {"configuration": net(networks=())}),
        ("needs the block device 'storage'", {"configuration": net(blocks=())}),
        ("has no network device 'extra'", {"configuration": net(networks=(*GOOD.networks, NetDevice("extra", "service")))}),
        ("has no policy", {"w": world(policy=None)}),
        ("allows 3 unikernels; 3 others run", {"w": world([other("a", 1), other("b", 1), other("c", 1)])}),
        ("others use 96 MB, 32 MB are free, 64 MB are asked for", {"w": world([other("a", 96)])}),
        ("does not allow CPU 2, 3; allowed: 0, 1", {"configuration": net(cpuids=frozenset({1, 2, 3}))}),
        ("does not allow bridge lan", {"configuration": net(networks=(NetDevice("service", "lan"),))}),
        ("no block device nowhere", {"configuration": net(blocks=(BlockDevice("storage", "nowhere"),))}),
        ("in use by another", {"w": world(blocks=[("data", True)])}),
        ("64 MB of memory; others use 0 MB", {"quota": Policy(3, frozenset({0}), 64, 0, frozenset({"service"})), "configuration": net(memory=65)}),
    ],
)  # fmt: skip
def test_why_it_would_not_work(words, case) -> None:
    refusals = plan(**case).refusals
    assert len(refusals) == 1, refusals
    assert words in refusals[0]


def test_a_block_device_cannot_be_given_twice() -> None:
    manifest = Manifest("hvt", 2, (("service", "net"), ("a", "block"), ("b", "block")))
    twice = net(blocks=(BlockDevice("a", "data"), BlockDevice("b", "data")))
    assert any("given twice" in text for text in plan(twice, manifest).refusals)


def test_memory_and_count_are_judged_as_if_the_running_one_were_gone() -> None:
    mine = (("robur",), "web", info(100, blocks=(BlockInUse("storage", "data", 512, 16),)))
    full = world([mine, other("a", 10), other("b", 10)], blocks=[("data", True)])
    assert plan(net(memory=108), w=full, fresh=False).refusals == ()
    assert plan(net(memory=109), w=full, fresh=False).refusals != ()


def test_other_domains_do_not_count() -> None:
    assert plan(w=world([other("a", 100, ("somebody",))])).refusals == ()


def test_a_block_device_of_another_domain_is_not_there() -> None:
    w = World({}, {("robur",): POLICY}, {Name.of("somebody", label="data"): BlockFact(16, active=False)})
    assert "no block device data" in plan(w=w).refusals[0]


def test_an_abi_never_seen_there_needs_a_yes() -> None:
    found = plan(known=frozenset({("hvt", 1), ("spt", 2)}))
    assert [question.code for question in found.open_questions(frozenset())] == [NEW_ABI]
    assert found.open_questions(frozenset({NEW_ABI})) == ()


def test_the_lower_of_policy_and_quota_holds() -> None:
    quota = Policy(5, frozenset({1, 2}), 64, None, frozenset({"service", "lan"}))
    assert lower(POLICY, quota) == Policy(3, frozenset({1}), 64, None, frozenset({"service"}))
    assert lower(None, quota) is None
    assert lower(POLICY, None) == POLICY


# --- arrived? ---------------------------------------------------------------------------------------

REPORT = Info(
    Typ.SOLO5,
    RESTART_ANY,
    frozenset({1, 0}),
    64,
    b"\2" * 32,
    blocks=(BlockInUse("storage", "data", 512, 16), BlockInUse("log", "log", 4096, 16)),
    bridges=(NetInUse("service", "service", bytes.fromhex("008041dfaa23")),),
    arguments=("--a=b",),
    started=Timestamp(5),
)
ASKED = Configuration(
    memory=64,
    cpuids=frozenset({0, 1}),
    arguments=("--a=b",),
    networks=(NetDevice("service"),),
    blocks=(BlockDevice("log", sector_size=4096), BlockDevice("storage", "data")),
    fail_behaviour=RESTART_ANY,
)
HELLO = Name.of("foo", label="hello")


def test_the_mac_is_computed_as_the_instance_computes_it() -> None:
    assert default_mac("service", HELLO).hex() == "008041dfaa23"
    assert default_mac("service", Name.of(label="hello")).hex() == "008041cd8aeb"


def test_the_same_in_another_form_has_arrived() -> None:
    assert differences(ASKED, "02" * 32, REPORT, HELLO) == []
    assert differences(from_info(REPORT), "02" * 32, REPORT, HELLO) == []


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("memory", {"memory": 65}),
        ("cpuids", {"cpuids": frozenset({0})}),
        ("arguments", {"arguments": ("--a=c",)}),
        ("networks", {"networks": (NetDevice("service", "lan"),)}),
        ("networks", {"networks": (NetDevice("service", mac=b"\2" * 6),)}),
        ("blocks", {"blocks": ASKED.blocks[:1]}),
        ("fail_behaviour", {"fail_behaviour": Configuration().fail_behaviour}),
        ("startup", {"startup": 7}),
        ("numcpus", {"numcpus": 2}),
    ],
)
def test_every_reported_field_is_compared(field, fields) -> None:
    from dataclasses import replace

    assert differences(replace(ASKED, **fields), "02" * 32, REPORT, HELLO) == [field]


def test_another_image_has_not_arrived() -> None:
    assert differences(ASKED, "03" * 32, REPORT, HELLO) == ["digest"]
