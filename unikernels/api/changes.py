"""Changes to a unikernel: each starts an operation, or tells the plan."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import changes
from mollymawk.rest.shapes import NoBody, Strict
from unikernels.access import unikernel_of
from unikernels.api.base import Endpoint
from unikernels.api.details import UnikernelDetail, detail
from unikernels.api.fields import AcceptField, ConfigurationField
from unikernels.api.operations import OperationSummary, accepted
from unikernels.api.plans import planned
from unikernels.inventory.services import adopt, dismiss
from unikernels.operations.services import configure, destroy, plan_configure, restart


class Configure(Endpoint):
    """The same image with another configuration."""

    class In(Strict):
        """The whole new configuration: what is left out takes its default, not its present value."""

        configuration = ConfigurationField()
        accept = AcceptField()

    @changes("configure", scope=Scope.UPGRADE, body=In, status=202, answer=OperationSummary)
    def post(self, request: Request, pk: int) -> Response:
        """Configure a unikernel.

        It is replaced by one with the new configuration, and goes back when that one does not run.
        """
        dry, actor, body = self.dry_run(), self.actor, self.body(self.In)
        unikernel = self.unikernel(pk, Scope.UPGRADE)
        accept = frozenset(body["accept"])
        wanted: dict[str, Any] = {
            "actor": actor,
            "unikernel": unikernel,
            "configuration": body["configuration"],
            "accept": accept,
        }
        if dry:
            return planned(lambda: plan_configure(**wanted), accept, lambda: configure(**wanted))
        return accepted(request, configure(**wanted))


class Restart(Endpoint):
    """The same again."""

    @changes("restart", scope=Scope.UPGRADE, status=202, answer=OperationSummary)
    def post(self, request: Request, pk: int) -> Response:
        """Restart a unikernel."""
        self.body(NoBody)
        dry, actor = self.dry_run(), self.actor
        unikernel = self.unikernel(pk, Scope.UPGRADE)
        if dry:
            return rehearsed(lambda: restart(actor=actor, unikernel=unikernel), f"Restart {unikernel}.")
        return accepted(request, restart(actor=actor, unikernel=unikernel))


class Destroy(Endpoint):
    """The end of a unikernel; its versions are kept."""

    @changes("destroy", scope=Scope.DEPLOY, status=202, answer=OperationSummary)
    def post(self, request: Request, pk: int) -> Response:
        """Destroy a unikernel."""
        self.body(NoBody)
        dry, actor = self.dry_run(), self.actor
        unikernel = self.unikernel(pk, Scope.DEPLOY)
        if dry:
            return rehearsed(lambda: destroy(actor=actor, unikernel=unikernel), f"Destroy {unikernel}.")
        return accepted(request, destroy(actor=actor, unikernel=unikernel))


class Adopt(Endpoint):
    """What runs unmanaged is taken over by the team that owns its domain."""

    @changes("adopt", scope=Scope.DEPLOY, status=200, answer=UnikernelDetail)
    def post(self, request: Request, pk: int) -> Response:
        """Adopt a unikernel."""
        self.body(NoBody)
        dry, actor = self.dry_run(), self.actor
        unikernel = unikernel_of(actor, pk, Scope.DEPLOY)
        if dry:
            return rehearsed(lambda: adopt(actor=actor, unikernel=unikernel), f"Adopt {unikernel}.")
        adopt(actor=actor, unikernel=unikernel)
        return Response(detail(actor, unikernel_of(actor, pk)))


class Dismiss(Endpoint):
    """What is missing may stay gone: it counts as stopped."""

    @changes("dismiss", scope=Scope.DEPLOY, status=200, answer=UnikernelDetail)
    def post(self, request: Request, pk: int) -> Response:
        """Dismiss a unikernel that is missing: it counts as stopped, and is no problem any more."""
        self.body(NoBody)
        dry, actor = self.dry_run(), self.actor
        unikernel = unikernel_of(actor, pk, Scope.DEPLOY)
        if dry:
            return rehearsed(lambda: dismiss(actor=actor, unikernel=unikernel), f"Dismiss {unikernel}.")
        dismiss(actor=actor, unikernel=unikernel)
        return Response(detail(actor, unikernel_of(actor, pk)))
