"""Quotas: what a team was granted on an instance, what the instance enforces, what is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import team_of
from accounts.actors import require_superuser
from accounts.models import Quota
from albatross.messages import Policy
from albatross.models import ObservedPolicy
from mollymawk.rest.orders import ID, Orders
from mollymawk.rest.pages import Key, cut
from mollymawk.rest.plans import plan
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict
from unikernels.access import instance_of, quota_of, quotas_of
from unikernels.api.base import Endpoint
from unikernels.configuration import MAX_CPUS, MAX_MEMORY
from unikernels.operations.plan import lower
from unikernels.quotas.arithmetic import MIN_MEMORY, Usage
from unikernels.quotas.consequences import consequences
from unikernels.quotas.services import policy_of, quota_grant, usages

MAX_UNIKERNELS = 100_000
MAX_BRIDGES = 256


class LimitsOut(serializers.Serializer[Any]):
    """Limits of a team on an instance."""

    unikernels = serializers.IntegerField()
    memory = serializers.IntegerField(help_text="MB")
    block = serializers.IntegerField(allow_null=True, help_text="MB; null: no block devices")
    cpuids = serializers.ListField(child=serializers.IntegerField())
    bridges = serializers.ListField(child=serializers.CharField())


_FOR_SOME = {  # who may run something needs a CPU and memory for it
    "required": ["cpuids"],
    "properties": {"cpuids": {"minItems": 1}, "memory": {"minimum": MIN_MEMORY}},
}


class LimitsIn(Strict):
    """The limits. The whole of them: what is left out is not granted."""

    unikernels = serializers.IntegerField(min_value=0, max_value=MAX_UNIKERNELS)
    memory = serializers.IntegerField(min_value=0, max_value=MAX_MEMORY, help_text="MB")
    block = serializers.IntegerField(
        min_value=0,
        max_value=MAX_MEMORY,
        allow_null=True,
        default=None,
        help_text="MB; null: no block devices",
    )
    cpuids = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=MAX_CPUS - 1),
        max_length=MAX_CPUS,
        default=list,
    )
    bridges = serializers.ListField(
        child=serializers.CharField(max_length=63), max_length=MAX_BRIDGES, default=list
    )
    holds = {"allOf": [{"anyOf": [{"properties": {"unikernels": {"maximum": 0}}}, _FOR_SOME]}]}


class AmountsOut(serializers.Serializer[Any]):
    """What is used, or free."""

    unikernels = serializers.IntegerField()
    memory = serializers.IntegerField(help_text="MB")
    block = serializers.IntegerField(help_text="MB")


class QuotaOut(serializers.Serializer[Any]):
    """A quota. `free` counts down from the lower of what was granted and what is enforced."""

    team = serializers.CharField()
    instance = serializers.CharField()
    state = serializers.ChoiceField(Quota.State.values, help_text="pending: the instance refused it")
    problem = serializers.CharField(help_text="why it is pending, in the instance's words")
    granted = LimitsOut()
    observed = LimitsOut(allow_null=True, help_text="what the instance enforces, as last seen")
    used = AmountsOut()
    free = AmountsOut(help_text="below 0: more is used than allowed now")
    changed_at = serializers.DateTimeField()


def show_limits(policy: Policy) -> dict[str, Any]:
    """Limits, as the API tells them."""
    return {
        "unikernels": policy.unikernels,
        "memory": policy.memory,
        "block": policy.block,
        "cpuids": sorted(policy.cpuids),
        "bridges": sorted(policy.bridges),
    }


def show_all(quotas: Sequence[Quota]) -> list[dict[str, Any]]:
    """Quotas, as the API tells them, compared with what was observed: in three queries for all."""
    instances = {quota.instance_id for quota in quotas}
    used = usages(instances)
    observed = {
        (row.instance_id, row.path): row.policy()
        for row in ObservedPolicy.objects.filter(
            instance__in=instances, path__in={quota.team.domain for quota in quotas}
        )
    }
    return [
        _show(
            quota,
            observed.get((quota.instance_id, quota.team.domain)),
            used.get(quota.instance_id, {}).get(quota.team.domain, Usage()),
        )
        for quota in quotas
    ]


def show(quota: Quota) -> dict[str, Any]:
    """One quota, as the API tells it."""
    return show_all([quota])[0]


def _show(quota: Quota, observed: Policy | None, used: Usage) -> dict[str, Any]:
    granted = quota.policy()
    least = lower(observed, granted) or granted
    free = Usage(
        least.unikernels - used.unikernels, least.memory - used.memory, (least.block or 0) - used.block
    )
    return {
        "team": quota.team.name,
        "instance": quota.instance.name,
        "state": quota.state,
        "problem": quota.problem,
        "granted": show_limits(granted),
        "observed": show_limits(observed) if observed else None,
        "used": used._asdict(),
        "free": free._asdict(),
        "changed_at": quota.changed_at,
    }


ORDERS = Orders("id", {"id": ID, "team": Key("team__name", str), "instance": Key("instance__name", str)})


class Quotas(Endpoint):
    """The quotas of the caller's teams."""

    class Query(PageQuery):
        """Which ones, in which order."""

        team = serializers.CharField(required=False)
        instance = serializers.CharField(required=False)
        state = serializers.ChoiceField(Quota.State.values, required=False)
        ordering = ORDERS.field()

    class Out(Page):
        """A page of quotas."""

        items = QuotaOut(many=True)

    @reads("listQuotas", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List quotas."""
        query = self.query(self.Query)
        rows = self.narrowed(quotas_of(self.actor), query, instance="instance__name", state="state")
        found, link = cut(rows, request=request, order=ORDERS.of(query), query=query)
        return Response({"items": show_all(found), "next": link})


class OneQuota(Endpoint):
    """The quota of one team on one instance."""

    @reads("getQuota", answer=QuotaOut, tag=("granted",))
    def get(self, request: Request, team: str, instance: str) -> Response:
        """Show a quota."""
        return Response(show(quota_of(self.actor, team, instance)))

    @changes("grantQuota", scope=SESSION, body=LimitsIn, status=200, answer=QuotaOut, whole=True)
    def put(self, request: Request, team: str, instance: str) -> Response:
        """Grant a quota.

        Applied on the instance at once; when the instance refuses it, it is pending. Superusers only.
        """
        actor = self.actor
        owner, place = team_of(actor, team), instance_of(actor, instance)
        require_superuser(actor)
        dry, body = self.dry_run(), self.body(LimitsIn)
        if dry:
            found = consequences(team=owner, instance=place, policy=policy_of(**body))
            step = f"Grant {owner} these limits on {place}, and apply them there."
            return Response(plan(step, **found._asdict()))
        quota = quota_grant(actor=actor, team=owner, instance=place, **body)
        return Response(show(quota))
