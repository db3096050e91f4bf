"""What the API does by itself."""

from __future__ import annotations

from celery import shared_task

from mollymawk.rest import idempotency


@shared_task
def prune() -> None:
    """Forget the keys of requests after their time."""
    idempotency.prune()
