"""The Celery side of letters: the daily digest. Sending is ``accounts.mail.tasks``."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from unikernels.letters.digest import digest_due, digest_make


@shared_task(name="unikernels.letters.tasks.digest", expires=300)
def digest() -> int:
    """The digest of the day, if it was not made yet; how many letters were written."""
    return digest_make() if digest_due(timezone.now()) else 0
