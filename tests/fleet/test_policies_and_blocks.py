"""Policies and block devices as they are seen on the instance."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Event, Quota, Team
from albatross.messages import (
    Arguments,
    BlockAdd,
    BlockDevice,
    BlockRemove,
    Config,
    Policy,
    PolicyRemove,
    UnikernelCreate,
)
from albatross.models import Instance, ObservedPolicy
from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from tests.fleet.conftest import POLICY, end, when_asked
from unikernels.inventory.services import reconcile
from unikernels.models import Block

pytestmark = pytest.mark.django_db


def test_policies_are_kept_as_observed(instance: Instance, host: SimulatedInstance) -> None:
    reconcile(instance)
    assert {row.path: row.policy() for row in ObservedPolicy.objects.all()} == {
        path.rstrip(":"): policy for path, policy in host.policies().items()
    }


def test_policies_follow_and_go(instance: Instance, host: SimulatedInstance) -> None:
    reconcile(instance)
    less = Policy(1, frozenset({0}), 64, None, frozenset())
    host.grant("robur:", less)
    reconcile(instance)
    assert ObservedPolicy.objects.get(path="robur").policy() == less
    host.run("robur:", PolicyRemove())
    reconcile(instance)
    assert not ObservedPolicy.objects.filter(path="robur").exists()


def test_a_policy_written_after_the_question_is_newer_than_the_answer(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old policy in its place would undo a grant with the next command."""
    reconcile(instance)

    def granted() -> None:
        ObservedPolicy.objects.filter(path="robur").update(memory=7, observed_at=timezone.now())

    when_asked(monkeypatch, granted)
    reconcile(instance)
    assert ObservedPolicy.objects.get(path="robur").memory == 7


def test_a_grant_that_somebody_changed_on_the_instance_is_told_once(
    instance: Instance, host: SimulatedInstance, robur: Team
) -> None:
    Quota.objects.create(
        team=robur,
        instance=instance,
        unikernels=POLICY.unikernels,
        memory=POLICY.memory,
        block=POLICY.block,
        cpuids=sorted(POLICY.cpuids),
        bridges=sorted(POLICY.bridges),
        state=Quota.State.APPLIED,
    )
    reconcile(instance)
    assert not Event.objects.filter(kind="quota.changed_outside").exists()
    host.grant("robur:", Policy(1, frozenset({0}), 64, None, frozenset()))
    reconcile(instance)
    reconcile(instance)
    assert Event.objects.filter(kind="quota.changed_outside").count() == 1


def test_blocks_come_change_and_go(instance: Instance, host: SimulatedInstance, robur: Team) -> None:
    host.run("robur:storage", BlockAdd(8))
    host.run("other:disk", BlockAdd(4))
    reconcile(instance)
    assert {
        (block.path, block.name, block.team, block.size, block.active) for block in Block.objects.all()
    } == {
        ("robur", "storage", robur, 8, False),
        ("other", "disk", None, 4, False),
    }
    image = build_image(devices=[("storage", "block")], behaviour={})
    arguments = Arguments(memory=16, blocks=(BlockDevice("storage"),))
    host.run("robur:hello", UnikernelCreate(Config(arguments, image=image)))
    reconcile(instance)
    assert Block.objects.get(name="storage").active
    end(host, "robur:hello")
    host.run("robur:storage", BlockRemove())
    reconcile(instance)
    assert [block.name for block in Block.objects.all()] == ["disk"]


def test_a_block_made_after_the_question_is_not_in_the_answer_and_stays(
    instance: Instance, robur: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> None:
        Block.objects.create(instance=instance, team=robur, path="robur", name="new", size=1)

    when_asked(monkeypatch, made)
    reconcile(instance)
    assert Block.objects.filter(name="new").exists()
