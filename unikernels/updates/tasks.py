"""The schedule's side of updates."""

from celery import shared_task

from unikernels.updates import automatic


@shared_task(name="unikernels.updates.tasks.round", expires=30)
def upgrade_round() -> int:
    """Wake what is to be upgraded by itself now; each in a message of its own, so none is in another's way."""
    chosen = automatic.due()
    for pk in chosen:
        begin.delay(pk)
    return len(chosen)


@shared_task(name="unikernels.updates.tasks.begin", expires=30)
def begin(pk: int) -> None:
    """Begin the upgrade of one unikernel, if that is still to be done."""
    automatic.begin(pk)
