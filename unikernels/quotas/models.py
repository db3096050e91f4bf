"""A team asks for more of an instance."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Team
from albatross.models import Instance, Limits


class QuotaRequest(Limits, models.Model):
    """The limits that a team wants on an instance (empty: wherever there is room), and what was answered."""

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open"
        GRANTED = "granted"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="quota_requests")
    instance = models.ForeignKey(Instance, null=True, on_delete=models.CASCADE, related_name="quota_requests")
    unikernels = models.PositiveIntegerField()
    memory = models.PositiveIntegerField(help_text="MB")
    block = models.PositiveIntegerField(null=True, help_text="MB; empty: no block devices")
    cpuids = models.JSONField(default=list)
    bridges = models.JSONField(default=list)
    why = models.TextField()
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    answer = models.TextField(blank=True, default="")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(default=timezone.now)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "team", Coalesce("instance", 0), condition=Q(state="open"), name="one_open_quota_request"
            )
        ]
        indexes = [models.Index(fields=["state", "-id"])]

    def __str__(self) -> str:
        return f"{self.team} on {self.instance or 'some instance'}"
