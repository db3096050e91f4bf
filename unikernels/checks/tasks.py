"""What the schedule does with checks."""

from __future__ import annotations

from celery import shared_task

from unikernels.checks import restarts, schedule


@shared_task(name="unikernels.checks.tasks.sweep", expires=5)
def sweep() -> int:
    """Ask what is due, restart what does not answer, forget what is old; how many checks were asked."""
    schedule.forget_stopped()
    asked = schedule.sweep()
    restarts.sweep()
    schedule.prune()
    return asked
