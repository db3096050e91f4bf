"""The Celery side: wake-ups only. Who asks a builder has claimed it by a conditional UPDATE."""

from __future__ import annotations

from datetime import datetime, timedelta

from celery import shared_task
from django.utils import timezone

from unikernels.builds import lookups, polling, standings

# A question whose asker died is asked again after this: longer than any answer takes.
LOST_AFTER = timedelta(seconds=150)


@shared_task(name="unikernels.builds.tasks.answer")
def answer(pk: int, asked_at: str) -> None:
    """Answer the question that was asked at this moment, unless somebody does already."""
    lookups.answer(pk, datetime.fromisoformat(asked_at))


@shared_task(name="unikernels.builds.tasks.poll")
def poll(pk: int) -> None:
    """Look for newer builds at a builder, unless somebody does already."""
    polling.poll(pk)


@shared_task(name="unikernels.builds.tasks.sweep", expires=5)
def sweep() -> None:
    """Wake the rounds that are due and the questions that were lost; tell what runs something else now."""
    now = timezone.now()
    for pk in polling.due_builders(now):
        poll.delay(pk)
    for pk, asked_at in lookups.lost(now - LOST_AFTER):
        answer.delay(pk, asked_at.isoformat())
    lookups.forget_old()
    standings.settle()
