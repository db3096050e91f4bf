"""The Celery side of webhooks: wake-ups only, the rows decide."""

from __future__ import annotations

from celery import shared_task

from unikernels.webhooks import services
from unikernels.webhooks.sending import send_due


@shared_task(name="unikernels.webhooks.tasks.sweep", expires=5)
def sweep() -> int:
    """Send what is due; how many requests were made."""
    return send_due()


@shared_task(name="unikernels.webhooks.tasks.prune", expires=600)
def prune() -> int:
    """Delete old deliveries."""
    return services.prune()
