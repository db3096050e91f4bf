"""``configure``, ``restart``, ``destroy``: one unikernel by name, waited for."""

from __future__ import annotations

import io
from typing import Any

import pytest

from albatross.simulator import SimulatedInstance
from tests.api.house import House, instance_row, runs
from tests.api.world import World
from tests.commands.conftest import Run
from unikernels.models import Operation, Unikernel
from unikernels.versions import arguments_of


def target(pk: int) -> Any:
    version = Operation.objects.get(pk=pk).target
    assert version is not None
    return version


def test_a_unikernel_is_deployed_restarted_configured_and_destroyed(
    world: World, simulated: SimulatedInstance, image: Any, run: Run
) -> None:
    place = ("--team", "robur", "--instance", "fra-1", "--name", "new", "--net", "service", "--memory", 16)
    assert run("deploy", image, *place, "--accept", "new-abi", "--here").code == 0
    started = simulated.running()["robur:new"].started
    assert run("restart", "new", "--here").code == 0
    assert simulated.running()["robur:new"].started != started
    assert run("configure", "new", "--memory", 32, "--arg=--color=red", "--here").code == 0
    assert simulated.running()["robur:new"].memory == 32
    ran = run("configure", "new", "--arg=--exit=1", "--arg=--exit-after=0.05", "--here")
    assert ran.code == 6
    assert "✗ go back" in ran.err
    assert "olled back" in ran.err
    assert run("destroy", "new", "--yes", "--here").code == 0
    assert not simulated.running()


def test_what_is_not_said_stays_as_it_is(house: House, run: Run) -> None:
    ran = run("configure", "hello", "--memory", 64, "--no-wait", "--json")
    assert ran.code == 7, ran.err
    version = target(ran.json["id"])
    assert version.configuration["memory"] == 64
    assert version.configuration["networks"] == house.version.configuration["networks"]
    assert arguments_of(version) == arguments_of(house.version)


def test_a_dry_run_tells_what_would_change(house: House, run: Run) -> None:
    ran = run("configure", "hello", "--memory", 64, "--dry-run")
    assert ran.code == 0
    assert "memory: 32 → 64" in ran.out
    assert not house.unikernel.operations.exists()
    assert run("configure", "hello", "--dry-run").code == 4


@pytest.mark.parametrize("command", ["restart", "destroy"])
def test_a_rehearsal_changes_nothing(command: str, house: House, run: Run) -> None:
    ran = run(command, "hello", "--dry-run")
    assert (ran.code, ran.out.startswith("1. ")) == (0, True)
    assert not house.unikernel.operations.exists()
    assert run(command, "busy", "--dry-run").code == 5
    Unikernel.objects.filter(pk=house.unikernel.pk).update(state="stopped", started=None)
    assert run(command, "hello", "--dry-run").code == 4


def test_what_was_not_put_in_place_from_here_is_not_configured(house: House, run: Run) -> None:
    ran = run("configure", "found", "--memory", 64)
    assert ran.code == 4
    assert "dopt" in ran.err


@pytest.mark.parametrize("command", ["restart", "destroy"])
def test_one_under_way_is_a_conflict(command: str, house: House, run: Run) -> None:
    words = ("--yes",) if command == "destroy" else ()
    assert run(command, "busy", *words).code == 5


@pytest.mark.parametrize("command", ["restart", "destroy", "configure", "console"])
def test_a_name_that_nobody_has_is_3(command: str, house: House, run: Run) -> None:
    assert run(command, "nobody").code == 3
    assert run(command, "hello", "--team", "nobody").code == 3
    assert run(command, "hello", "--instance", "nowhere").code == 3
    assert run(command, "other:hello").code == 3


def test_a_name_that_several_have_needs_more_words(house: House, run: Run) -> None:
    runs(house.team, instance_row("ams-1"), house.image.image, "hello")
    ran = run("restart", "hello", "--team", "robur")
    assert ran.code == 2
    assert "robur:hello on ams-1" in ran.err
    assert run("restart", "hello", "--instance", "fra-1", "--no-wait").code == 7
    assert run("restart", "robur:busy").code == 5


def test_destroy_asks_nobody_when_nobody_is_there(house: House, run: Run) -> None:
    ran = run("destroy", "hello", "--no-wait")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert not house.unikernel.operations.exists()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 7), ("Yes\n", 7), ("n\n", 1), ("\n", 1), ("", 1)])
def test_destroy_asks_whoever_is_there(
    answer: str, code: int, house: House, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    ran = run("destroy", "hello", "--no-wait")
    assert ran.code == code
    assert "Destroy robur:hello on fra-1?" in ran.err
    assert house.unikernel.operations.exists() is (code == 7)


def test_what_does_not_run_is_refused(house: House, run: Run) -> None:
    Unikernel.objects.filter(pk=house.unikernel.pk).update(state="stopped", started=None)
    assert run("restart", "hello").code == 4
    assert run("destroy", "hello", "--yes").code == 4
