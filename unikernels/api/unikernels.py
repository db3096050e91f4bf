"""Unikernels: what runs, and asking for another one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Team
from accounts.scopes import Scope
from mollymawk.rest.orders import ID, NAME, Orders
from mollymawk.rest.pages import Key, page
from mollymawk.rest.schema import changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict
from unikernels.access import image_of, instance_of, unikernel_of, unikernels_of
from unikernels.api.base import Endpoint
from unikernels.api.details import UnikernelDetail, detail
from unikernels.api.fields import AcceptField, ConfigurationField, DigestField, LabelField
from unikernels.api.operations import OperationSummary, accepted
from unikernels.api.plans import planned
from unikernels.api.rows import UnikernelSummary, columns, summary
from unikernels.api.sources import BuildChoice, chosen_build, one_of, only_one
from unikernels.builds.status import Standing
from unikernels.configuration import Configuration
from unikernels.models import Build, Check, Image, Unikernel
from unikernels.operations.services import deploy, plan_deploy

ORDERS = Orders(
    "name",
    {
        "name": NAME,
        "instance": Key("instance__name", str),
        "state": Key("state", str),
        "since": Key("state_since", datetime),
        "id": ID,
    },
)


class Unikernels(Endpoint):
    """All unikernels that the caller may see."""

    class Query(PageQuery):
        """Which ones, in which order."""

        team = serializers.CharField(required=False)
        instance = serializers.CharField(required=False)
        state = serializers.ChoiceField(Unikernel.Presence.values, required=False)
        standing = serializers.ChoiceField(
            [standing.value for standing in Standing], required=False, help_text="beside its builder"
        )
        update_mode = serializers.ChoiceField(Unikernel.UpdateMode.values, required=False)
        check = serializers.ChoiceField(
            Check.State.values, required=False, help_text="one of its checks is in this state"
        )
        job = serializers.CharField(required=False, max_length=255, help_text="that built what it runs")
        digest = DigestField(required=False, help_text="SHA-256 of what it runs")
        unstable = serializers.BooleanField(required=False, allow_null=True, default=None)
        changed_outside = serializers.BooleanField(required=False, allow_null=True, default=None)
        q = serializers.CharField(required=False, max_length=63, help_text="a part of the name")
        ordering = ORDERS.field()

    class Out(Page):
        """A page of unikernels."""

        items = UnikernelSummary(many=True)

    class In(Strict):
        """What to deploy (one of `image`, `build`), where, for whom."""

        team = serializers.CharField(required=False, help_text="not needed with a token")
        instance = serializers.CharField()
        name = LabelField()
        image = DigestField(required=False, help_text="SHA-256 of an image of the team")
        build = BuildChoice(required=False, help_text="downloaded by the operation")
        configuration = ConfigurationField(default=Configuration)
        accept = AcceptField()
        holds = one_of("image", "build")

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            only_one(attrs, "image", "build")
            return attrs

    @reads("listUnikernels", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List unikernels."""
        query = self.query(self.Query)
        rows = self.narrowed(
            unikernels_of(self.actor),
            query,
            instance="instance__name",
            state="state",
            standing="standing",
            update_mode="update_mode",
            job="current__build__job",
            digest="digest",
            unstable="unstable",
            changed_outside="changed_outside",
            q="name__icontains",
        )
        if state := query.get("check"):
            rows = rows.filter(Exists(Check.objects.filter(unikernel=OuterRef("pk"), state=state)))
        return Response(
            page(columns(rows), request=request, order=ORDERS.of(query), query=query, show=summary)
        )

    @changes("deploy", scope=Scope.DEPLOY, body=In, status=202, answer=OperationSummary)
    def post(self, request: Request) -> Response:
        """Deploy a unikernel."""
        dry, actor, body = self.dry_run(), self.actor, self.body(self.In)
        team = self.team(body.get("team"), Scope.DEPLOY, unikernel=body["name"])
        accept, source = frozenset(body["accept"]), self._source(team, body)
        self.stands_on(source.digest)
        wanted: dict[str, Any] = {
            "actor": actor,
            "team": team,
            "instance": instance_of(actor, body["instance"]),
            "name": body["name"],
            "image": source,
            "configuration": body["configuration"],
            "accept": accept,
        }
        if dry:
            return planned(lambda: plan_deploy(**wanted), accept, lambda: deploy(**wanted))
        return accepted(request, deploy(**wanted))

    def _source(self, team: Team, body: dict[str, Any]) -> Image | Build:
        if "build" in body:
            return chosen_build(self.actor, body["build"])
        return image_of(self.actor, team, body["image"], Scope.DEPLOY).image


class OneUnikernel(Endpoint):
    """One unikernel."""

    @reads("getUnikernel", answer=UnikernelDetail, tag=True)
    def get(self, request: Request, pk: int) -> Response:
        """Show a unikernel."""
        return Response(detail(self.actor, unikernel_of(self.actor, pk)))
