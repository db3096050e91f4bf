"""From a report to the observed policies: what commands carry, and where a grant was changed outside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.actors import SYSTEM
from accounts.events import record
from accounts.models import Quota, Team
from albatross.messages import Policy
from albatross.models import Instance, ObservedPolicy
from unikernels.inventory.report import Report


def apply_policies(instance: Instance, report: Report, teams: Mapping[str | None, Team]) -> None:
    """Bring the observed policies of *instance* to what *report* says; *teams* by domain.

    A row written after the instance was asked is newer than the report, and stays: an old policy in
    it would undo a grant at the next command.
    """
    rows = {row.path: row for row in ObservedPolicy.objects.filter(instance=instance)}
    older = {path for path, row in rows.items() if row.observed_at <= report.asked_at}
    gone = older - report.policies.keys()
    changed = {path for path in older - gone if rows[path].policy() != report.policies[path]}
    new = report.policies.keys() - rows.keys()
    if gone:
        ObservedPolicy.objects.filter(instance=instance, path__in=gone).delete()
    for path in sorted(changed):
        fields = policy_fields(report.policies[path], report.asked_at)
        ObservedPolicy.objects.filter(pk=rows[path].pk, observed_at=rows[path].observed_at).update(**fields)
    ObservedPolicy.objects.bulk_create(
        ObservedPolicy(instance=instance, path=path, **policy_fields(report.policies[path], report.asked_at))
        for path in sorted(new)
    )
    if touched := {teams[path].pk for path in gone | changed | new if path in teams}:
        _tell_changed_outside(instance, report, touched)


def policy_fields(policy: Policy, at: datetime) -> dict[str, Any]:
    """The columns that hold *policy*, as seen at that time."""
    return {
        "unikernels": policy.unikernels,
        "memory": policy.memory,
        "block": policy.block,
        "cpuids": sorted(policy.cpuids),
        "bridges": sorted(policy.bridges),
        "observed_at": at,
    }


def _tell_changed_outside(instance: Instance, report: Report, teams: set[int]) -> None:
    quotas = Quota.objects.filter(instance=instance, team__in=teams, state=Quota.State.APPLIED)
    for quota in quotas.select_related("team"):
        if report.policies.get(quota.team.domain) != quota.policy():
            record(
                actor=SYSTEM,
                kind="quota.changed_outside",
                subject=f"quota:{quota.pk}",
                team=quota.team,
                instance=instance,
                reason="The instance holds other limits than those that were granted.",
            )
