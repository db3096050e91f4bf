"""The Celery side: wake-ups only, which grow old soon: the sweep sends others.

Who asks a builder has claimed it by a conditional UPDATE, or for people by a lock in Redis.
"""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from unikernels.builds import lookups, polling, standings

LOST_AFTER = timedelta(seconds=10)  # a question that waits longer is looked after


@shared_task(name="unikernels.builds.tasks.answer", expires=60)
def answer(pk: int) -> None:
    """Answer a question and what else waits for that builder, unless somebody does already."""
    lookups.answer_in_turn(pk)


@shared_task(name="unikernels.builds.tasks.poll", expires=60)
def poll(pk: int) -> None:
    """Look for newer builds at a builder, unless somebody does already."""
    polling.poll(pk)


@shared_task(name="unikernels.builds.tasks.sweep", expires=5)
def sweep() -> None:
    """Wake the rounds that are due and the questions that were lost; tell what runs something else now."""
    now = timezone.now()
    for pk in polling.due_builders(now):
        poll.delay(pk)
    for pk in lookups.lost(now - LOST_AFTER):
        answer.delay(pk)
    lookups.forget_old()
    standings.settle()
