"""``upgrade``, ``rollback``, ``versions``, ``changes``, and ``deploy --job``: the end is the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from tests.api.caller import Caller
from tests.api.house import SECRET, House, image_of_team, managed
from tests.api.world import World
from tests.commands.conftest import Run
from unikernels.builds.simulator.server import Server
from unikernels.models import Builder, Lookup, Operation, RollbackWindow, Unikernel

PLACE = ("--team", "robur", "--instance", "fra-1", "--name", "web")
CONFIGURED = ("--net", "service", "--memory", 32, "--accept", "new-abi", "--here")


def test_a_job_is_deployed_upgraded_and_rolled_back(
    world: World, builder: Builder, builds: Server, run: Run, simulated: SimulatedInstance
) -> None:
    new, old = builds.catalogue.builds("static-website")
    ran = run("deploy", "--build", f"builds/static-website/{old.uuid}", *PLACE, *CONFIGURED)
    assert ran.code == 0, ran.err
    first = simulated.running()["robur:web"].digest
    ran = run("upgrade", "web", "--latest", "--here")
    assert ran.code == 0, ran.err
    assert "✓ fetch" in ran.err
    assert simulated.running()["robur:web"].digest != first
    told = run("versions", "web", "--json").json
    assert [(version["number"], version["build"]["uuid"]) for version in told] == [
        (2, new.uuid),
        (1, old.uuid),
    ]
    ran = run("rollback", "web", "--dry-run")
    assert (ran.code, "image: " in ran.out) == (0, True)
    assert run("rollback", "web", "--here").code == 0
    assert simulated.running()["robur:web"].digest == first
    ran = run("rollback", "web")
    assert (ran.code, "already" in ran.err) == (4, True)
    assert run("upgrade", "web", "--version", 1).code == 4
    assert run("upgrade", "web", "--job", "static-website", "--here").code == 0


def test_one_that_does_not_run_goes_back_with_6(world: World, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "good.hvt"
    path.write_bytes(build_image(devices=[("service", "net")], behaviour={"lines": ["hello"]}))
    assert run("deploy", path, *PLACE, *CONFIGURED).code == 0
    bad = image_of_team(world.team, behaviour={"exit": 1, "exit_after": 0.05})
    ran = run("upgrade", "web", "--image", bad.image.digest, "--here")
    assert (ran.code, ran.out.split()[-1]) == (6, "rolled_back")
    assert "✗ go back" in ran.err


def test_without_a_worker_it_is_still_running(house: House, run: Run) -> None:
    ran = run("upgrade", "hello", "--image", house.spare.image.digest, "--memory", 64, "--no-wait", "--json")
    assert (ran.code, ran.json["kind"]) == (7, "upgrade")
    target = Operation.objects.get(pk=ran.json["id"]).target
    assert target is not None
    assert target.configuration == house.version.configuration | {"memory": 64}


def test_a_dry_run_tells_the_plan(house: House, run: Run) -> None:
    ran = run("upgrade", "hello", "--image", house.spare.image.digest, "--dry-run")
    assert (ran.code, "image: " in ran.out) == (0, True)
    assert run("upgrade", "hello", "--to-version", 1, "--dry-run").code == 4
    assert not house.unikernel.operations.exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 2),
        (("--latest", "--version", 1), 2),
        (("--image", "0" * 64, "--job", "hello"), 2),
        (("--job", "hello"), 2),  # of which builder?
        (("--build", "a/b/c/d"), 2),
        (("--build", "hello/x", "--job", "hello"), 2),
        (("--build", "s/hello/x", "--server", "s"), 2),
        (("--version", "one"), 2),
        (("--image", "0" * 64), 3),
        (("--version", 9), 3),
        (("--server", "nowhere", "--job", "hello"), 3),
        (("--version", 1), 4),
        (("--version", 1, "--memory", 4096), 4),
        (("--version", 1, "--accept", "anything"), 2),
    ],
)
def test_each_trouble_has_its_exit_code(words: tuple[Any, ...], code: int, house: House, run: Run) -> None:
    ran = run("upgrade", "hello", *words)
    assert ran.code == code, ran.err
    assert ran.err
    assert not house.unikernel.operations.exists()


@pytest.mark.parametrize("words", [("upgrade", "--version", 1), ("rollback",)])
def test_one_under_way_is_a_conflict_and_one_that_is_not_there_missing(
    words: tuple[Any, ...], house: House, run: Run
) -> None:
    managed(house.busy, house.spare.image)
    name, *more = words
    assert run(name, "busy", *more).code == 5
    assert run(name, "nobody", *more).code == 3


def test_a_rollback_needs_an_open_window(house: House, run: Run) -> None:
    assert run("rollback", "hello").code == 4
    assert run("rollback", house.window.unikernel.name, "--no-wait").code == 7
    RollbackWindow.objects.all().delete()
    assert run("rollback", "hello", "--dry-run").code == 5


def test_what_is_unmanaged_is_never_upgraded(house: House, run: Run) -> None:
    for word in (("--version", 1), ("--image", "0" * 64), ("--job", "hello")):
        assert run("upgrade", "wiki", *word).code == 4
    assert run("rollback", "wiki").code == 4


def test_deploy_says_what_it_needs(house: House, image: Path, run: Run) -> None:
    assert run("deploy", *PLACE).code == 2
    assert run("deploy", image, "--job", "hello", *PLACE).code == 2
    assert not Unikernel.objects.filter(name="web").exists()


# --- versions, changes -------------------------------------------------------------------------------


def test_versions_are_listed_without_secrets(house: House, deployer: Caller, run: Run) -> None:
    assert house.build.uuid
    ran = run("versions", "hello")
    assert ran.out.splitlines()[0].split()[:3] == ["VERSION", "DIGEST", "ORIGIN"]
    assert f"builds/hello/{house.build.uuid}" in ran.out
    assert "current" in ran.out
    told = run("versions", "hello", "--json")
    assert SECRET.partition("=")[2] not in told.out
    (version,) = deployer.get(f"unikernels/{house.unikernel.pk}/versions/").json()["items"]
    assert told.json[0] | {"configuration": None} == version | {"configuration": None}
    assert run("versions", "nobody").code == 3


def test_what_changed_is_told_with_its_risk(house: House, deployer: Caller, run: Run) -> None:
    assert house.changes.answered_at
    ran = run("changes", "hello")
    assert ran.code == 0
    assert [line.split() for line in ran.out.splitlines() if line.startswith("risk")] == [["risk", "high"]]
    assert "  medium: TLS and cryptography: tls 1.0.0 became 2.0.0." in ran.out.splitlines()
    told = deployer.get(f"unikernels/{house.unikernel.pk}/changes/").json()
    said = run("changes", "hello", "--json").json
    assert said == {name: told[name] for name in said}


@pytest.mark.usefixtures("redis_server")  # one comparison at a time, of all processes
def test_the_builder_is_asked_without_a_worker(
    world: World, builder: Builder, builds: Server, run: Run
) -> None:
    new, old = builds.catalogue.builds("static-website")
    assert run("deploy", "--job", "static-website", "--build", old.uuid, *PLACE, *CONFIGURED).code == 0
    ran = run("changes", "web", "--build", new.uuid)
    assert ran.code == 0, ran.err
    assert "tls" in ran.out
    assert run("changes", "web", "--build", new.uuid, "--diff").code == 0


def test_what_is_still_being_asked_is_7(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unikernels.builds.lookups.answer", lambda pk, asked_at: None)  # a worker has it
    assert house.build.uuid
    assert run("changes", "hello", "--build", house.newer.uuid, "--timeout", 0).code == 7


def test_a_builder_that_is_away_is_1(house: House, run: Run) -> None:
    house.changes.data = None
    house.changes.trouble_text = "It is away."
    house.changes.save()
    ran = run("changes", "hello")
    assert (ran.code, ran.err.strip()) == (1, "It is away.")


def test_what_cannot_be_compared_is_refused(house: House, run: Run) -> None:
    assert run("changes", "hello").code == 4
    assert run("changes", "hello", "--server", "nowhere").code == 3
    assert house.build.uuid
    assert run("changes", "hello", "--build", "1").code == 2
    assert not Lookup.objects.exists()
