"""One unikernel with everything that is known of it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.actors import Actor
from mollymawk.keyring import unseal_json
from unikernels.access import operations_of
from unikernels.api.fields import ConfigurationField
from unikernels.api.operations import OperationSummary
from unikernels.api.operations import summary as operation_summary
from unikernels.api.rows import UnikernelSummary, columns, summary
from unikernels.arguments import masked, may_read_arguments
from unikernels.models import Unikernel, Version
from unikernels.versions import arguments_of

MAX_VERSIONS = 20  # the newest; older ones are history
MAX_OPERATIONS = 5


class VersionOut(serializers.Serializer[Any]):
    """What a unikernel was asked to run."""

    number = serializers.IntegerField()
    digest = serializers.CharField()
    origin = serializers.ChoiceField(Version.Origin.values)
    held = serializers.BooleanField(help_text="its bytes are here")
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ran_at = serializers.DateTimeField(allow_null=True, help_text="when it was first verified to run")


class UnikernelDetail(UnikernelSummary):
    """A unikernel by itself."""

    configuration = ConfigurationField(allow_null=True, help_text="of the current version")
    observed = serializers.DictField(help_text="what the instance last reported")
    arguments = serializers.ListField(child=serializers.CharField(), help_text="as last reported")
    masked = serializers.BooleanField(
        help_text="arguments are hidden: the role does not suffice to read them"
    )
    versions = VersionOut(many=True)
    operations = OperationSummary(many=True)


def detail(actor: Actor, unikernel: Unikernel) -> dict[str, Any]:
    """A unikernel by itself, its arguments masked for viewers."""
    clear = may_read_arguments(actor, unikernel.team)
    row = columns(Unikernel.objects.filter(pk=unikernel.pk)).get()
    versions = unikernel.versions.select_related("created_by")[:MAX_VERSIONS]
    operations = operations_of(actor).filter(unikernel=unikernel)[:MAX_OPERATIONS]
    reported = unikernel.sealed_arguments and unseal_json(unikernel.sealed_arguments)
    return summary(row) | {
        "configuration": _configuration(unikernel.current, clear=clear),
        "observed": unikernel.observed,
        "arguments": _shown(reported or [], clear=clear),
        "masked": not clear,
        "versions": [_version(version) for version in versions],
        "operations": [operation_summary(operation) for operation in operations],
    }


def _shown(arguments: Any, *, clear: bool) -> list[str]:
    return list(arguments) if clear else masked(arguments)


def _configuration(version: Version | None, *, clear: bool) -> dict[str, Any] | None:
    if version is None:
        return None
    return {**version.configuration, "arguments": _shown(arguments_of(version), clear=clear)}


def _version(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "digest": version.digest,
        "origin": version.origin,
        "held": version.image_id is not None,
        "created_by": version.created_by.email if version.created_by else None,
        "created_at": version.created_at,
        "ran_at": version.ran_at,
    }
