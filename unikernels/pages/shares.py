"""What teams may use, and use, on each instance: the bars and tables of quotas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accounts.models import Quota, Team
from albatross.messages import Policy
from albatross.models import Instance, ObservedPolicy
from unikernels.operations.plan import lower
from unikernels.pages.words import CHANGED_OUTSIDE, Badge
from unikernels.quotas.services import usage, usages

NO_LIMIT = 2**62 - 1  # max_int of OCaml: what an instance says that limits the number of unikernels nowhere
NEARLY_FULL = 0.85  # from here on a bar warns

Used = tuple[int, int, int]
NOTHING_USED: Used = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Meter:
    """One bar: a number of a whole, with its unit. ``low`` is where it starts to warn."""

    label: str
    used: int
    limit: int
    unit: str = ""

    @property
    def warn_at(self) -> float:
        """Where the bar changes colour."""
        return self.limit * NEARLY_FULL

    @property
    def free(self) -> int:
        """What is left; below zero when more is used than allowed now."""
        return self.limit - self.used

    @property
    def top(self) -> int:
        """The end of the bar; a bar of nothing still needs a length."""
        return max(self.limit, 1)


@dataclass(frozen=True, slots=True)
class Amount:
    """One figure of a share; ``enforced`` None: the instance has no policy for the team."""

    label: str
    used: int
    granted: int
    enforced: int | None
    free: int
    unit: str


@dataclass(frozen=True, slots=True)
class Share:
    """One team on one instance: granted, observed, used. ``limits`` is the lower of the first two."""

    team: Team
    instance: Instance
    quota: Quota | None
    observed: Policy | None
    used: Used

    @property
    def limits(self) -> Policy | None:
        """What holds for the team there."""
        granted = self.quota.policy() if self.quota else None
        return lower(self.observed, granted) or granted

    @property
    def differs(self) -> bool:
        """Whether the instance enforces something else than was granted."""
        return self.quota is not None and self.observed is not None and self.observed != self.quota.policy()

    @property
    def badge(self) -> Badge:
        """Whether the instance holds what was granted."""
        if self.quota is None:
            return Badge("not granted", "idle")
        if self.quota.state == Quota.State.PENDING:
            return Badge("pending", "warn")
        return CHANGED_OUTSIDE if self.differs else Badge("applied", "ok")

    @property
    def amounts(self) -> list[Amount]:
        """Every figure that is counted, for tables."""
        limits, quota = self.limits, self.quota
        rows = zip(
            ("Unikernels", "Memory", "Blocks"), ("unikernels", "memory", "block"), self.used, strict=True
        )
        return [
            Amount(
                label=label,
                used=used,
                granted=(getattr(quota, field) or 0) if quota else 0,
                enforced=(getattr(self.observed, field) or 0) if self.observed else None,
                free=((getattr(limits, field) or 0) if limits else 0) - used,
                unit="" if field == "unikernels" else "MB",
            )
            for label, field, used in rows
        ]

    @property
    def meters(self) -> list[Meter]:
        """Its bars: memory, unikernels, and blocks if any are allowed or used."""
        limits = self.limits
        if limits is None:
            return []
        number, memory, block = self.used
        bars = [
            Meter("Memory", memory, limits.memory, "MB"),
            Meter("Unikernels", number, limits.unikernels),
        ]
        if limits.block is not None or block:
            bars.append(Meter("Blocks", block, limits.block or 0, "MB"))
        return bars


def shares_of(quotas: Iterable[Quota]) -> list[Share]:
    """The shares behind *quotas* (read with team and instance); one look at the usage per instance."""
    quotas = list(quotas)
    instances = {quota.instance_id: quota.instance for quota in quotas}
    observed = observed_on(instances.values())
    used = usages(instances.keys())
    return [
        Share(
            team=quota.team,
            instance=quota.instance,
            quota=quota,
            observed=observed.get((quota.instance_id, quota.team.domain)),
            used=used.get(quota.instance_id, {}).get(quota.team.domain, NOTHING_USED),
        )
        for quota in quotas
    ]


def share_of(team: Team, instance: Instance) -> Share:
    """What *team* may use on *instance*, also when nothing was granted."""
    quota = Quota.objects.filter(team=team, instance=instance).first()
    observed = observed_on([instance]).get((instance.pk, team.domain))
    used = usage(instance).get(team.domain, NOTHING_USED)
    return Share(team, instance, quota, observed, used)


def root_policy(instance: Instance) -> Policy | None:
    """The limits of the whole instance, as last observed."""
    return observed_on([instance]).get((instance.pk, ""))


def observed_on(instances: Iterable[Instance]) -> dict[tuple[int, str], Policy]:
    """Every policy last seen on *instances*, by instance and path."""
    rows: Sequence[ObservedPolicy] = list(ObservedPolicy.objects.filter(instance__in=list(instances)))
    return {(row.instance_id, row.path): row.policy() for row in rows}
