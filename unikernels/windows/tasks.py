"""The Celery side of rollback windows: wake-ups only, the rows decide."""

from __future__ import annotations

from celery import shared_task

from unikernels.windows import guard


@shared_task(name="unikernels.windows.tasks.sweep", expires=5)
def sweep() -> int:
    """Wake every window whose next round is due."""
    claimed = guard.due()
    for pk in claimed:
        watch.delay(pk)
    return len(claimed)


@shared_task(name="unikernels.windows.tasks.watch")
def watch(pk: int) -> None:
    """One round of a window."""
    guard.watch(pk)
