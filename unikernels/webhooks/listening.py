"""Hears of every event that is recorded, in its transaction: ``accounts`` knows of no webhooks."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save

from accounts.models import Event
from unikernels.webhooks.telling import event_recorded


def connect() -> None:
    """From now on. Again is harmless."""
    post_save.connect(_recorded, sender=Event, dispatch_uid="webhooks")


def _recorded(*, instance: Event, **_: Any) -> None:
    event_recorded(instance)
