"""What the schedule does with images."""

from celery import shared_task

from unikernels.images import keeping, services


@shared_task(name="unikernels.images.tasks.sweep")
def sweep() -> None:
    """Let go of what no rule keeps, then forget what nobody needs."""
    keeping.prune()
    services.sweep()
