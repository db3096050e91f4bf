"""What the API itself remembers."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class KeyedRequest(models.Model):
    """A request with an ``Idempotency-Key``, and what it was answered once it was; or, for a moment, a
    change under a condition (see ``rest.turns``).

    The key is kept as a hash; the answer is sealed, since it may be the only place that tells a secret.
    """

    credential = models.CharField(max_length=60)
    key_hash = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64, help_text="hash of method, address and body")
    began_at = models.DateTimeField(default=timezone.now, db_index=True)
    sealed_answer = models.TextField(blank=True, default="", help_text="empty while it is under way")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["credential", "key_hash"], name="one_request_per_key")]

    def __str__(self) -> str:
        return f"{self.credential} at {self.began_at:%Y-%m-%d %H:%M:%S}"
