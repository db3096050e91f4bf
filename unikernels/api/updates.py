"""What happens by itself: upgrades when a newer build is there, restarts when checks fail."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.scopes import Scope
from mollymawk.errors import Invalid
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import changes, reads
from mollymawk.rest.shapes import Strict
from unikernels.access import unikernel_of
from unikernels.api.base import Endpoint
from unikernels.api.freezes import FreezeOut
from unikernels.api.freezes import show as show_freeze
from unikernels.checks.services import MAX_RESTART_AFTER, MIN_RESTART_AFTER, restart_after_set
from unikernels.models import Unikernel
from unikernels.updates.calendar import (
    CLOCK,
    MAX_MINUTES,
    MIN_MINUTES,
    Maintenance,
    closes_at,
    next_opening,
    parse,
)
from unikernels.updates.services import freeze_of, update_mode_set

MAINTENANCE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["weekdays", "start", "minutes", "zone"],
    "additionalProperties": False,
    "properties": {
        "weekdays": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 6},
            "minItems": 1,
            "maxItems": 7,
            "description": "On which it opens; 0 is Monday.",
        },
        "start": {"type": "string", "pattern": CLOCK, "description": "HH:MM, by the clock of the zone"},
        "minutes": {"type": "integer", "minimum": MIN_MINUTES, "maximum": MAX_MINUTES},
        "zone": {"type": "string", "minLength": 1, "description": "of the IANA database: Europe/Berlin"},
    },
}


@extend_schema_field(MAINTENANCE_SCHEMA)
class MaintenanceField(serializers.Field[Maintenance, Any, Any, Any]):
    """The JSON form of ``updates.calendar``, which reads and judges it."""

    def to_internal_value(self, data: Any) -> Maintenance:
        try:
            return parse(data)
        except Invalid as error:
            fields = error.fields if isinstance(data, dict) else str(error)
            raise ValidationError(fields) from error

    def to_representation(self, value: Any) -> Any:
        return value


class UpdatesIn(Strict):
    """What is left out stays as it is."""

    mode = serializers.ChoiceField(Unikernel.UpdateMode.values, required=False)
    maintenance = MaintenanceField(required=False, help_text="when it may be upgraded by itself")
    restart_after = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=MIN_RESTART_AFTER,
        max_value=MAX_RESTART_AFTER,
        help_text="failed rounds of a check; null: never",
    )


class UpdatesOut(serializers.Serializer[Any]):
    """What happens by itself, and when."""

    mode = serializers.ChoiceField(Unikernel.UpdateMode.values)
    maintenance = MaintenanceField(allow_null=True)
    open_until = serializers.DateTimeField(
        allow_null=True, help_text="the end of the maintenance window that is open now"
    )
    next_opening = serializers.DateTimeField(allow_null=True, help_text="of the maintenance window")
    frozen = FreezeOut(allow_null=True, help_text="what keeps it from being upgraded by itself")
    restart_after = serializers.IntegerField(
        allow_null=True, help_text="failed rounds of a check after which it is restarted; null: never"
    )


def show(unikernel: Unikernel) -> dict[str, Any]:
    """What happens to *unikernel* by itself, as the API tells it."""
    window = parse(unikernel.maintenance) if unikernel.maintenance else None
    freeze, now = freeze_of(unikernel.team), timezone.now()
    return {
        "mode": unikernel.update_mode,
        "maintenance": unikernel.maintenance or None,
        "open_until": closes_at(window, now) if window else None,
        "next_opening": next_opening(window, now) if window else None,
        "frozen": show_freeze(freeze) if freeze else None,
        "restart_after": unikernel.restart_after,
    }


def updates_set(actor: Actor, unikernel: Unikernel, wanted: dict[str, Any]) -> None:
    """Change what *wanted* (a validated ``UpdatesIn``) names, all of it or nothing."""
    with transaction.atomic():
        if "mode" in wanted or "maintenance" in wanted:
            mode, maintenance = wanted.get("mode", unikernel.update_mode), wanted.get("maintenance")
            update_mode_set(actor=actor, unikernel=unikernel, mode=mode, maintenance=maintenance)
        if "restart_after" in wanted:
            restart_after_set(actor=actor, unikernel=unikernel, after=wanted["restart_after"])


class Updates(Endpoint):
    """What happens to a unikernel without a person."""

    @reads("getUpdates", answer=UpdatesOut, tag=("mode", "maintenance", "restart_after"))
    def get(self, request: Request, pk: int) -> Response:
        """Show what happens to a unikernel by itself."""
        return Response(show(unikernel_of(self.actor, pk)))

    @changes("setUpdates", scope=Scope.DEPLOY, body=UpdatesIn, answer=UpdatesOut)
    def put(self, request: Request, pk: int) -> Response:
        """Say what happens to a unikernel by itself."""
        dry, actor, wanted = self.dry_run(), self.actor, self.body(UpdatesIn)
        unikernel = unikernel_of(actor, pk, Scope.DEPLOY)
        if dry:
            steps = [f"Set {name.replace('_', ' ')} of {unikernel}." for name in wanted]
            return rehearsed(lambda: updates_set(actor, unikernel, wanted), *steps)
        updates_set(actor, unikernel, wanted)
        return Response(show(unikernel))
