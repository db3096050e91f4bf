from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actors import COMMAND, Actor
from accounts.models import Event, Quota, Team, User
from albatross.messages import Arguments, BlockAdd, Policy
from albatross.models import Instance, ObservedPolicy
from albatross.simulator import SimulatedInstance
from albatross.simulator.faults import Fault, Kind
from mollymawk.errors import Forbidden, Invalid, Refused
from tests.fleet.conftest import POLICY, Run, end
from unikernels.inventory.services import reconcile
from unikernels.quotas.arithmetic import Usage, beyond, fits, promised_too_much, senseless
from unikernels.quotas.consequences import consequences
from unikernels.quotas.services import (
    apply_pending,
    limits,
    policies_for,
    policy_for,
    quota_apply,
    quota_grant,
    quota_revoke,
    usage,
)

ROOT = Policy(2**62 - 1, frozenset({0, 1, 2, 3}), 16_384, 102_400, frozenset({"service", "management"}))
SMALL = Policy(2, frozenset({0}), 64, None, frozenset())


# --- arithmetic --------------------------------------------------------------------------------------


def test_a_usual_grant_makes_sense() -> None:
    assert senseless(POLICY) == {}


@pytest.mark.parametrize(
    ("field", "policy"),
    [
        ("unikernels", replace(SMALL, unikernels=-1)),
        ("unikernels", replace(SMALL, unikernels=2**31)),
        ("memory", replace(SMALL, memory=-1)),
        ("memory", replace(SMALL, memory=15)),
        ("block", replace(SMALL, block=-1)),
        ("cpuids", replace(SMALL, cpuids=frozenset())),
        ("cpuids", replace(SMALL, cpuids=frozenset({-1}))),
    ],
)
def test_limits_without_sense_are_told_for_their_field(field: str, policy: Policy) -> None:
    assert senseless(policy).keys() == {field}


def test_a_grant_of_nothing_closes_a_domain() -> None:
    assert senseless(Policy(0, frozenset(), 0, None, frozenset())) == {}


def test_what_the_instance_does_not_have_cannot_be_granted() -> None:
    assert beyond(POLICY, ROOT) == []
    reasons = beyond(replace(POLICY, cpuids=frozenset({0, 7}), bridges=frozenset({"moon"})), ROOT)
    assert reasons == ["The instance has no CPU 7.", "The instance has no bridge moon."]


def test_memory_and_blocks_are_summed_over_all_domains() -> None:
    policies = {
        "": ROOT,
        "other": replace(SMALL, memory=16_000, block=102_000),
        "other:sub": SMALL,
        "robur": ROOT,
    }
    assert promised_too_much("robur", SMALL, policies) == []
    memory, block = promised_too_much("robur", replace(SMALL, memory=385, block=401), policies)
    assert "16385 MB of memory" in memory
    assert "102401 MB of blocks" in block


def test_without_a_root_nothing_is_promised_too_much() -> None:
    assert promised_too_much("robur", POLICY, {}) == []


@pytest.mark.parametrize(
    ("used", "fit"),
    [
        (Usage(2, 64, 0), True),
        (Usage(3, 64, 0), False),
        (Usage(2, 65, 0), False),
        (Usage(2, 64, 1), False),
    ],
)
def test_the_present_use_fits_or_not(used: Usage, fit: bool) -> None:
    assert fits(used, SMALL) is fit


# --- granting ----------------------------------------------------------------------------------------


@pytest.fixture
def seen(instance: Instance) -> Instance:
    reconcile(instance)
    return instance


def grant(team: Team, instance: Instance, policy: Policy = SMALL, actor: Actor = COMMAND) -> Quota:
    return quota_grant(
        actor=actor,
        team=team,
        instance=instance,
        unikernels=policy.unikernels,
        memory=policy.memory,
        block=policy.block,
        cpuids=policy.cpuids,
        bridges=policy.bridges,
    )


def kinds() -> list[str]:
    return list(Event.objects.filter(kind__startswith="quota.").order_by("id").values_list("kind", flat=True))


def test_a_grant_is_applied_at_once(seen: Instance, robur: Team, host: SimulatedInstance) -> None:
    quota = grant(robur, seen)
    assert (quota.state, quota.problem) == (Quota.State.APPLIED, "")
    assert host.policies()["robur:"] == SMALL
    assert policy_for(seen, ("robur",)) == SMALL
    assert Quota.objects.get().policy() == SMALL
    assert kinds() == ["quota.granted", "quota.applied"]


def test_a_domain_gets_its_first_policy_by_a_grant(seen: Instance, host: SimulatedInstance) -> None:
    team = Team.objects.create(name="new", domain="new")
    assert grant(team, seen).state == Quota.State.APPLIED
    assert host.policies()["new:"] == SMALL


def test_a_second_grant_replaces_the_first(seen: Instance, robur: Team, host: SimulatedInstance) -> None:
    grant(robur, seen)
    grant(robur, seen, POLICY)
    assert Quota.objects.get().policy() == POLICY
    assert host.policies()["robur:"] == POLICY


def test_a_grant_below_the_present_use_is_pending_with_the_words_of_the_instance(
    seen: Instance, robur: Team, host: SimulatedInstance, run: Run
) -> None:
    run("robur:hello", arguments=Arguments(memory=512))
    quota = grant(robur, seen)
    assert quota.state == Quota.State.PENDING
    assert "exceed running memory limit set by policy to 64 MB, used 512 MB" in quota.problem
    assert Quota.objects.get().problem == quota.problem
    assert host.policies()["robur:"] == POLICY
    assert policy_for(seen, ("robur",)) == POLICY
    assert kinds() == ["quota.granted", "quota.pending"]


def test_a_grant_to_an_instance_that_cannot_be_asked_is_pending(
    seen: Instance, robur: Team, host: SimulatedInstance
) -> None:
    host.stop()
    quota = grant(robur, seen)
    assert quota.state == Quota.State.PENDING
    assert "cannot be reached" in quota.problem


def test_what_an_instance_does_not_have_is_refused_before_anything_is_written(
    seen: Instance, robur: Team
) -> None:
    with pytest.raises(Refused) as raised:
        grant(robur, seen, replace(SMALL, cpuids=frozenset({99}), bridges=frozenset({"moon"})))
    assert len(raised.value.reasons) == 2
    assert not Quota.objects.exists()


def test_an_instance_that_was_never_seen_grants_nothing(instance: Instance, robur: Team) -> None:
    with pytest.raises(Refused, match="never been seen"):
        grant(robur, instance)


def test_limits_without_sense_are_invalid(seen: Instance, robur: Team) -> None:
    with pytest.raises(Invalid) as raised:
        grant(robur, seen, replace(SMALL, memory=1))
    assert raised.value.fields.keys() == {"memory"}


def test_only_superusers_grant(seen: Instance, robur: Team, alice: User) -> None:
    with pytest.raises(Forbidden):
        grant(robur, seen, actor=Actor(alice, "session"))
    assert not Quota.objects.exists()


def test_a_promise_of_too_much_is_granted_and_told(seen: Instance, robur: Team) -> None:
    large = replace(POLICY, memory=20_000)
    assert grant(robur, seen, large).state == Quota.State.APPLIED
    assert "20000 MB of memory" in Event.objects.get(kind="quota.granted").reason
    assert len(consequences(team=robur, instance=seen, policy=large).warnings) == 1


# --- what is pending ---------------------------------------------------------------------------------


def later() -> None:
    """The time for another try has come."""
    Quota.objects.update(changed_at=timezone.now() - timedelta(minutes=2))


@pytest.fixture
def pending(seen: Instance, robur: Team, run: Run) -> Quota:
    """A quota that was refused, since more is used."""
    run("robur:hello", arguments=Arguments(memory=512))
    reconcile(seen)
    return grant(robur, seen)


def test_what_is_pending_is_applied_once_the_use_fits(
    pending: Quota, seen: Instance, host: SimulatedInstance
) -> None:
    end(host, "robur:hello")
    for _ in range(2):
        reconcile(seen)
    later()
    apply_pending(seen)
    assert Quota.objects.get().state == Quota.State.APPLIED
    assert host.policies()["robur:"] == SMALL


def test_what_would_be_refused_again_is_not_tried(
    pending: Quota, seen: Instance, host: SimulatedInstance
) -> None:
    later()
    before = len(host.observed.records("arrived"))
    apply_pending(seen)
    assert len(host.observed.records("arrived")) == before


def test_nothing_is_tried_twice_in_a_minute(seen: Instance, robur: Team, host: SimulatedInstance) -> None:
    host.faults.add(Fault(Kind.FAIL, command="unikernel_info", text="not now"))
    grant(robur, seen)
    apply_pending(seen)
    assert Quota.objects.get().state == Quota.State.PENDING
    later()
    apply_pending(seen)
    assert Quota.objects.get().state == Quota.State.APPLIED


def test_an_answer_that_was_lost_is_read_from_the_inventory(
    seen: Instance, robur: Team, host: SimulatedInstance
) -> None:
    host.faults.add(Fault(Kind.CLOSE_AFTER, command="unikernel_info"))
    assert grant(robur, seen).state == Quota.State.PENDING
    reconcile(Instance.objects.get())
    before = len(host.observed.records("arrived"))
    apply_pending(seen)
    assert Quota.objects.get().state == Quota.State.APPLIED
    assert len(host.observed.records("arrived")) == before


def test_a_grant_that_was_replaced_meanwhile_is_not_settled(
    seen: Instance, robur: Team, host: SimulatedInstance
) -> None:
    stale = grant(robur, seen)
    host.stop()
    grant(robur, seen, POLICY)
    host.start()
    quota_apply(actor=COMMAND, quota=stale)
    assert (Quota.objects.get().state, Quota.objects.get().policy()) == (Quota.State.PENDING, POLICY)


def test_nobody_removes_a_policy_from_afar(seen: Instance, robur: Team) -> None:
    quota = grant(robur, seen)
    with pytest.raises(Refused, match="on the host itself"):
        quota_revoke(actor=COMMAND, quota=quota)
    ObservedPolicy.objects.filter(path="robur").delete()
    quota_revoke(actor=COMMAND, quota=quota)
    assert not Quota.objects.exists()
    assert kinds()[-1] == "quota.revoked"


# --- what holds --------------------------------------------------------------------------------------


def test_limits_are_the_lower_of_grant_and_observation(seen: Instance, robur: Team) -> None:
    assert limits(robur, seen) == POLICY
    Quota.objects.create(
        team=robur,
        instance=seen,
        unikernels=100,
        memory=64,
        block=None,
        cpuids=[0, 3],
        bridges=["service", "management"],
    )
    assert limits(robur, seen) == Policy(8, frozenset({0}), 64, None, frozenset({"service"}))


def test_a_quota_alone_is_a_limit_and_nothing_is_none(seen: Instance, robur: Team) -> None:
    ObservedPolicy.objects.filter(path="robur").delete()
    assert limits(robur, seen) is None
    Quota.objects.create(team=robur, instance=seen, unikernels=2, memory=64, cpuids=[0])
    assert limits(robur, seen) == SMALL


def test_a_command_carries_one_policy_for_each_label(seen: Instance, host: SimulatedInstance) -> None:
    host.grant("robur:sub:", SMALL)
    reconcile(seen)
    assert policies_for(seen, ()) == ()
    assert policies_for(seen, ("robur",)) == (POLICY,)
    assert policies_for(seen, ("robur", "sub")) == (POLICY, SMALL)


@pytest.mark.parametrize("path", [("moon",), ("robur", "moon")])
def test_without_a_known_policy_nothing_is_sent(seen: Instance, path: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="no policy for"):
        policies_for(seen, path)


def test_use_is_counted_by_domain_and_everything_below(
    seen: Instance, host: SimulatedInstance, run: Run
) -> None:
    run("robur:one", arguments=Arguments(memory=16))
    run("robur:sub:two", arguments=Arguments(memory=32))
    run("other:three", arguments=Arguments(memory=64))
    run(":four", arguments=Arguments(memory=128))
    host.run("robur:disk", BlockAdd(5))
    reconcile(seen)
    assert usage(seen) == {"robur": (2, 48, 5), "other": (1, 64, 0), "": (1, 128, 0)}


def test_what_does_not_run_uses_nothing(
    seen: Instance, host: SimulatedInstance, run: Run, robur: Team
) -> None:
    run("robur:one")
    reconcile(seen)
    end(host, "robur:one")
    reconcile(seen)
    reconcile(seen)
    assert usage(seen) == {}
