"""Requests for more: teams ask, superusers answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import require_superuser
from accounts.models import Role
from accounts.scopes import Scope
from albatross.models import Instance
from mollymawk.rest.pages import NEWEST_FIRST, page
from mollymawk.rest.plans import plan, rehearsed
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import NoBody, Page, PageQuery, Strict
from unikernels.access import instance_of, quota_request_of, quota_requests_of
from unikernels.api.base import Endpoint
from unikernels.api.quotas import MAX_BRIDGES, MAX_UNIKERNELS, LimitsIn, LimitsOut, show_limits
from unikernels.configuration import MAX_CPUS, MAX_MEMORY
from unikernels.quotas.consequences import consequences
from unikernels.quotas.models import QuotaRequest
from unikernels.quotas.requests import MAX_TEXT, quota_ask, request_decline, request_grant, request_withdraw
from unikernels.quotas.services import policy_of

_STATES = QuotaRequest.State.values


class RequestOut(serializers.Serializer[Any]):
    """A request for more."""

    id = serializers.IntegerField()
    team = serializers.CharField()
    instance = serializers.CharField(allow_null=True, help_text="null: wherever there is room")
    state = serializers.ChoiceField(_STATES)
    wanted = LimitsOut(help_text="in all, not on top")
    why = serializers.CharField()
    asked_by = serializers.CharField(allow_null=True)
    asked_at = serializers.DateTimeField()
    answer = serializers.CharField(help_text="what a superuser said to it")
    answered_by = serializers.CharField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)


def show(request: QuotaRequest) -> dict[str, Any]:
    """A request for more, as the API tells it."""
    return {
        "id": request.pk,
        "team": request.team.name,
        "instance": request.instance.name if request.instance else None,
        "state": request.state,
        "wanted": show_limits(request.policy()),
        "why": request.why,
        "asked_by": request.asked_by.email if request.asked_by else None,
        "asked_at": request.asked_at,
        "answer": request.answer,
        "answered_by": request.answered_by.email if request.answered_by else None,
        "answered_at": request.answered_at,
    }


class QuotaRequests(Endpoint):
    """What the caller's teams asked for; for superusers, everybody's."""

    class Query(PageQuery):
        """Which ones."""

        team = serializers.CharField(required=False)
        instance = serializers.CharField(required=False)
        state = serializers.ChoiceField(_STATES, required=False)

    class Out(Page):
        """A page of requests, newest first."""

        items = RequestOut(many=True)

    class In(Strict):
        """How much the team wants in all, and why."""

        team = serializers.CharField(required=False, help_text="needed without a token")
        instance = serializers.CharField(
            required=False, allow_null=True, default=None, help_text="null: wherever there is room"
        )
        unikernels = serializers.IntegerField(min_value=0, max_value=MAX_UNIKERNELS)
        memory = serializers.IntegerField(min_value=0, max_value=MAX_MEMORY, help_text="MB")
        block = serializers.IntegerField(
            min_value=0, max_value=MAX_MEMORY, allow_null=True, default=None, help_text="MB; null: none"
        )
        cpuids = serializers.ListField(
            child=serializers.IntegerField(min_value=0, max_value=MAX_CPUS - 1),
            max_length=MAX_CPUS,
            required=False,
            help_text="left out: as now",
        )
        bridges = serializers.ListField(
            child=serializers.CharField(max_length=63),
            max_length=MAX_BRIDGES,
            required=False,
            help_text="left out: as now",
        )
        why = serializers.CharField(max_length=MAX_TEXT)

    @reads("listQuotaRequests", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List requests for more."""
        query = self.query(self.Query)
        rows = quota_requests_of(self.actor)
        if team := query.get("team"):
            rows = rows.filter(team=self.team(team))
        if instance := query.get("instance"):
            rows = rows.filter(instance__name=instance)
        if state := query.get("state"):
            rows = rows.filter(state=state)
        return Response(page(rows, request=request, order=NEWEST_FIRST, query=query, show=show))

    @changes("askForQuota", scope=Scope.DEPLOY, body=In, status=201, answer=RequestOut)
    def post(self, request: Request) -> Response:
        """Ask the superusers for more."""
        dry, actor, data = self.dry_run(), self.actor, self.body(self.In)
        team = self.team(data.pop("team", None), Role.DEPLOYER)
        name = data.pop("instance")
        place = instance_of(actor, name) if name else None
        if dry:
            step = f"Ask the superusers for more for {team}."
            return rehearsed(lambda: quota_ask(actor=actor, team=team, instance=place, **data), step)
        return Response(show(quota_ask(actor=actor, team=team, instance=place, **data)), status=201)


class OneQuotaRequest(Endpoint):
    """One request for more."""

    @reads("getQuotaRequest", answer=RequestOut)
    def get(self, request: Request, pk: int) -> Response:
        """Show a request for more."""
        return Response(show(quota_request_of(self.actor, pk)))


class WithdrawRequest(Endpoint):
    """A request that is no longer wanted."""

    @changes("withdrawQuotaRequest", scope=Scope.DEPLOY, body=NoBody, answer=RequestOut)
    def post(self, request: Request, pk: int) -> Response:
        """Withdraw a request for more."""
        dry, actor, _ = self.dry_run(), self.actor, self.body(NoBody)
        found = quota_request_of(actor, pk, Role.DEPLOYER)
        if dry:
            return rehearsed(lambda: request_withdraw(actor=actor, request=found), f"Ask no longer: {found}.")
        return Response(show(request_withdraw(actor=actor, request=found)))


class AnswerRequest(Endpoint):
    """The answer of a superuser."""

    class In(Strict):
        """Yes or no. What is granted is what was wanted, unless `limits` say otherwise."""

        answer = serializers.ChoiceField(["grant", "decline"])
        text = serializers.CharField(
            max_length=MAX_TEXT, default="", allow_blank=True, help_text="needed to decline"
        )
        instance = serializers.CharField(required=False, help_text="when the team named none")
        limits = LimitsIn(required=False)

    @changes("answerQuotaRequest", scope=SESSION, body=In, answer=RequestOut)
    def post(self, request: Request, pk: int) -> Response:
        """Grant or decline a request for more.

        A grant is applied on the instance at once, as every quota. Superusers only.
        """
        actor, found = self.actor, quota_request_of(self.actor, pk)
        require_superuser(actor)
        dry, data = self.dry_run(), self.body(self.In)
        if data["answer"] == "grant":
            return self._grant(found, data, dry=dry)
        if dry:
            change = lambda: request_decline(actor=actor, request=found, answer=data["text"])  # noqa: E731
            return rehearsed(change, f"Tell {found.asked_by or 'nobody'}: no.")
        return Response(show(request_decline(actor=actor, request=found, answer=data["text"])))

    def _grant(self, found: QuotaRequest, data: dict[str, Any], *, dry: bool) -> Response:
        named: Instance | None = instance_of(self.actor, data["instance"]) if "instance" in data else None
        policy = policy_of(**data["limits"]) if "limits" in data else None
        place = found.instance or named
        if dry and place is not None:
            told = consequences(team=found.team, instance=place, policy=policy or found.policy())
            return Response(plan(f"Grant {found.team} this on {place}.", **told._asdict()))
        request_grant(actor=self.actor, request=found, answer=data["text"], instance=named, policy=policy)
        return Response(show(found))
