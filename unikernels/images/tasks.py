"""What the schedule does with images."""

from celery import shared_task

from unikernels.blocks import files
from unikernels.images import keeping, services


@shared_task(name="unikernels.images.tasks.sweep")
def sweep() -> None:
    """Let go of what no rule keeps, then forget what nobody needs; contents of block devices too."""
    keeping.prune()
    services.sweep()
    files.sweep()
