"""What the schedule does with images."""

from celery import shared_task

from unikernels.images import services


@shared_task(name="unikernels.images.tasks.sweep")
def sweep() -> None:
    """Forget what nobody needs."""
    services.sweep()
