"""Rows of webhooks: where to, what is to be sent, and each try."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team


class Webhook(models.Model):
    """An address of a team's own that is told what happens. ``failing_since``: nothing got through since."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    host = models.CharField(max_length=300, help_text="of the URL; at once only so many requests")
    events = models.JSONField(default=list, help_text="list of types; see webhooks.kinds")
    description = models.CharField(max_length=200, blank=True, default="")
    on = models.BooleanField(default=True)
    off_reason = models.CharField(
        max_length=300, blank=True, default="", help_text="why the system switched it off"
    )
    sealed_secret = models.TextField(editable=False)
    sealed_former = models.TextField(
        blank=True, default="", editable=False, help_text="signs too, for a time"
    )
    former_until = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"webhook {self.pk} of {self.team} to {self.host}"


class Delivery(models.Model):
    """One message to one webhook: written with what it tells of, sent until it arrives or is given up."""

    class State(models.TextChoices):
        """What became of it."""

        WAITING = "waiting"
        DELIVERED = "delivered"
        GIVEN_UP = "given-up"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    message = models.CharField(max_length=40, unique=True, help_text="webhook-id: the same at each try")
    kind = models.CharField(max_length=60, help_text="type of the event")
    body = models.TextField(help_text="JSON, exactly as it is sent")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    tries = models.PositiveIntegerField(default=0, help_text="of this series; redelivery begins a new one")
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    claimed_until = models.DateTimeField(null=True, help_text="somebody is sending it")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="delivery_due"),
            models.Index(fields=["webhook", "-id"], name="delivery_of_webhook"),
            models.Index(fields=["created_at"], name="delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.message}"


class Attempt(models.Model):
    """One request that was made, and what came back."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status; empty: no answer")
    latency = models.FloatField(help_text="seconds")
    trouble = models.CharField(max_length=300, blank=True, default="", help_text="why it counts as failed")
    excerpt = models.TextField(blank=True, default="", help_text="the beginning of the answer's body")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.status or self.trouble}"
