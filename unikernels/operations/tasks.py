"""The Celery side: wake-ups only. The row is the truth, the lease decides who acts."""

from __future__ import annotations

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from unikernels.models import Operation
from unikernels.operations import runner

SWEEP_MOST = 500  # wake-ups a sweep; the rest follows with the next


@shared_task(name="unikernels.operations.tasks.advance")
def advance(pk: int) -> None:
    """Take an operation further, and come back when it is due."""
    pause = runner.advance(pk)
    if pause is not None:
        advance.apply_async((pk,), countdown=pause)


@shared_task(name="unikernels.operations.tasks.sweep", expires=5)
def sweep() -> int:
    """Wake every unfinished operation that is due and that nobody holds."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    due = Operation.objects.filter(free, finished_at=None, due_at__lte=now).order_by("due_at")
    pks = list(due.values_list("pk", flat=True)[:SWEEP_MOST])
    for pk in pks:
        advance.delay(pk)
    return len(pks)
