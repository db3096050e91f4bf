"""A superuser's table of an instance: every domain there, ours or not, and the sum of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accounts.models import Quota, Team
from albatross.messages import Policy
from albatross.models import Instance
from unikernels.pages.shares import NO_LIMIT, NOTHING_USED, Share, Used, observed_on
from unikernels.quotas.services import usages


@dataclass(frozen=True, slots=True)
class Sum:
    """One figure of a whole instance: what domains may use together, what they use, what there is.

    ``top`` None: no limit is known.
    """

    label: str
    promised: int
    used: int
    top: int | None
    unit: str

    @property
    def free(self) -> int | None:
        """What nobody uses now."""
        return None if self.top is None else self.top - self.used

    @property
    def too_much(self) -> bool:
        """More is promised than there is; allowed, and worth knowing."""
        return self.top is not None and self.promised > self.top


@dataclass(frozen=True, slots=True)
class Table:
    """``shares``: teams with a quota first; then domains with limits or use and none, whose team may
    be unsaved: a domain of nobody here.
    """

    instance: Instance
    shares: list[Share]
    root: Policy | None
    sums: list[Sum]


def tables(instances: Iterable[Instance], team: Team | None = None) -> list[Table]:
    """The tables of *instances* (with the rows of *team* alone, if one is looked at), in four queries."""
    places = {instance.pk: instance for instance in instances}
    quotas: dict[int, list[Quota]] = {pk: [] for pk in places}
    for quota in Quota.objects.filter(instance__in=places).select_related("team", "instance"):
        quotas[quota.instance_id].append(quota)
    observed, used = observed_on(places.values()), usages(places.keys())
    teams = {found.domain: found for found in Team.objects.all()}
    return [
        _table(
            instance,
            quotas[pk],
            {path: policy for (where, path), policy in observed.items() if where == pk},
            used.get(pk, {}),
            teams,
            team,
        )
        for pk, instance in places.items()
    ]


def _table(  # noqa: PLR0917 - what is known of one instance
    instance: Instance,
    quotas: list[Quota],
    policies: dict[str, Policy],
    used: Mapping[str, Used],
    teams: dict[str, Team],
    only: Team | None,
) -> Table:
    granted = {quota.team.domain: quota for quota in quotas}
    others = sorted(({path for path in policies if ":" not in path} | used.keys()) - granted.keys() - {""})
    domains = [*sorted(granted, key=lambda domain: granted[domain].team.name), *others]
    shares = [
        Share(
            team=teams.get(domain) or Team(name=domain, domain=domain),
            instance=instance,
            quota=granted.get(domain),
            observed=policies.get(domain),
            used=used.get(domain, NOTHING_USED),
        )
        for domain in domains
    ]
    root = policies.get("")
    sums = [_sum(number, shares, root, used) for number in range(len(_FIGURES))]
    return Table(instance, [share for share in shares if only is None or share.team == only], root, sums)


_FIGURES = (("Unikernels", "unikernels", ""), ("Memory", "memory", "MB"), ("Blocks", "block", "MB"))


def _sum(number: int, shares: list[Share], root: Policy | None, used: Mapping[str, Used]) -> Sum:
    label, field, unit = _FIGURES[number]
    policies = [policy for share in shares if (policy := share.observed or share.limits)]
    return Sum(
        label=label,
        promised=sum(getattr(policy, field) or 0 for policy in policies),
        used=sum(amounts[number] for amounts in used.values()),
        top=_top(getattr(root, field)) if root else None,
        unit=unit,
    )


def _top(figure: int | None) -> int | None:
    return None if figure == NO_LIMIT else figure or 0
