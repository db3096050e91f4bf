"""``manage.py deploy``: the image in, the steps on stderr, the end as exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from tests.api.house import House, image_of_team
from tests.api.world import World
from tests.commands.conftest import Run
from unikernels.commands import following
from unikernels.models import Operation, TeamImage, Unikernel
from unikernels.versions import arguments_of, configuration_of

PLACE = ("--team", "robur", "--instance", "fra-1", "--name", "new")
NET = ("--net", "service", "--memory", "16", "--accept", "new-abi")


def test_a_deploy_shows_its_steps_and_succeeds(
    world: World, simulated: SimulatedInstance, image: Path, run: Run
) -> None:
    ran = run("deploy", image, *PLACE, *NET, "--here")
    assert ran.code == 0, ran.err
    told = [line[2:] for line in ran.err.splitlines() if line.startswith("✓")]
    assert told[0] == "fetch"
    assert told[-1] == "end"
    assert "runs and stays up" in ran.err
    assert ran.out.split() == ["operation", str(Operation.objects.get().pk), "succeeded"]
    assert set(simulated.running()) == {"robur:new"}


def test_a_deploy_that_does_not_stay_up_fails_with_9(world: World, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "bad.hvt"
    path.write_bytes(build_image(behaviour={"lines": ["no such key"], "exit": 1, "exit_after": 0.05}))
    ran = run("deploy", path, *PLACE, "--memory", 16, "--accept", "new-abi", "--here", "--json")
    assert ran.code == 9
    assert (ran.json["state"], ran.json["running"]) == ("failed", "no")
    assert any("no such key" in line for line in ran.json["console"])
    ran = run("deploy", path, *PLACE, "--memory", 16, "--accept", "new-abi", "--here")
    assert ran.code == 9
    assert "no such key" in ran.err
    assert "does not run" in ran.err.splitlines()[-1]


def test_without_waiting_it_is_still_running(house: House, image: Path, run: Run) -> None:
    ran = run("deploy", image, *PLACE, *NET, "--no-wait")
    assert ran.code == 7
    assert Operation.objects.get(unikernel__name="new").lease_count == 0


def test_when_no_worker_comes_it_says_so(
    house: House, image: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "IDLE_AFTER", 0.0)
    ran = run("deploy", image, *PLACE, *NET, "--timeout", 0.01)
    assert ran.code == 7
    assert ran.err.count("No worker") == 1
    assert "--watch" in ran.err


def test_a_dry_run_tells_the_plan(house: House, image: Path, run: Run) -> None:
    ran = run("deploy", image, *PLACE, *NET, "--dry-run")
    assert ran.code == 0
    assert ran.out.startswith("1. ")
    assert not Unikernel.objects.filter(name="new").exists()
    assert run("deploy", image, *PLACE, *NET, "--dry-run", "--json").json["possible"] is True


@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_what_would_not_work_is_refused_with_4(
    how: tuple[str, ...], house: House, image: Path, run: Run
) -> None:
    ran = run("deploy", image, *PLACE, *NET, "--cpu", 7, "--net", "service=dmz", *how)
    assert ran.code == 4
    assert "dmz" in ran.err
    assert "7" in ran.err
    assert not Unikernel.objects.filter(name="new").exists()


def test_a_question_is_told_with_its_answer(house: House, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "other.spt"
    path.write_bytes(build_image(target="spt"))
    ran = run("deploy", path, *PLACE, "--memory", 16, "--dry-run")
    assert ran.code == 4
    assert "--accept new-abi" in ran.err
    assert run("deploy", path, *PLACE, "--memory", 16, "--no-wait").code == 4
    assert run("deploy", path, *PLACE, "--memory", 16, "--no-wait", "--accept", "new-abi").code == 7


def test_one_under_way_is_a_conflict_with_5(house: House, image: Path, run: Run) -> None:
    assert run("deploy", image, *PLACE, *NET, "--no-wait").code == 7
    ran = run("deploy", image, *PLACE, *NET, "--no-wait")
    assert ran.code == 5
    assert f"peration {Operation.objects.get(unikernel__name='new').pk}" in ran.err


@pytest.mark.parametrize(
    "place",
    [
        ("--team", "nobody", "--instance", "fra-1", "--name", "new"),
        ("--team", "robur", "--instance", "nowhere", "--name", "new"),
    ],
)
def test_what_is_not_there_is_3(place: tuple[str, ...], house: House, image: Path, run: Run) -> None:
    assert run("deploy", image, *place, *NET).code == 3


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--memory", "much"),
        ("--memory", "1"),
        ("--net", "=service"),
        ("--net", "service="),
        ("--restart", "sometimes"),
        ("--accept", "anything"),
        ("--color", "red"),
    ],
)
def test_a_slip_of_the_finger_is_2(words: tuple[str, ...], house: House, image: Path, run: Run) -> None:
    place = () if not words else PLACE
    ran = run("deploy", image, *place, *words)
    assert ran.code == 2
    assert ran.err
    assert not Unikernel.objects.filter(name="new").exists()


def test_a_file_that_is_not_there_is_2_and_one_that_is_no_image_4(
    house: House, tmp_path: Path, run: Run
) -> None:
    path = tmp_path / "none.hvt"
    assert run("deploy", path, *PLACE, *NET).code == 2
    path.write_bytes(b"no image")
    ran = run("deploy", path, *PLACE, *NET)
    assert ran.code == 4
    assert "none.hvt" in ran.err


def test_an_image_that_the_team_has_is_named_by_its_digest(house: House, run: Run) -> None:
    digest = house.image.image.digest
    assert run("deploy", digest, *PLACE, *NET, "--no-wait").code == 7
    assert run("deploy", "0" * 64, *PLACE, *NET).code == 3


def test_every_option_arrives(house: House, tmp_path: Path, run: Run) -> None:
    secrets = tmp_path / "arguments"
    secrets.write_text("--key=s3cret\n\n--two=2\n")
    copy = image_of_team(house.team, devices=[("service", "net"), ("data", "block")], padding=3)
    options: list[Any] = [
        *("--memory", 32, "--cpu", 0, "--cpu", 1, "--arg=--one=1", "--arg-file", secrets),
        *("--net", "service=service", "--block", "data=data", "--restart", "2,255", "--startup", 50),
        *("--no-add-name", "--may-exit", "--numcpus", 2),
    ]
    ran = run("deploy", copy.image.digest, *PLACE, *options, "--accept", "new-abi", "--no-wait", "--json")
    assert ran.code == 7, ran.err
    version = Operation.objects.get(pk=ran.json["id"]).target
    assert version is not None
    assert version.configuration == {
        "memory": 32,
        "cpuids": [0, 1],
        "networks": {"service": "service"},
        "blocks": {"data": "data"},
        "restart": [2, 255],
        "startup": 50,
        "add_name": False,
        "may_exit": True,
        "numcpus": 2,
    }
    assert arguments_of(version) == ["--one=1", "--key=s3cret", "--two=2"]
    assert configuration_of(version).memory == 32
    assert "s3cret" not in ran.out + ran.err


def test_image_add_tells_the_digest(house: House, image: Path, run: Run) -> None:
    ran = run("image_add", image, "--team", "robur", "--name", "web")
    assert ran.code == 0
    digest = ran.out.strip()
    assert TeamImage.objects.get(image__digest=digest).name == "web"
    assert "service (net)" in ran.err
    assert run("image_add", image, "--team", "robur", "--json").json["digest"] == digest
    assert run("image_add", image, "--team", "nobody").code == 3
    assert json.loads(json.dumps(digest)) == digest
