"""What changed between what runs and another build, and how much that deserves a look."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from mollymawk.errors import Refused
from mollymawk.rest.schema import reads
from mollymawk.rest.shapes import Strict
from unikernels.access import unikernel_of
from unikernels.api.base import Endpoint
from unikernels.api.lookups import Answered, WaitingOut, answered, waiting
from unikernels.builds.compare import Changes
from unikernels.builds.risk import Grade, Risk
from unikernels.builds.running import running_build
from unikernels.builds.services import ask, builder_named, changes_from
from unikernels.models import Build, Lookup, Unikernel


class ReasonOut(serializers.Serializer[Any]):
    """Why a change deserves a look."""

    grade = serializers.ChoiceField([grade.word for grade in Grade])
    text = serializers.CharField()


class RiskOut(serializers.Serializer[Any]):
    """Where to look, not whether the build is good."""

    grade = serializers.ChoiceField([grade.word for grade in Grade], help_text="the highest of the reasons")
    reasons = ReasonOut(many=True)


class SideOut(serializers.Serializer[Any]):
    """One of the two builds."""

    job = serializers.CharField()
    uuid = serializers.CharField()
    platform = serializers.CharField()
    started = serializers.DateTimeField()
    finished = serializers.DateTimeField()
    has_binary = serializers.BooleanField()
    size = serializers.IntegerField(allow_null=True, help_text="bytes of its image")


class PackageOut(serializers.Serializer[Any]):
    """A package or variable, and its version or value."""

    name = serializers.CharField()
    version = serializers.CharField()


class PackageChangeOut(serializers.Serializer[Any]):
    """A package that both builds have, in different versions."""

    name = serializers.CharField()
    old = serializers.CharField()
    new = serializers.CharField()


class DifferenceOut(serializers.Serializer[Any]):
    """What was added, removed and changed."""

    added = PackageOut(many=True)
    removed = PackageOut(many=True)
    changed = PackageChangeOut(many=True)


class OpamFileOut(serializers.Serializer[Any]):
    """A package of the same version whose opam file differs."""

    name = serializers.CharField()
    version = serializers.CharField()
    diff = serializers.CharField(help_text="unified; empty: too long, or not told")


class VendoredOut(serializers.Serializer[Any]):
    """Sources that were copied into the build."""

    added = PackageOut(many=True)
    removed = PackageOut(many=True)
    changed = serializers.ListField(child=serializers.CharField(), help_text="names")
    error = serializers.CharField(help_text="why the builder could not compare them; else empty")


def show(changes: Changes, risk: Risk) -> dict[str, Any]:
    """What changed, as the API tells it."""
    reasons = [{"grade": reason.grade.word, "text": reason.text} for reason in risk.reasons]
    return {
        **asdict(changes),
        "size_change": changes.size_change,
        "count": changes.count,
        "risk": {"grade": risk.grade.word, "reasons": reasons},
    }


def question(actor: Actor, unikernel: Unikernel, build: str = "", server: str = "") -> Lookup:
    """What is asked of a builder: from what *unikernel* runs to the build *build* (uuid), or the newest.

    Raises ``Missing`` for no such builder, ``Refused`` when nothing is there to compare.
    """
    newest = unikernel.newest
    builder = builder_named(actor, server) if server else newest.builder if newest else None
    old = running_build(unikernel, builder)
    if old is None:
        raise Refused("No builder is known to have built what runs, so nobody can tell what changed.")
    new = build.lower() or _newest(newest, old)
    return ask(actor=actor, builder=old.builder, what=Lookup.What.CHANGES, key=f"{old.uuid}/{new}")


def _newest(newest: Build | None, old: Build) -> str:
    if newest is None or newest.builder_id != old.builder_id:
        raise Refused("No newer build is known. Say which build to compare with.")
    return newest.uuid


class WhatChanged(Endpoint):
    """What an upgrade would bring."""

    class Query(Strict):
        """Compared with what."""

        build = serializers.UUIDField(required=False, help_text="left out: the newest")
        server = serializers.CharField(required=False, help_text="left out: the builder of the newest build")

    class Out(Answered):
        """What changed from the build that runs (`old`) to another one (`new`)."""

        old = SideOut()
        new = SideOut()
        risk = RiskOut()
        size_change = serializers.IntegerField(allow_null=True, help_text="bytes by which the image grew")
        count = serializers.IntegerField(help_text="of all changes below")
        opam = DifferenceOut()
        system = DifferenceOut(help_text="packages of the host that built it")
        environment = DifferenceOut(help_text="variables of the build")
        opam_files = OpamFileOut(many=True)
        vendored = VendoredOut()

    @reads("whatChanged", query=Query, answer=Out, waits=WaitingOut)
    def get(self, request: Request, pk: int) -> Response:
        """Tell what changed from what runs to a newer build."""
        query, unikernel = self.query(self.Query), unikernel_of(self.actor, pk)
        lookup = question(self.actor, unikernel, str(query.get("build", "")), query.get("server", ""))
        if lookup.data is None:
            return waiting(lookup)
        return answered(lookup, show(*changes_from(lookup)))
