"""What the log does by itself."""

from __future__ import annotations

from celery import shared_task

from accounts.audit import services


@shared_task
def extend() -> None:
    """Put new events into the chain."""
    services.extend()


@shared_task
def prune() -> None:
    """Let go of what was kept long enough."""
    services.prune()
