"""The links of the chain."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Link(models.Model):
    """Some events in a row, sealed by one hash; see ``accounts.audit.chain``.

    Written once. Only one thing may happen to it later: when its events were kept long enough, they go
    together with its leaves (``pruned_at``), and the newest link without leaves stays as the anchor that
    the chain begins with.
    """

    number = models.BigIntegerField(primary_key=True, help_text="1, 2, …: two cannot be the next one")
    last = models.BigIntegerField(help_text="its newest event; it begins after the last of the link before")
    newest_at = models.DateTimeField(help_text="of its events")
    leaves = models.BinaryField(help_text="number and digest of each event")
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    made_at = models.DateTimeField(default=timezone.now)
    pruned_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"
