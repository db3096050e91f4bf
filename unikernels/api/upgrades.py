"""Another image in place of what runs, and back again."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from mollymawk.errors import Refused
from mollymawk.rest.schema import changes
from mollymawk.rest.shapes import NoBody, Strict
from unikernels.access import image_of, version_of
from unikernels.api.base import Endpoint
from unikernels.api.fields import AcceptField, ConfigurationField, DigestField
from unikernels.api.operations import OperationSummary, accepted
from unikernels.api.plans import planned
from unikernels.api.sources import BuildChoice, chosen_build, one_of, only_one
from unikernels.models import Build, Image, Unikernel, Version
from unikernels.operations.services import plan_rollback, plan_upgrade, rollback, upgrade
from unikernels.operations.services.asking import UNMANAGED

MAX_NUMBER = 2**31 - 1  # as the column has


class Upgrade(Endpoint):
    """Another image, with the same configuration or another one."""

    class In(Strict):
        """What to put in place: one of `image`, `build`, `version`."""

        image = DigestField(required=False, help_text="SHA-256 of an image of the team")
        build = BuildChoice(required=False)
        version = serializers.IntegerField(
            required=False, min_value=1, max_value=MAX_NUMBER, help_text="a version of it that was kept"
        )
        configuration = ConfigurationField(
            required=False, help_text="left out: that of what runs, or of the kept version"
        )
        accept = AcceptField()
        holds = one_of("image", "build", "version")

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            only_one(attrs, "image", "build", "version")
            return attrs

    @changes("upgrade", scope=Scope.UPGRADE, body=In, status=202, answer=OperationSummary)
    def post(self, request: Request, pk: int) -> Response:
        """Upgrade a unikernel.

        It is replaced by the new version, and goes back when that one does not run or fails its checks.
        """
        dry, actor, body = self.dry_run(), self.actor, self.body(self.In)
        unikernel = self.unikernel(pk, Scope.UPGRADE)
        accept, to = frozenset(body["accept"]), self._target(unikernel, body)
        self.stands_on(to.digest)
        wanted: dict[str, Any] = {
            "actor": actor,
            "unikernel": unikernel,
            "to": to,
            "configuration": body.get("configuration"),
            "accept": accept,
        }
        if dry:
            return planned(lambda: plan_upgrade(**wanted), accept, lambda: upgrade(**wanted))
        return accepted(request, upgrade(**wanted))

    def _target(self, unikernel: Unikernel, body: dict[str, Any]) -> Build | Image | Version:
        if "version" in body:
            return version_of(self.actor, unikernel, body["version"], Scope.UPGRADE)
        if "build" in body:
            return chosen_build(self.actor, body["build"], unikernel)
        if unikernel.team is None:
            raise Refused(UNMANAGED)
        return image_of(self.actor, unikernel.team, body["image"], Scope.UPGRADE).image


class Rollback(Endpoint):
    """What ran before, while the rollback window is open."""

    @changes("rollback", scope=Scope.UPGRADE, status=202, answer=OperationSummary)
    def post(self, request: Request, pk: int) -> Response:
        """Roll a unikernel back.

        Later, any version whose bytes are held can be put in place by an upgrade.
        """
        self.body(NoBody)
        dry, actor = self.dry_run(), self.actor
        wanted: dict[str, Any] = {"actor": actor, "unikernel": self.unikernel(pk, Scope.UPGRADE)}
        if dry:
            return planned(lambda: plan_rollback(**wanted), (), lambda: rollback(**wanted))
        return accepted(request, rollback(**wanted))
