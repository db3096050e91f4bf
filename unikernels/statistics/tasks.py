"""What the schedule does with statistics."""

from __future__ import annotations

from celery import shared_task

from unikernels.statistics import folding


@shared_task(name="unikernels.statistics.tasks.fold", expires=300)
def fold() -> int:
    """Pack the hours that are over, forget what is old; how many hours of instances were packed."""
    done = folding.fold()
    folding.prune()
    return done
