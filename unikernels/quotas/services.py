"""Granting quotas, and what limits hold. What was granted is one thing, what is observed another.

A command carries the policy last observed and never a guess: a carried policy overwrites the one
there, and one below the present use locks its domain out. Only applying a quota sends another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.actors import SYSTEM, Actor, require_fresh, require_superuser
from accounts.models import Quota, Team
from albatross.edge import client_for
from albatross.errors import AlbatrossError
from albatross.messages import Policy
from albatross.models import Instance, ObservedPolicy
from mollymawk.errors import Invalid, Refused
from mollymawk.keyring import SealBroken
from unikernels.events import record_of
from unikernels.instances.troubles import sentence
from unikernels.inventory.policies import policy_fields
from unikernels.models import Block, Unikernel
from unikernels.operations.plan import lower
from unikernels.quotas.arithmetic import ROOT, Usage, beyond, fits, promised_too_much, senseless

TRY_AGAIN = timedelta(seconds=60)  # between two tries to apply a quota: each costs the host a command


# --- granting ----------------------------------------------------------------------------------------


def quota_grant(
    *,
    actor: Actor,
    team: Team,
    instance: Instance,
    unikernels: int,
    memory: int,
    block: int | None,
    cpuids: Iterable[int],
    bridges: Iterable[str],
) -> Quota:
    """Grant *team* these limits on *instance* (memory and block in MB; block None: no block devices).

    Applied at once; when the instance refuses it or cannot be asked, the quota is ``pending`` and
    its ``problem`` says why. Raises ``Invalid``, and ``Refused`` for what the instance does not have.
    """
    require_superuser(actor)
    require_fresh(actor)
    policy = policy_of(unikernels, memory, block, cpuids, bridges)
    policies = observed_policies(instance)
    _refuse_beyond(instance, policy, policies.get(ROOT))
    with transaction.atomic():
        quota, _ = Quota.objects.update_or_create(
            team=team,
            instance=instance,
            defaults={**policy_columns(policy), "state": Quota.State.PENDING, "problem": ""},
        )
        warnings = promised_too_much(team.domain, policy, policies)
        record_of(
            quota, actor=actor, kind="quota.granted", reason=" ".join(warnings), data=policy_columns(policy)
        )
    quota_apply(actor=actor, quota=quota)
    return quota


def policy_of(
    unikernels: int, memory: int, block: int | None, cpuids: Iterable[int], bridges: Iterable[str]
) -> Policy:
    """Limits as one value; ``Invalid`` when they make no sense anywhere."""
    policy = Policy(unikernels, frozenset(cpuids), memory, block, frozenset(bridges))
    if wrong := senseless(policy):
        raise Invalid("These limits make no sense.", fields=wrong)
    return policy


def quota_apply(*, actor: Actor, quota: Quota) -> None:
    """Present the limits of *quota* to its instance, and note what came of it."""
    require_superuser(actor)
    policy = quota.policy()
    try:
        client_for(quota.instance).unikernels((quota.team.domain,), policy=policy)
    except (AlbatrossError, SealBroken) as error:
        _settle(actor, quota, Quota.State.PENDING, sentence(error))
    else:
        _settle(actor, quota, Quota.State.APPLIED, "")


def quota_revoke(*, actor: Actor, quota: Quota) -> None:
    """Forget a grant. Refused while the instance has the policy, which nobody can remove from afar."""
    require_superuser(actor)
    require_fresh(actor)
    domain = quota.team.domain
    if policy_for(quota.instance, (domain,)) is not None:
        raise Refused(
            f"Albatross does not let anybody remove a policy from afar. Grant 0 unikernels to close {domain},"
            f" or remove it on the host itself: albatross-client-local remove-policy {domain}"
        )
    with transaction.atomic():
        record_of(quota, actor=actor, kind="quota.revoked")
        quota.delete()


def apply_pending(instance: Instance) -> None:
    """Once *instance* was looked at: apply what is pending there and would fit its present use."""
    pending = Quota.objects.filter(instance=instance, state=Quota.State.PENDING).select_related(
        "team", "instance"
    )
    if not (quotas := list(pending)):
        return
    used, now = usage(instance), timezone.now()
    for quota in quotas:
        domain, policy = quota.team.domain, quota.policy()
        if policy_for(instance, (domain,)) == policy:
            _settle(SYSTEM, quota, Quota.State.APPLIED, "")
        elif now - quota.changed_at > TRY_AGAIN and fits(used.get(domain, Usage()), policy):
            quota_apply(actor=SYSTEM, quota=quota)


def _refuse_beyond(instance: Instance, policy: Policy, root: Policy | None) -> None:
    if root is None:
        raise Refused(f"It is not known yet what {instance} has: it has never been seen.")
    if reasons := beyond(policy, root):
        raise Refused(f"{instance} does not have that.", reasons=reasons)


def _settle(actor: Actor, quota: Quota, state: Quota.State, problem: str) -> None:
    """Note how applying ended, unless the quota was granted anew meanwhile."""
    now, before = timezone.now(), (quota.state, quota.problem)
    with transaction.atomic():
        row = Quota.objects.filter(pk=quota.pk, changed_at=quota.changed_at)
        if not row.update(state=state, problem=problem, changed_at=now):
            return
        quota.state, quota.problem, quota.changed_at = state, problem, now
        if state == Quota.State.APPLIED:
            ObservedPolicy.objects.update_or_create(
                instance=quota.instance, path=quota.team.domain, defaults=policy_fields(quota.policy(), now)
            )
        if before != (state, problem):
            word = "applied" if state == Quota.State.APPLIED else "pending"
            record_of(quota, actor=actor, kind=f"quota.{word}", was=before[0], now=state, reason=problem)


def policy_columns(policy: Policy) -> dict[str, Any]:
    """*policy* as the columns of a row of limits."""
    return {
        "unikernels": policy.unikernels,
        "memory": policy.memory,
        "block": policy.block,
        "cpuids": sorted(policy.cpuids),
        "bridges": sorted(policy.bridges),
    }


# --- what holds --------------------------------------------------------------------------------------


def observed_policies(instance: Instance) -> dict[str, Policy]:
    """Every policy of *instance* as last seen, by path (colon separated; empty: the root)."""
    return {row.path: row.policy() for row in ObservedPolicy.objects.filter(instance=instance)}


def policy_for(instance: Instance, path: Sequence[str]) -> Policy | None:
    """The policy last observed for exactly this path, or None."""
    row = ObservedPolicy.objects.filter(instance=instance, path=":".join(path)).first()
    return row.policy() if row else None


def policies_for(instance: Instance, path: Sequence[str]) -> tuple[Policy, ...]:
    """What a command below *path* has to carry: one policy for each label, outermost first.

    Raises ``Refused`` when one is not known; nothing is sent then.
    """
    known = observed_policies(instance)
    carried = []
    for depth in range(1, len(path) + 1):
        level = ":".join(path[:depth])
        if level not in known:
            raise Refused(
                f"{instance} has no policy for {level}: a superuser has to grant a quota there first."
            )
        carried.append(known[level])
    return tuple(carried)


def limits(team: Team, instance: Instance) -> Policy | None:
    """What *team* may use there: the lower of what was granted and what is observed; None: nothing known.

    A quota that was never applied counts alone.
    """
    observed = policy_for(instance, (team.domain,))
    quota = Quota.objects.filter(team=team, instance=instance).first()
    granted = quota.policy() if quota else None
    return lower(observed, granted) or granted


def usage(instance: Instance) -> dict[str, Usage]:
    """What each domain uses on *instance*, as last seen; what is in no domain stands under "".

    Albatross counts everything at and below a path.
    """
    return usages([instance.pk]).get(instance.pk, {})


def usages(instances: Collection[int]) -> dict[int, dict[str, Usage]]:
    """The ``usage`` of several instances (keys), in two queries; those on which nothing is are left out."""
    totals: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    running = Unikernel.objects.filter(instance__in=instances, state=Unikernel.Presence.RUNNING)
    for instance, path, observed in running.values_list("instance", "path", "observed"):
        total = totals[instance, path.partition(":")[0]]
        total[0] += 1
        total[1] += observed.get("memory", 0)
    blocks = Block.objects.filter(instance__in=instances)
    for instance, path, size in blocks.values_list("instance", "path", "size"):
        totals[instance, path.partition(":")[0]][2] += size
    found: dict[int, dict[str, Usage]] = defaultdict(dict)
    for (instance, domain), total in totals.items():
        found[instance][domain] = Usage(*total)
    return dict(found)
