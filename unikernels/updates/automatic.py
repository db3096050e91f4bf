"""Upgrades without a person: choose, look again, begin.

Between choosing and beginning, anything may have happened: each upgrade begins in a transaction of its
own that holds the rows of its team and its instance, and there everything is looked at once more. So
two rounds at the same time, or a doubled message, begin nothing twice and nothing beyond the limit.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.actors import AUTOMATIC
from accounts.models import Team
from albatross.models import Instance
from mollymawk.errors import ApplicationError, Conflict
from unikernels.events import record_of
from unikernels.models import Build, Operation, Unikernel
from unikernels.operations import services as operations
from unikernels.updates import look, rounds
from unikernels.updates.calendar import next_opening, open_at

CAUSE = "A newer build was there, and its maintenance window was open."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will become of an update by itself: a sentence, and when its window opens next."""

    text: str
    opens_at: datetime | None = None


def due(now: datetime | None = None) -> list[int]:
    """The keys of the unikernels to begin with now."""
    now = now or timezone.now()
    candidates = look.candidates(now)
    if not candidates:
        return []
    return [chosen.unikernel for chosen in rounds.choose(candidates, look.around(candidates, now))]


def begin(pk: int, now: datetime | None = None) -> Operation | None:
    """Upgrade the unikernel *pk* if that is still to be done; None when it is not, or not possible."""
    now = now or timezone.now()
    with transaction.atomic():
        unikernel = Unikernel.objects.filter(pk=pk, team__isnull=False).first()
        if unikernel is None:
            return None
        _lock(unikernel)
        candidates = look.candidates(now, only=pk)
        if not rounds.choose(candidates, look.around(candidates, now)):
            return None
        return _upgrade(pk, now)


def outlook(unikernel: Unikernel, now: datetime | None = None) -> Outlook:
    """For pages: whether and when *unikernel* is upgraded by itself."""
    now = now or timezone.now()
    window = look.window_of(unikernel)
    if unikernel.update_mode != Unikernel.UpdateMode.AUTOMATIC or window is None:
        return Outlook("It is upgraded when somebody asks for it.")
    opens_at = next_opening(window, now)
    found = look.candidates(now, only=unikernel.pk)
    if not found:
        return Outlook(rounds.Obstacle.NOTHING_NEWER, opens_at)
    obstacle = rounds.obstacle(found[0], look.around(found, now))
    if obstacle is not None:
        return Outlook(obstacle, opens_at)
    return Outlook(
        "It is upgraded within this maintenance window.", opens_at if not open_at(window, now) else None
    )


def _lock(unikernel: Unikernel) -> None:
    """Make rounds wait for each other, and for a freeze, on both databases alike."""
    Team.objects.filter(unikernels=unikernel.pk).update(name=F("name"))
    Instance.objects.filter(pk=unikernel.instance_id).update(name=F("name"))


def _upgrade(pk: int, now: datetime) -> Operation | None:
    unikernel = Unikernel.objects.select_related("instance", "team", "current", "newest").get(pk=pk)
    build = unikernel.newest
    if build is None:
        return None
    try:
        return operations.upgrade(actor=AUTOMATIC, unikernel=unikernel, to=build, cause=CAUSE)
    except Conflict as error:  # somebody was faster
        log.info("unikernel %s is not upgraded now: %s", pk, error)
    except ApplicationError as error:
        _note(unikernel, build, error)
    return None


def _note(unikernel: Unikernel, build: Build, error: ApplicationError) -> None:
    """Tell why it is not possible; once in a window, because it is not tried again before the next."""
    record_of(
        unikernel,
        actor=AUTOMATIC,
        kind=look.NOT_BEGUN,
        reason=" ".join([str(error), *error.reasons]),
        data={"build": build.pk},
    )
