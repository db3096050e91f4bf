"""How full every quota is, in few queries however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from accounts.models import Quota, Team
from albatross.models import ObservedPolicy
from unikernels.operations.plan import lower
from unikernels.quotas.arithmetic import Usage
from unikernels.quotas.services import usages

RESOURCES = ("unikernels", "memory", "block")


class Fill(NamedTuple):
    """One figure of *quota* (see ``RESOURCES``; memory and block in MB): what is used of what."""

    quota: Quota
    resource: str
    used: int
    limit: int


def fills(team: Team | None = None) -> Iterator[Fill]:
    """Every figure of every quota (of *team*), six queries in all.

    The limit is the lower of what was granted and what the instance was last seen to hold.
    """
    found = Quota.objects.prefetch_related("team", "instance").order_by("pk")  # few, of many quotas
    quotas = list(found if team is None else found.filter(team=team))
    places = {quota.instance_id for quota in quotas}
    rows = ObservedPolicy.objects.filter(
        instance__in=places, path__in={quota.team.domain for quota in quotas}
    )
    observed = {(row.instance_id, row.path): row.policy() for row in rows}
    used = usages(places)
    for quota in quotas:
        domain, granted = quota.team.domain, quota.policy()
        limits = lower(observed.get((quota.instance_id, domain)), granted) or granted
        uses = used.get(quota.instance_id, {}).get(domain, Usage())
        for resource in RESOURCES:
            yield Fill(quota, resource, getattr(uses, resource), getattr(limits, resource) or 0)
