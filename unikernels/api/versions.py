"""Versions: what a unikernel was asked to run, one after the other."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mollymawk.rest.orders import Orders
from mollymawk.rest.pages import Key, page
from mollymawk.rest.schema import reads
from mollymawk.rest.shapes import Page, PageQuery
from unikernels.access import unikernel_of
from unikernels.api.base import Endpoint
from unikernels.api.builds import BuildOut, show_build
from unikernels.api.fields import ConfigurationField
from unikernels.arguments import masked, may_read_arguments
from unikernels.models import Unikernel, Version
from unikernels.versions import arguments_of

ORDERS = Orders("-number", {"number": Key("number")})


class VersionOut(serializers.Serializer[Any]):
    """What a unikernel was asked to run."""

    number = serializers.IntegerField()
    digest = serializers.CharField()
    origin = serializers.ChoiceField(Version.Origin.values)
    build = BuildOut(allow_null=True, help_text="where its image came from; null: not from a builder")
    held = serializers.BooleanField(help_text="its bytes are here")
    pruned_at = serializers.DateTimeField(allow_null=True, help_text="when its bytes were let go")
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ran_at = serializers.DateTimeField(allow_null=True, help_text="when it was first verified to run")


class VersionDetail(VersionOut):
    """A version with its configuration."""

    current = serializers.BooleanField(help_text="it was put in place last")
    configuration = ConfigurationField(help_text="arguments are masked for viewers")


def versions_of(unikernel: Unikernel) -> QuerySet[Version]:
    """The versions of *unikernel*, newest first, with what ``show_version`` tells."""
    return unikernel.versions.select_related("created_by", "build", "build__builder").order_by("-number")


def show_version(version: Version) -> dict[str, Any]:
    """A version, as the API tells it."""
    return {
        "number": version.number,
        "digest": version.digest,
        "origin": version.origin,
        "build": show_build(version.build) if version.build else None,
        "held": version.image_id is not None,
        "pruned_at": version.pruned_at,
        "created_by": version.created_by.email if version.created_by else None,
        "created_at": version.created_at,
        "ran_at": version.ran_at,
    }


def show_whole_version(version: Version, *, current: bool, clear: bool) -> dict[str, Any]:
    """A version with its configuration; *clear*: arguments are told."""
    configuration = show_configuration(version, clear=clear)
    return show_version(version) | {"current": current, "configuration": configuration}


def show_configuration(version: Version, *, clear: bool) -> dict[str, Any]:
    """The configuration of *version*; *clear*: with its arguments."""
    return {**version.configuration, "arguments": shown(arguments_of(version), clear=clear)}


def shown(arguments: list[str], *, clear: bool) -> list[str]:
    """*arguments*, for somebody who may read them, or not."""
    return list(arguments) if clear else masked(arguments)


class Versions(Endpoint):
    """The versions of a unikernel."""

    class Query(PageQuery):
        """Which ones, in which order."""

        digest = serializers.CharField(required=False, max_length=64, help_text="how the SHA-256 begins")
        origin = serializers.ChoiceField(Version.Origin.values, required=False)
        held = serializers.BooleanField(
            required=False, allow_null=True, default=None, help_text="whether its bytes are kept here"
        )
        ordering = ORDERS.field()

    class Out(Page):
        """A page of versions."""

        items = VersionDetail(many=True)

    @reads("listVersions", query=Query, answer=Out)
    def get(self, request: Request, pk: int) -> Response:
        """List the versions of a unikernel, newest first.

        Each one whose bytes are held can be put in place again.
        """
        query, actor = self.query(self.Query), self.actor
        unikernel = unikernel_of(actor, pk)
        clear = may_read_arguments(actor, unikernel.team)

        def show(version: Version) -> dict[str, Any]:
            return show_whole_version(version, current=version.pk == unikernel.current_id, clear=clear)

        rows = self.narrowed(versions_of(unikernel), query, digest="digest__startswith", origin="origin")
        if query["held"] is not None:
            rows = rows.filter(image__isnull=not query["held"])
        return Response(page(rows, request=request, order=ORDERS.of(query), query=query, show=show))
