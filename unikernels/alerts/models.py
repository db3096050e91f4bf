"""Rows of alerts."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team
from albatross.models import Instance


class Alert(models.Model):
    """A rule that fired about a subject, until it is resolved. It may fire again: that is another row."""

    rule = models.CharField(max_length=20, help_text="see alerts.rules")
    subject = models.CharField(max_length=100, help_text="as of events: instance:3")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="alerts")
    instance = models.ForeignKey(Instance, null=True, on_delete=models.CASCADE, related_name="alerts")
    title = models.CharField(max_length=200, help_text="one line: what is wrong")
    text = models.TextField(blank=True, default="", help_text="why, and what to do")
    path = models.CharField(max_length=300, help_text="of the page that tells more")
    fired_at = models.DateTimeField(default=timezone.now)
    damped = models.BooleanField(
        default=False, help_text="it was resolved only just before: told if it stays"
    )
    told_at = models.DateTimeField(null=True, help_text="when the first letter about it was written")
    sent_at = models.DateTimeField(null=True, help_text="when webhooks were told that it was opened")
    resolved_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        ordering = ["-fired_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject"], condition=Q(resolved_at=None), name="one_open_alert_per_subject"
            ),
        ]
        indexes = [models.Index(fields=["rule", "subject", "-resolved_at"], name="alert_before")]

    def __str__(self) -> str:
        return self.title


class Telling(models.Model):
    """What one person was told of an alert."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="tellings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tellings")
    due_at = models.DateTimeField(help_text="not told before")
    told_at = models.DateTimeField(null=True, help_text="that it fired")
    over_at = models.DateTimeField(null=True, help_text="told that it is resolved")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "user"], name="one_telling_per_person")]
        indexes = [models.Index(fields=["due_at"], condition=Q(over_at=None), name="telling_due")]

    def __str__(self) -> str:
        return f"{self.user}: {self.alert}"
