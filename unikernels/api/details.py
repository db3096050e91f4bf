"""One unikernel with everything that is known of it."""

from __future__ import annotations

from typing import Any, cast

from django.utils import timezone
from rest_framework import serializers

from accounts.actors import Actor
from mollymawk.keyring import unseal_json
from unikernels.access import operations_of
from unikernels.api.builds import BuildOut, show_build
from unikernels.api.fields import ConfigurationField
from unikernels.api.operations import OperationSummary
from unikernels.api.operations import summary as operation_summary
from unikernels.api.rows import UnikernelSummary, columns, summary
from unikernels.api.versions import VersionOut, show_configuration, show_version, shown, versions_of
from unikernels.arguments import may_read_arguments
from unikernels.models import Check, RollbackWindow, Unikernel

MAX_VERSIONS = 20  # the newest; older ones are history
MAX_OPERATIONS = 5


class WindowOut(serializers.Serializer[Any]):
    """While it is open, one request puts what ran before back."""

    to = serializers.IntegerField(help_text="version")
    until = serializers.DateTimeField()
    operation = serializers.IntegerField(help_text="the change that opened it")


class CheckState(serializers.Serializer[Any]):
    """How a check stands."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(Check.Kind.values)
    state = serializers.ChoiceField(Check.State.values)
    since = serializers.DateTimeField(help_text="how long it is in this state")


class UnikernelDetail(UnikernelSummary):
    """A unikernel by itself."""

    configuration = ConfigurationField(allow_null=True, help_text="of the current version")
    observed = serializers.DictField(help_text="what the instance last reported")
    arguments = serializers.ListField(child=serializers.CharField(), help_text="as last reported")
    masked = serializers.BooleanField(
        help_text="arguments are hidden: the role does not suffice to read them"
    )
    newest = BuildOut(allow_null=True, help_text="what it can be upgraded to; null: nothing newer is known")
    window = WindowOut(allow_null=True, help_text="null: no rollback window is open")
    checks = CheckState(many=True)
    versions = VersionOut(many=True)
    operations = OperationSummary(many=True)


def detail(actor: Actor, unikernel: Unikernel) -> dict[str, Any]:
    """A unikernel by itself, its arguments masked for viewers."""
    clear = may_read_arguments(actor, unikernel.team)
    row = columns(Unikernel.objects.filter(pk=unikernel.pk)).get()
    operations = operations_of(actor).filter(unikernel=unikernel)[:MAX_OPERATIONS]
    current, newest = unikernel.current, unikernel.newest
    return summary(row) | {
        "configuration": show_configuration(current, clear=clear) if current else None,
        "observed": unikernel.observed,
        "arguments": shown(_reported(unikernel), clear=clear),
        "masked": not clear,
        "newest": show_build(newest) if newest else None,
        "window": _window(unikernel),
        "checks": [_check(check) for check in unikernel.checks.all()],
        "versions": [show_version(version) for version in versions_of(unikernel)[:MAX_VERSIONS]],
        "operations": [operation_summary(operation) for operation in operations],
    }


def _reported(unikernel: Unikernel) -> list[str]:
    """The arguments in clear."""
    told = unseal_json(unikernel.sealed_arguments) if unikernel.sealed_arguments else None
    return cast("list[str]", told or [])


def _window(unikernel: Unikernel) -> dict[str, Any] | None:
    rows = RollbackWindow.objects.select_related("to").filter(unikernel=unikernel, until__gt=timezone.now())
    window = rows.first()
    if window is None:
        return None
    return {"to": window.to.number, "until": window.until, "operation": window.operation_id}


def _check(check: Check) -> dict[str, Any]:
    return {
        "id": check.pk,
        "name": check.name,
        "kind": check.kind,
        "state": check.state,
        "since": check.state_since,
    }
