"""The Celery side: wake-ups only. The row is the truth, the lease decides who acts.

Downloads run with the background work: builders that are slow keep no rollback waiting.
"""

from __future__ import annotations

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from unikernels.models import Operation
from unikernels.operations import runner

SWEEP_MOST = 500  # wake-ups a sweep; the rest follows with the next


def wake(pk: int, pause: float = 0.0) -> None:
    """Have somebody take an operation further, *pause* seconds from now."""
    task = download if runner.downloads(pk) else advance
    task.apply_async((pk,), countdown=pause)


@shared_task(name="unikernels.operations.tasks.advance")
def advance(pk: int) -> None:
    """Take an operation further, up to a download; come back when it is due."""
    _on(pk, runner.advance(pk, downloads=False))


@shared_task(name="unikernels.operations.tasks.download")
def download(pk: int) -> None:
    """The same, in a worker that may be kept waiting by others' servers."""
    _on(pk, runner.advance(pk))


def _on(pk: int, pause: float | None) -> None:
    if pause is not None:
        wake(pk, pause)


@shared_task(name="unikernels.operations.tasks.sweep", expires=5)
def sweep() -> int:
    """Wake every unfinished operation that is due and that nobody holds."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    due = Operation.objects.filter(free, finished_at=None, due_at__lte=now).order_by("due_at")
    pks = list(due.values_list("pk", flat=True)[:SWEEP_MOST])
    for pk in pks:
        wake(pk)
    return len(pks)
