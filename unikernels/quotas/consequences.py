"""What granting limits would mean, before anybody grants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from accounts.models import Quota, Team
from albatross.messages import Policy
from albatross.models import Instance
from unikernels.quotas.arithmetic import ROOT, Usage, beyond, promised_too_much
from unikernels.quotas.services import observed_policies, usage


class Consequences(NamedTuple):
    """Figures that change (was, becomes), what is worth knowing, and why it would be refused."""

    changes: dict[str, tuple[str, str]]
    warnings: list[str]
    refusals: list[str]


def consequences(*, team: Team, instance: Instance, policy: Policy) -> Consequences:
    """What granting *policy* to *team* on *instance* would mean, by what was last seen there."""
    policies = observed_policies(instance)
    quota = Quota.objects.filter(team=team, instance=instance).first()
    used = usage(instance).get(team.domain, Usage())
    root = policies.get(ROOT)
    unknown = [] if root else [f"It is not known yet what {instance} has: it has never been seen."]
    return Consequences(
        changes=_changes(quota.policy() if quota else None, policy),
        warnings=[
            *_below_use(team, instance, policy, used),
            *_seen_otherwise(team, instance, quota, policies),
            *promised_too_much(team.domain, policy, policies),
        ],
        refusals=beyond(policy, root) if root else unknown,
    )


def _changes(was: Policy | None, now: Policy) -> dict[str, tuple[str, str]]:
    before, after = _words(was), _words(now)
    return {name: (before[name], after[name]) for name in after if before[name] != after[name]}


def _words(policy: Policy | None) -> dict[str, str]:
    if policy is None:
        return dict.fromkeys(("unikernels", "memory", "blocks", "CPU ids", "bridges"), "nothing")
    return {
        "unikernels": str(policy.unikernels),
        "memory": f"{policy.memory} MB",
        "blocks": f"{policy.block} MB" if policy.block is not None else "none allowed",
        "CPU ids": ", ".join(map(str, sorted(policy.cpuids))) or "none",
        "bridges": ", ".join(sorted(policy.bridges)) or "none",
    }


def _below_use(team: Team, instance: Instance, policy: Policy, used: Usage) -> list[str]:
    over = [
        f"{amount}{unit} of {name}"
        for name, unit, amount, limit in (
            ("unikernels", "", used.unikernels, policy.unikernels),
            ("memory", " MB", used.memory, policy.memory),
            ("blocks", " MB", used.block, policy.block or 0),
        )
        if amount > limit
    ]
    if not over:
        return []
    return [
        f"{team} uses {', '.join(over)} there now: {instance} refuses less than that, so this stays"
        " pending until it fits. Nothing that runs is ended."
    ]


def _seen_otherwise(
    team: Team, instance: Instance, quota: Quota | None, policies: Mapping[str, Policy]
) -> list[str]:
    observed = policies.get(team.domain)
    if observed is None or (quota is not None and observed == quota.policy()):
        return []
    what = "was changed outside" if quota else "is there already, and was not granted here"
    return [f"The policy of {team.domain} on {instance} {what}; this replaces it."]
