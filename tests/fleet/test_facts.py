from dataclasses import replace

import pytest

from albatross.messages import BlockInUse, FailBehaviour, Info, NetInUse, Timestamp, Typ
from unikernels.inventory.facts import digest_of, fingerprint, from_json, original, storable, to_json

FULL = Info(
    typ=Typ.SOLO5,
    fail_behaviour=FailBehaviour(restart=True, exit_codes=frozenset({2, 255})),
    cpuids=frozenset({0, 3}),
    memory=64,
    digest=bytes(range(32)),
    startup=40,
    blocks=(BlockInUse("storage", "data", 4096, 16),),
    bridges=(NetInUse("service", "br0", bytes.fromhex("0080411234ab")),),
    arguments=("--ipv4=10.0.0.2/24", "--password=secret"),
    started=Timestamp(1_700_000_000_123),
    numcpus=2,
)
BARE = Info(typ=Typ.BHYVE, fail_behaviour=FailBehaviour(), cpuids=frozenset(), memory=1, digest=b"alba-7")


def again(info: Info) -> Info:
    return from_json(
        to_json(info), digest=digest_of(info), started=info.started.milliseconds, arguments=info.arguments
    )


@pytest.mark.parametrize("info", [FULL, BARE, replace(FULL, fail_behaviour=FailBehaviour(restart=True))])
def test_a_report_survives_the_row(info: Info) -> None:
    assert again(info) == info


def test_no_argument_stands_in_the_open_part() -> None:
    assert "secret" not in str(to_json(FULL))


@pytest.mark.parametrize("text", ["", "a\0b", "br\udcff", "hex:00", "tab\t", "\u202e", "plain", "größe"])
def test_any_bytes_of_a_name_find_their_way_through_a_column(text: str) -> None:
    assert original(storable(text)) == text
    assert storable(text).isprintable()


def test_a_usual_name_is_stored_as_it_is() -> None:
    assert storable("service") == "service"


def test_a_report_with_strange_names_survives_the_row() -> None:
    info = replace(FULL, bridges=(NetInUse("a\0b", "br\udcff", bytes(6)),))
    assert again(info) == info
    assert to_json(info)["networks"][0]["device"] == "hex:610062"


@pytest.mark.parametrize(
    "other",
    [
        replace(FULL, memory=65),
        replace(FULL, arguments=None),
        replace(FULL, arguments=()),
        replace(FULL, started=Timestamp(1)),
        replace(FULL, digest=bytes(32)),
        replace(FULL, startup=None),
        replace(FULL, fail_behaviour=FailBehaviour(restart=True)),
        replace(FULL, blocks=()),
    ],
)
def test_any_difference_changes_the_fingerprint(other: Info) -> None:
    assert fingerprint(other, team=1, judged=2) != fingerprint(FULL, team=1, judged=2)


def test_the_owner_and_the_version_compared_with_are_part_of_the_fingerprint() -> None:
    prints = {fingerprint(FULL, team=team, judged=judged) for team in (None, 1, 2) for judged in (None, 1, 2)}
    assert len(prints) == 9


def test_sets_have_one_fingerprint_in_any_order() -> None:
    one = replace(FULL, cpuids=frozenset([8, 0, 16]))
    other = replace(FULL, cpuids=frozenset([16, 8, 0]))
    assert fingerprint(one, team=1, judged=None) == fingerprint(other, team=1, judged=None)


def test_an_endless_digest_is_cut_to_what_the_column_holds() -> None:
    assert len(digest_of(replace(FULL, digest=bytes(4000)))) == 64
