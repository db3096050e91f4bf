"""The Celery side of alerts: wake-ups only, the rows decide."""

from __future__ import annotations

from celery import shared_task

from unikernels.alerts.services import alerts_prune, settle
from unikernels.alerts.telling import tell


@shared_task(name="unikernels.alerts.tasks.sweep", expires=20)
def sweep() -> int:
    """See what is wrong and what is no more, and write what is due; how many letters."""
    try:
        settle()
    finally:  # what is known already is told all the same
        told = tell()
    return told


@shared_task(name="unikernels.alerts.tasks.prune", expires=600)
def prune() -> int:
    """Delete old alerts."""
    return alerts_prune()
