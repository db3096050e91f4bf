"""Alerts: what fires, what was over, and the hours in which nobody is told."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.mail.models import QuietHours
from accounts.mail.quiet import quiet_set, zones
from accounts.models import User
from mollymawk.errors import Forbidden
from mollymawk.rest.orders import ID, Orders
from mollymawk.rest.pages import page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict
from unikernels.alerts.models import Alert
from unikernels.alerts.rules import Rule
from unikernels.alerts.services import alert_of, alerts_of
from unikernels.api.base import Endpoint
from unikernels.updates.calendar import CLOCK


@extend_schema_field({"type": "string", "pattern": CLOCK})
class ClockField(serializers.TimeField):
    """A time of day by a clock on a wall."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%H:%M", input_formats=["%H:%M"], **options)


class AlertOut(serializers.Serializer[Any]):
    """A rule that fired about something, until it is over."""

    id = serializers.IntegerField()
    rule = serializers.ChoiceField([rule.value for rule in Rule])
    subject = serializers.CharField(help_text="what it is about, as in events: `unikernel:7`")
    team = serializers.CharField(allow_null=True)
    instance = serializers.CharField(allow_null=True)
    title = serializers.CharField(help_text="what is wrong, in one line")
    text = serializers.CharField(help_text="why, and what to do")
    page = serializers.URLField(help_text="where people read more")
    fired_at = serializers.DateTimeField()
    told_at = serializers.DateTimeField(allow_null=True, help_text="when the first letter was written")
    resolved_at = serializers.DateTimeField(allow_null=True, help_text="null: it goes on")


def show(alert: Alert) -> dict[str, Any]:
    """An alert, as the API tells it."""
    return {
        "id": alert.pk,
        "rule": alert.rule,
        "subject": alert.subject,
        "team": alert.team.name if alert.team else None,
        "instance": alert.instance.name if alert.instance else None,
        "title": alert.title,
        "text": alert.text,
        "page": f"{settings.SITE_URL}{alert.path}",
        "fired_at": alert.fired_at,
        "told_at": alert.told_at,
        "resolved_at": alert.resolved_at,
    }


ORDERS = Orders("-id", {"id": ID})


class Alerts(Endpoint):
    """All alerts that concern the caller, newest first."""

    class Query(PageQuery):
        """Which ones."""

        team = serializers.CharField(required=False)
        instance = serializers.CharField(required=False)
        rule = serializers.ChoiceField([rule.value for rule in Rule], required=False)
        since = serializers.DateTimeField(required=False, help_text="began then or later")
        open = serializers.BooleanField(
            required=False, allow_null=True, default=None, help_text="true: what goes on; false: what is over"
        )
        ordering = ORDERS.field()

    class Out(Page):
        """A page of alerts."""

        items = AlertOut(many=True)

    @reads("listAlerts", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List alerts.

        Those of the caller's teams, and those of instances on which one of them runs something. What is
        over is kept for 30 days.
        """
        query = self.query(self.Query)
        rows = self.narrowed(
            alerts_of(self.actor).select_related("team", "instance"),
            query,
            instance="instance__name",
            rule="rule",
            since="fired_at__gte",
        )
        if query["open"] is not None:
            rows = rows.filter(resolved_at__isnull=query["open"])
        return Response(page(rows, request=request, order=ORDERS.of(query), query=query, show=show))


class OneAlert(Endpoint):
    """One alert."""

    @reads("getAlert", answer=AlertOut, tag=True)
    def get(self, request: Request, pk: int) -> Response:
        """Show an alert."""
        return Response(show(alert_of(self.actor, pk)))


class QuietHoursIn(Strict):
    """From when to when; it may go over midnight."""

    start = ClockField(help_text="22:00")
    end = ClockField(help_text="07:00")
    zone = serializers.CharField(max_length=64, help_text="IANA name, such as Europe/Berlin")

    def validate_zone(self, zone: str) -> str:
        if zone not in zones():
            raise ValidationError("There is no such time zone.")
        return zone

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["start"] == attrs["end"]:
            raise ValidationError({"end": "Quiet hours end at another time than they begin."})
        return attrs


class QuietHoursOut(serializers.Serializer[Any]):
    """When no alert is mailed; all null: there are no such hours."""

    start = serializers.CharField(allow_null=True)
    end = serializers.CharField(allow_null=True)
    zone = serializers.CharField(allow_null=True)


def hours_of(user: User) -> dict[str, str | None]:
    """The quiet hours of *user*, as the API tells them."""
    hours = QuietHours.objects.filter(user=user).first()
    if hours is None:
        return {"start": None, "end": None, "zone": None}
    return {"start": f"{hours.start:%H:%M}", "end": f"{hours.end:%H:%M}", "zone": hours.zone}


class QuietHoursOfMine(Endpoint):
    """The hours in which the caller gets no mail about alerts; they come in one letter afterwards."""

    @reads("getQuietHours", scope=SESSION, answer=QuietHoursOut, tag=True)
    def get(self, request: Request) -> Response:
        """Show my quiet hours."""
        return Response(hours_of(self._person()))

    @changes("setQuietHours", scope=SESSION, body=QuietHoursIn, answer=QuietHoursOut)
    def put(self, request: Request) -> Response:
        """Set my quiet hours."""
        dry, user = self.dry_run(), self._person()
        given = self.body(QuietHoursIn)
        hours = {"start": f"{given['start']:%H:%M}", "end": f"{given['end']:%H:%M}", "zone": given["zone"]}
        if dry:
            step = f"Mail nothing about alerts from {hours['start']} to {hours['end']}, {hours['zone']}."
            return rehearsed(lambda: quiet_set(actor=self.actor, user=user, **hours), step)
        quiet_set(actor=self.actor, user=user, **hours)
        return Response(hours_of(user))

    @changes("deleteQuietHours", scope=SESSION, status=204, answer=None)
    def delete(self, request: Request) -> Response:
        """Have no quiet hours."""
        dry, user = self.dry_run(), self._person()
        if dry:
            return rehearsed(
                lambda: quiet_set(actor=self.actor, user=user, start="", end="", zone=""),
                "Mail alerts at any hour.",
            )
        quiet_set(actor=self.actor, user=user, start="", end="", zone="")
        return Response(status=204)

    def _person(self) -> User:
        """Who asks, if it is a person: a token acts for a team, and a team does not sleep."""
        actor = self.actor
        if actor.token is not None or actor.user is None:
            raise Forbidden("Quiet hours belong to a person: ask with a session, not with a token.")
        return actor.user
