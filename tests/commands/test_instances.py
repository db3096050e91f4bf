"""``instance_add``, ``instance_check``, ``quota_set``: with real commands to a real endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounts.models import Quota, Team
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from tests.api.world import World
from tests.commands.conftest import Run


@pytest.fixture
def papers(simulated: SimulatedInstance, tmp_path: Path) -> list[object]:
    """The options that name the files of a simulated instance."""
    texts = {"server-ca": simulated.server_ca, "certificate": simulated.ca_pem, "key": simulated.key_pem}
    words: list[object] = []
    for option, text in texts.items():
        path = tmp_path / f"{option}.pem"
        path.write_text(text)
        words += [f"--{option}", path]
    return words


def test_an_instance_is_tested_and_kept(
    db: None, simulated: SimulatedInstance, papers: list[object], run: Run
) -> None:
    ran = run("instance_add", "fra-2", simulated.address, *papers, "--check-network", "10.0.0.0/24")
    assert ran.code == 0, ran.err
    assert Instance.objects.get(name="fra-2").check_networks == ["10.0.0.0/24"]
    assert "PRIVATE" not in ran.out + ran.err
    assert run("instance_add", "fra-2", simulated.address, *papers).code == 5
    assert run("instance_check", "fra-2").code == 0
    assert run("instance_check", "fra-2", "--json").json["unikernels"] == 0


def test_one_that_does_not_answer_is_refused(db: None, papers: list[object], run: Run) -> None:
    ran = run("instance_add", "fra-2", "127.0.0.1:1", *papers)
    assert ran.code == 4
    assert ran.err
    assert not Instance.objects.exists()


def test_files_that_cannot_be_read_are_2(db: None, papers: list[object], tmp_path: Path, run: Run) -> None:
    words = [*papers[:-1], tmp_path / "none.pem"]
    assert run("instance_add", "fra-2", "127.0.0.1:1", *words).code == 2
    (tmp_path / "none.pem").write_bytes(b"\xff\xfe")
    assert run("instance_add", "fra-2", "127.0.0.1:1", *words).code == 2
    assert run("instance_add", "fra 2", "127.0.0.1:1", *papers).code == 2


def test_a_check_that_fails_is_1(world: World, simulated: SimulatedInstance, run: Run) -> None:
    simulated.stop()
    ran = run("instance_check", "fra-1")
    assert ran.code == 1
    assert ran.err
    assert run("instance_check", "nowhere").code == 3


def test_a_quota_is_granted_and_applied(world: World, run: Run) -> None:
    words = ("robur", "fra-1", "--unikernels", 2, "--memory", 64, "--cpu", 0, "--bridge", "service")
    ran = run("quota_set", *words)
    assert ran.code == 0, ran.err
    assert "applied" in ran.out
    quota = Quota.objects.get(team=world.team)
    assert (quota.unikernels, quota.memory, quota.block) == (2, 64, None)
    assert run("quota_set", *words, "--json").json["state"] == "applied"


def test_a_quota_that_waits_says_why(world: World, simulated: SimulatedInstance, run: Run) -> None:
    simulated.stop()
    ran = run("quota_set", "robur", "fra-1", "--unikernels", 2, "--memory", 64, "--cpu", 0)
    assert ran.code == 0
    assert "pending" in ran.err
    assert Quota.objects.get(team=world.team).problem in ran.err.replace("\n", " ")


def test_limits_that_make_no_sense_are_2_or_4(world: World, run: Run) -> None:
    assert run("quota_set", "robur", "fra-1", "--unikernels", 2, "--memory", 1, "--cpu", 0).code == 2
    assert run("quota_set", "robur", "fra-1", "--unikernels", 2, "--memory", 64, "--cpu", 99).code == 4
    assert run("quota_set", "nobody", "fra-1", "--unikernels", 2, "--memory", 64, "--cpu", 0).code == 3
    assert Team.objects.filter(name="robur").exists()
