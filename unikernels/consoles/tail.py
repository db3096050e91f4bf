"""The last lines of a console, asked of the instance itself."""

from __future__ import annotations

from albatross.edge import client_for
from albatross.models import ObservedPolicy
from unikernels.models import Unikernel


def tail(unikernel: Unikernel, count: int) -> list[str]:
    """The last *count* lines, oldest first. Raises ``AlbatrossError``."""
    row = ObservedPolicy.objects.filter(instance=unikernel.instance, path=unikernel.path).first()
    history = client_for(unikernel.instance).console_history(
        unikernel.full_name, count, policy=row.policy() if row else None
    )
    return [line.text for line in history]
