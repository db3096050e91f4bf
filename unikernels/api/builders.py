"""Builders, their jobs and builds: what can be deployed without uploading anything."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import require_superuser
from mollymawk.rest.orders import ID, NAME, Orders
from mollymawk.rest.pages import page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import NameField, Page, PageQuery, Strict
from unikernels.api.base import Endpoint
from unikernels.api.builds import BuildOut, show_build
from unikernels.api.lookups import Answered, WaitingOut, answered, waiting
from unikernels.builds.services import (
    MAX_CA,
    ask,
    builder_add,
    builder_change,
    builder_named,
    builder_remove,
    builders_of,
)
from unikernels.models import Build, Builder, Lookup


class BuilderOut(serializers.Serializer[Any]):
    """A builder-web server."""

    name = serializers.CharField()
    url = serializers.CharField()
    seen_at = serializers.DateTimeField(allow_null=True, help_text="its last answer")
    trouble = serializers.CharField(help_text="why it was of no help when it was asked last; else empty")
    retry_at = serializers.DateTimeField(allow_null=True, help_text="not asked for newer builds before")


class JobOut(serializers.Serializer[Any]):
    """Something that is built again and again."""

    name = serializers.CharField()
    section = serializers.CharField()
    synopsis = serializers.CharField()


class FreshQuery(Strict):
    """How new the answer has to be."""

    fresh = serializers.BooleanField(default=False, help_text="ask the builder anew, however new the answer")


def show_builder(builder: Builder) -> dict[str, Any]:
    """A builder, as the API tells it."""
    return {
        "name": builder.name,
        "url": builder.url,
        "seen_at": builder.seen_at,
        "trouble": builder.trouble_text,
        "retry_at": builder.retry_at,
    }


ORDERS = Orders("name", {"name": NAME, "id": ID})


class Builders(Endpoint):
    """The builders from which everybody may deploy."""

    class Query(PageQuery):
        """Which ones, in which order."""

        q = serializers.CharField(required=False, max_length=63, help_text="a part of the name")
        ordering = ORDERS.field()

    class Out(Page):
        """A page of builders."""

        items = BuilderOut(many=True)

    @reads("listBuilders", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List builders."""
        query = self.query(self.Query)
        rows = self.narrowed(builders_of(self.actor), query, q="name__icontains")
        return Response(page(rows, request=request, order=ORDERS.of(query), query=query, show=show_builder))

    class In(Strict):
        """Where it is."""

        name = NameField()
        url = serializers.CharField(max_length=255, help_text="as https://builds.robur.coop, without a path")
        ca = serializers.CharField(
            default="", allow_blank=True, max_length=MAX_CA, help_text="PEM of the CA of its certificate"
        )

    @changes("addBuilder", scope=SESSION, body=In, status=201, answer=BuilderOut)
    def post(self, request: Request) -> Response:
        """Add a builder. Superusers only."""
        require_superuser(self.actor)
        dry, body = self.dry_run(), self.body(self.In)
        add = partial(builder_add, actor=self.actor, **body)
        if dry:
            return rehearsed(add, f"Keep {body['url']} as {body['name']}.")
        builder = add()
        place = request.build_absolute_uri(reverse("api:builder", args=[builder.name]))
        return Response(show_builder(builder), status=201, headers={"Location": place})


class OneBuilder(Endpoint):
    """One builder."""

    class PartIn(Strict):
        """What is to be another; what is left out stays as it is."""

        name = NameField(required=False)
        url = serializers.CharField(required=False, max_length=255)
        ca = serializers.CharField(required=False, allow_blank=True, max_length=MAX_CA, help_text="PEM")

    @reads("getBuilder", answer=BuilderOut, tag=("name", "url"))
    def get(self, request: Request, name: str) -> Response:
        """Show a builder."""
        return Response(show_builder(builder_named(self.actor, name)))

    @changes("changeBuilder", scope=SESSION, body=PartIn, answer=BuilderOut)
    def patch(self, request: Request, name: str) -> Response:
        """Change a builder; then it is asked anew. Superusers only."""
        builder = builder_named(self.actor, name)
        require_superuser(self.actor)
        dry, body = self.dry_run(), self.body(self.PartIn)
        change = partial(builder_change, actor=self.actor, builder=builder, **body)
        if dry:
            return rehearsed(change, f"Change {', '.join(body) or 'nothing'} of {name}.")
        return Response(show_builder(change()))

    @changes("removeBuilder", scope=SESSION, status=204, answer=None)
    def delete(self, request: Request, name: str) -> Response:
        """Forget a builder and what it told; refused while a version comes from it. Superusers only."""
        builder = builder_named(self.actor, name)
        require_superuser(self.actor)
        remove = partial(builder_remove, actor=self.actor, builder=builder)
        if self.dry_run():
            return rehearsed(remove, f"Forget {name}.")
        remove()
        return Response(status=204)


class Jobs(Endpoint):
    """What a builder builds."""

    class Out(Answered):
        """The jobs of a builder, in its order."""

        jobs = JobOut(many=True)

    @reads("listJobs", query=FreshQuery, answer=Out, waits=WaitingOut)
    def get(self, request: Request, name: str) -> Response:
        """List the jobs of a builder."""
        builder = builder_named(self.actor, name)
        fresh = self.query(FreshQuery)["fresh"]
        lookup = ask(actor=self.actor, builder=builder, what=Lookup.What.JOBS, fresh=fresh)
        if lookup.data is None:
            return waiting(lookup)
        return answered(lookup, {"jobs": lookup.data})


class Builds(Endpoint):
    """The builds of a job."""

    class Out(Answered):
        """The newest builds of a job, newest first."""

        builds = BuildOut(many=True)

    @reads("listBuilds", query=FreshQuery, answer=Out, waits=WaitingOut)
    def get(self, request: Request, name: str, job: str) -> Response:
        """List the newest builds of a job: those with an image, one for each image."""
        builder = builder_named(self.actor, name)
        fresh = self.query(FreshQuery)["fresh"]
        lookup = ask(actor=self.actor, builder=builder, what=Lookup.What.BUILDS, key=job, fresh=fresh)
        if lookup.data is None:
            return waiting(lookup)
        return answered(lookup, {"builds": [show_build(build) for build in builds_in(lookup)]})


def builds_in(lookup: Lookup) -> list[Build]:
    """The builds of an answer, in its order."""
    uuids = [told["uuid"] for told in lookup.data]
    rows = Build.objects.select_related("builder").filter(builder=lookup.builder, uuid__in=uuids)
    known = {row.uuid: row for row in rows}
    return [known[uuid] for uuid in uuids if uuid in known]
