"""When a person wants to be left alone."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class QuietHours(models.Model):
    """From ``start`` to ``end`` by the clock of ``zone`` no alert is mailed; it may go over midnight."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="quiet_hours"
    )
    start = models.TimeField()
    end = models.TimeField()
    zone = models.CharField(max_length=64, help_text="IANA name")

    class Meta:
        verbose_name_plural = "quiet hours"

    def __str__(self) -> str:
        return f"{self.user}: {self.start:%H:%M} to {self.end:%H:%M} {self.zone}"
