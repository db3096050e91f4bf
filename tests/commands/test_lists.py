"""``unikernels``, ``operations``, ``instance_list``: tables for people, JSON for scripts."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from albatross.models import Instance
from tests.api.caller import Caller
from tests.api.house import House, under_way
from tests.commands.conftest import Run
from unikernels.commands import following
from unikernels.models import Operation, Unikernel
from unikernels.operations.machine import State


def test_a_table_tells_what_runs(house: House, run: Run) -> None:
    ran = run("unikernels")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].split()[:4] == ["NAME", "TEAM", "INSTANCE", "STATE"]
    assert [line.split()[0] for line in lines[1:]] == [
        "robur:busy",
        "robur:found",
        "robur:hello",
        "legacy:wiki",
    ]
    assert "restart #" in lines[1]
    assert "(unmanaged)" in lines[4]
    assert "\x1b" not in ran.out


def test_scripts_get_what_the_api_tells(house: House, deployer: Caller, run: Run) -> None:
    told = deployer.get("unikernels/").json()["items"]
    assert [item for item in run("unikernels", "--json").json if item["team"]] == told


def test_a_newer_build_is_marked(house: House, run: Run) -> None:
    assert "newer build" not in run("unikernels").out
    assert house.newer.uuid
    assert "newer build" in run("unikernels", "--name", "hello").out


def test_what_the_system_asked_for_says_why(house: House, run: Run) -> None:
    Operation.objects.filter(pk=house.operation.pk).update(cause="Its checks failed.")
    assert "Its checks failed." in run("operations").out
    assert "Its checks failed." in run("operations", house.operation.pk).out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--team", "robur"), ["busy", "found", "hello"]),
        (("--name", "HEL"), ["hello"]),
        (("--state", "missing"), []),
        (("--instance", "fra-1", "--team", "robur", "--state", "running"), ["busy", "found", "hello"]),
    ],
)
def test_the_list_is_filtered(words: tuple[str, ...], expected: list[str], house: House, run: Run) -> None:
    assert [item["name"] for item in run("unikernels", *words, "--json").json] == expected


def test_a_filter_that_means_nothing_is_an_error(house: House, run: Run) -> None:
    assert run("unikernels", "--team", "nobody").code == 3
    assert run("unikernels", "--instance", "nowhere").code == 3
    assert run("unikernels", "--state", "asleep").code == 2


def test_words_of_others_steer_no_terminal(house: House, run: Run) -> None:
    Instance.objects.update(trouble_text="\x1b[2J\x07gone", trouble="network", status="degraded")
    ran = run("instance_list")
    assert "gone" in ran.out
    assert "\x1b" not in ran.out
    assert "\x07" not in ran.out


def test_instances_are_listed(house: House, run: Run) -> None:
    ran = run("instance_list")
    assert ran.out.splitlines()[1].split()[:3] == ["fra-1", "192.0.2.1:1025", "online"]
    assert run("instance_list", "--json").json[0]["name"] == "fra-1"


def test_a_list_in_a_pipe_is_never_cut(house: House, run: Run) -> None:
    name = "a" * 63
    Unikernel.objects.filter(pk=house.unikernel.pk).update(name=name, path="b" * 63)
    assert f"{'b' * 63}:{name}" in run("unikernels").out


def test_operations_are_listed_newest_first(house: House, run: Run) -> None:
    done = under_way(house.unikernel, state=State.SUCCEEDED, finished_at=timezone.now())
    found = run("operations", "--json").json
    assert [item["id"] for item in found] == [done.pk, house.operation.pk]
    assert [item["id"] for item in run("operations", "--unfinished", "--json").json] == [house.operation.pk]
    assert len(run("operations", "--limit", 1).out.splitlines()) == 2
    assert run("operations", "--team", "nobody").code == 3


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"state": State.SUCCEEDED}, 0),
        ({"state": State.ROLLED_BACK, "going_back": True}, 6),
        ({"state": State.ABORTED}, 8),
        ({"state": State.CANCELLED}, 8),
        ({"state": State.FAILED, "running": "unknown"}, 9),
    ],
)
@pytest.mark.parametrize("how", [(), ("--json",), ("--watch",)])
def test_an_operation_is_shown_and_its_end_is_the_exit_code(
    fields: dict[str, Any], code: int, how: tuple[str, ...], house: House, run: Run
) -> None:
    operation = under_way(
        house.unikernel,
        finished_at=timezone.now(),
        fallback=house.version,
        memo={"ended_in": "observe", "console": ["last words"]},
        reason="It ended.",
        **fields,
    )
    ran = run("operations", operation.pk, *how)
    assert ran.code == code
    assert fields["state"].value in ran.out
    if how != ("--watch",):
        assert "last words" in ran.out


def test_one_under_way_is_7(house: House, run: Run) -> None:
    assert run("operations", house.operation.pk).code == 7
    ran = run("operations", house.operation.pk, "--watch", "--timeout", 0)
    assert ran.code == 7
    assert "→ preflight" in ran.err


def test_a_cancel_is_asked_for(house: House, run: Run) -> None:
    ran = run("operations", "--cancel", house.operation.pk)
    assert ran.code == 0
    assert Operation.objects.get(pk=house.operation.pk).cancel_asked_at is not None
    done = under_way(house.unikernel, state=State.SUCCEEDED, finished_at=timezone.now())
    assert run("operations", done.pk, "--cancel").code == 5


def test_an_operation_that_is_not_there_is_3_and_none_at_all_2(house: House, run: Run) -> None:
    assert run("operations", 999).code == 3
    assert run("operations", "--watch").code == 2
    assert run("operations", "--cancel").code == 2
    assert run("operations", "x").code == 2


def test_watching_tells_each_step_once(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    states = iter([State.PREFLIGHT, State.CAPTURE, State.CAPTURE, State.SWAP])

    def advance(_: float) -> None:
        state = next(states, State.SUCCEEDED)
        done = {"finished_at": timezone.now()} if state is State.SUCCEEDED else {}
        Operation.objects.filter(pk=house.operation.pk).update(state=state, lease_count=1, **done)

    monkeypatch.setattr(following, "sleep", advance)
    ran = run("operations", house.operation.pk, "--watch")
    assert ran.code == 0
    assert ran.err.splitlines()[:5] == ["→ preflight", "✓ preflight", "→ capture", "✓ capture", "→ restart"]
    assert ran.err.count("✓ capture") == 1
