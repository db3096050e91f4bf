"""Webhooks of teams, for their owners: where to, secrets, deliveries, trying and repeating."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from accounts.scopes import Scope
from mollymawk.rest.pages import BY_ID, NEWEST_FIRST, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import changes, reads
from mollymawk.rest.shapes import NoBody, Page, PageQuery, Strict
from unikernels.api.base import Endpoint
from unikernels.webhooks.kinds import CHOICES, Kind
from unikernels.webhooks.models import Attempt, Delivery, Webhook
from unikernels.webhooks.services import (
    MAX_DESCRIPTION,
    MAX_OVERLAP_HOURS,
    OVERLAP_HOURS,
    delivery_of,
    redeliver,
    webhook_add,
    webhook_change,
    webhook_of,
    webhook_ping,
    webhook_remove,
    webhook_rotate,
    webhooks_of,
)
from unikernels.webhooks.targets import MAX_URL

_STATES = [state.value for state in Delivery.State]
_SET = ("url", "events", "on", "description")  # what its owners set


class WebhookIn(Strict):
    """Where to, and what of."""

    url = serializers.CharField(max_length=MAX_URL, help_text="https; to a global address, at each request")
    events = serializers.ListField(
        child=serializers.ChoiceField([kind.value for kind in CHOICES]), min_length=1, max_length=len(CHOICES)
    )
    description = serializers.CharField(max_length=MAX_DESCRIPTION, default="", allow_blank=True)
    on = serializers.BooleanField(default=True)


class WebhookNew(WebhookIn):
    """A new webhook."""

    team = serializers.CharField(required=False, help_text="whose; needed without a token")


class WebhookOut(serializers.Serializer[Any]):
    """A webhook without its secret."""

    id = serializers.IntegerField()
    team = serializers.CharField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField()
    on = serializers.BooleanField()
    off_reason = serializers.CharField(help_text="why the system switched it off; else empty")
    failing_since = serializers.DateTimeField(allow_null=True, help_text="nothing got through since")
    former_until = serializers.DateTimeField(
        allow_null=True, help_text="until then the secret before the present one signs, too"
    )
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookMade(WebhookOut):
    """A webhook and its secret."""

    signing_secret = serializers.CharField(help_text="`whsec_…`, told only now")


class RotateIn(Strict):
    """How long both secrets sign."""

    overlap = serializers.IntegerField(
        default=OVERLAP_HOURS, min_value=0, max_value=MAX_OVERLAP_HOURS, help_text="hours"
    )


class AttemptOut(serializers.Serializer[Any]):
    """One request."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="HTTP status; null: no answer")
    latency = serializers.FloatField(help_text="seconds")
    trouble = serializers.CharField(help_text="why it counts as failed; else empty")
    excerpt = serializers.CharField(help_text="the first 1024 bytes of the answer's body")


class DeliveryOut(serializers.Serializer[Any]):
    """One message, and what became of it."""

    id = serializers.IntegerField()
    message = serializers.CharField(help_text="its `webhook-id`, the same at each try")
    event = serializers.ChoiceField([kind.value for kind in Kind])
    state = serializers.ChoiceField(_STATES)
    tries = serializers.IntegerField(help_text="since it was written, or sent again by hand")
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True, help_text="of the next try; null: there is none")
    ended_at = serializers.DateTimeField(allow_null=True)


class DeliveryDetail(DeliveryOut):
    """A delivery with what is sent and every try."""

    body = serializers.CharField(help_text="JSON, exactly as it is signed and sent")
    attempts = AttemptOut(many=True)


def show(hook: Webhook) -> dict[str, Any]:
    """A webhook, as the API tells it."""
    return {
        "id": hook.pk,
        "team": hook.team.name,
        "url": hook.url,
        "events": hook.events,
        "description": hook.description,
        "on": hook.on,
        "off_reason": hook.off_reason,
        "failing_since": hook.failing_since,
        "former_until": hook.former_until,
        "created_by": hook.created_by.email if hook.created_by else None,
        "created_at": hook.created_at,
    }


def show_delivery(delivery: Delivery) -> dict[str, Any]:
    """A delivery in a list."""
    return {
        "id": delivery.pk,
        "message": delivery.message,
        "event": delivery.kind,
        "state": delivery.state,
        "tries": delivery.tries,
        "created_at": delivery.created_at,
        "due_at": delivery.due_at if delivery.state == Delivery.State.WAITING else None,
        "ended_at": delivery.ended_at,
    }


def show_whole(delivery: Delivery) -> dict[str, Any]:
    """A delivery with its body and its tries."""
    attempts = [_attempt(attempt) for attempt in delivery.attempts.all()]
    return show_delivery(delivery) | {"body": delivery.body, "attempts": attempts}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    names = ("at", "status", "latency", "trouble", "excerpt")
    return {name: getattr(attempt, name) for name in names}


class Webhooks(Endpoint):
    """All webhooks of the teams that the caller owns."""

    class Query(PageQuery):
        """Which ones."""

        team = serializers.CharField(required=False)

    class Out(Page):
        """A page of webhooks."""

        items = WebhookOut(many=True)

    @reads("listWebhooks", scope=Scope.ADMIN, query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List webhooks. They are seen by owners only."""
        query = self.query(self.Query)
        rows = webhooks_of(self.actor)
        if team := query.get("team"):
            rows = rows.filter(team=self.team(team, Role.OWNER))
        return Response(page(rows, request=request, order=BY_ID, query=query, show=show))

    @changes("addWebhook", scope=Scope.ADMIN, body=WebhookNew, status=201, answer=WebhookMade)
    def post(self, request: Request) -> Response:
        """Add a webhook. Its secret is in the answer and nowhere else."""
        dry, actor, body = self.dry_run(), self.actor, self.body(WebhookNew)
        team = self.team(body.pop("team", None), Role.OWNER)
        if dry:
            step = f"Tell {body['url']} of {len(body['events'])} kinds of events."
            return rehearsed(lambda: webhook_add(actor=actor, team=team, **body), step)
        hook, secret = webhook_add(actor=actor, team=team, **body)
        place = request.build_absolute_uri(reverse("api:webhook", args=[hook.pk]))
        return Response(show(hook) | {"signing_secret": secret}, status=201, headers={"Location": place})


class OneWebhook(Endpoint):
    """One webhook."""

    @reads("getWebhook", scope=Scope.ADMIN, answer=WebhookOut, tag=_SET)
    def get(self, request: Request, pk: int) -> Response:
        """Show a webhook."""
        return Response(show(webhook_of(self.actor, pk)))

    @changes("changeWebhook", scope=Scope.ADMIN, body=WebhookIn, answer=WebhookOut, whole=True)
    def put(self, request: Request, pk: int) -> Response:
        """Change a webhook.

        Its secret stays. What waits is given up when it is switched off.
        """
        dry, actor, body = self.dry_run(), self.actor, self.body(WebhookIn)
        hook = webhook_of(actor, pk)
        if dry:
            step = f"Tell {body['url']} of {len(body['events'])} kinds of events."
            return rehearsed(lambda: webhook_change(actor=actor, hook=hook, **body), step)
        return Response(show(webhook_change(actor=actor, hook=hook, **body)))

    @changes("removeWebhook", scope=Scope.ADMIN, status=204, answer=None)
    def delete(self, request: Request, pk: int) -> Response:
        """Remove a webhook and its deliveries."""
        dry, actor, hook = self.dry_run(), self.actor, webhook_of(self.actor, pk)
        if dry:
            return rehearsed(lambda: webhook_remove(actor=actor, hook=hook), f"Remove {hook}.")
        webhook_remove(actor=actor, hook=hook)
        return Response(status=204)


class Rotate(Endpoint):
    """Its secret."""

    @changes("rotateWebhookSecret", scope=Scope.ADMIN, body=RotateIn, answer=WebhookMade)
    def post(self, request: Request, pk: int) -> Response:
        """Make a new secret.

        It is in the answer and nowhere else. The present one signs too for some hours, so that the
        receiver can be told of the new one meanwhile.
        """
        dry, actor, overlap = self.dry_run(), self.actor, self.body(RotateIn)["overlap"]
        hook = webhook_of(actor, pk)
        if dry:
            step = f"Make a new secret; the present one signs too for {overlap} hours."
            return rehearsed(lambda: webhook_rotate(actor=actor, hook=hook, overlap=overlap), step)
        secret = webhook_rotate(actor=actor, hook=hook, overlap=overlap)
        return Response(show(hook) | {"signing_secret": secret})


class Ping(Endpoint):
    """A test."""

    @changes("pingWebhook", scope=Scope.ADMIN, body=NoBody, status=201, answer=DeliveryOut)
    def post(self, request: Request, pk: int) -> Response:
        """Send a test message. What became of it stands with the delivery, some seconds later."""
        dry, actor, hook = self.dry_run(), self.actor, webhook_of(self.actor, pk)
        self.body(NoBody)
        if dry:
            return rehearsed(lambda: webhook_ping(actor=actor, hook=hook), f"Send a ping to {hook.host}.")
        delivery = webhook_ping(actor=actor, hook=hook)
        place = request.build_absolute_uri(reverse("api:webhook-delivery", args=[pk, delivery.pk]))
        return Response(show_delivery(delivery), status=201, headers={"Location": place})


class Deliveries(Endpoint):
    """What was sent."""

    class Query(PageQuery):
        """Which ones."""

        state = serializers.ChoiceField(_STATES, required=False)

    class Out(Page):
        """A page of deliveries, newest first."""

        items = DeliveryOut(many=True)

    @reads("listDeliveries", scope=Scope.ADMIN, query=Query, answer=Out)
    def get(self, request: Request, pk: int) -> Response:
        """List the deliveries of a webhook. They are kept for 30 days."""
        query = self.query(self.Query)
        rows = webhook_of(self.actor, pk).deliveries.all()
        if state := query.get("state"):
            rows = rows.filter(state=state)
        return Response(page(rows, request=request, order=NEWEST_FIRST, query=query, show=show_delivery))


class OneDelivery(Endpoint):
    """One delivery."""

    @reads("getDelivery", scope=Scope.ADMIN, answer=DeliveryDetail)
    def get(self, request: Request, pk: int, delivery: int) -> Response:
        """Show a delivery with its body and every try."""
        actor = self.actor
        return Response(show_whole(delivery_of(actor, webhook_of(actor, pk), delivery)))


class Redeliver(Endpoint):
    """Once more."""

    @changes("redeliver", scope=Scope.ADMIN, body=NoBody, answer=DeliveryOut)
    def post(self, request: Request, pk: int, delivery: int) -> Response:
        """Send a delivery again, whatever became of it. Its `webhook-id` stays."""
        dry, actor = self.dry_run(), self.actor
        self.body(NoBody)
        found = delivery_of(actor, webhook_of(actor, pk), delivery)
        if dry:
            return rehearsed(lambda: redeliver(actor=actor, delivery=found), f"Send {found} again.")
        return Response(show_delivery(redeliver(actor=actor, delivery=found)))
