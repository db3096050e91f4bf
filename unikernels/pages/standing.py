"""How a unikernel stands beside its builder, and its way back: what its page says about updates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.db.models import QuerySet
from django.utils import timezone

from unikernels.builds import status
from unikernels.builds.risk import Grade, Reason, Risk, manifest_reasons
from unikernels.builds.rows import solo5_of
from unikernels.builds.services import changes_from
from unikernels.models import Build, Lookup, Operation, RollbackWindow, Standing, Unikernel
from unikernels.operations.machine import State
from unikernels.pages.rows import UPDATES
from unikernels.pages.words import Badge

GRADES = {
    Grade.NONE: Badge("no risk known", "ok"),
    Grade.LOW: Badge("low", "idle"),
    Grade.MEDIUM: Badge("medium", "warn"),
    Grade.HIGH: Badge("high", "warn"),
    Grade.SEVERE: Badge("severe", "bad"),
}
_BESIDE = {
    status.Standing.CURRENT: "the newest build",
    status.Standing.REBUILT: "built again since, with the very same bytes",
}
MAX_REASONS = 3  # on a card; the page of what changed has all of them


@dataclass(frozen=True, slots=True)
class Newer:
    """A newer build than what runs. ``found`` is what runs, as the builder knows it; ``risk`` is None
    until somebody looked at what changed; ``tried`` is the last upgrade to it, if that did not last.
    """

    build: Build
    found: Build | None
    configure: bool
    reasons: tuple[str, ...]
    risk: Risk | None
    tried: Operation | None

    @property
    def grade(self) -> Badge | None:
        """The grade in words, if it is known."""
        return GRADES[self.risk.grade] if self.risk else None

    @property
    def first_reasons(self) -> tuple[Reason, ...]:
        """The gravest reasons."""
        return self.risk.reasons[:MAX_REASONS] if self.risk else ()


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of the build that runs, when nothing is newer: the build, and one phrase."""

    found: Build | None
    phrase: str


@dataclass(frozen=True, slots=True)
class WayBack:
    """An open rollback window."""

    window: RollbackWindow
    left: timedelta


def newer_of(unikernel: Unikernel) -> Newer | None:
    """What *unikernel* can be upgraded to, if its builder has something newer."""
    if unikernel.newest is None or unikernel.standing not in UPDATES or not unikernel.digest:
        return None
    if unikernel.newest.digest == unikernel.digest:
        return None  # put in place a moment ago: the standing is told anew in a moment
    standing = _standings(unikernel).filter(builder=unikernel.newest.builder).first()
    found = standing.found if standing else None
    return Newer(
        build=unikernel.newest,
        found=found,
        configure=unikernel.standing == status.Standing.RECONFIGURE,
        reasons=tuple(standing.reasons) if standing else (),
        risk=known_risk(found, unikernel.newest) if found else None,
        tried=_tried(unikernel, unikernel.newest),
    )


def _tried(unikernel: Unikernel, build: Build) -> Operation | None:
    """The last operation that put *build* in place here, if it went back."""
    before = unikernel.operations.filter(target__build=build, finished_at__isnull=False)
    last = before.exclude(state__in=(State.ABORTED, State.CANCELLED)).select_related("target").first()
    return last if last and (last.reverted or last.state != State.SUCCEEDED) else None


def beside_of(unikernel: Unikernel) -> Beside | None:
    """What is known of the build that runs; None when nobody was asked, or something is newer."""
    if not unikernel.standing or not unikernel.digest or unikernel.standing in UPDATES:
        return None
    phrase = _BESIDE.get(status.Standing(unikernel.standing))
    if phrase is None:
        return Beside(None, "no builder has these bytes")
    known = _standings(unikernel).filter(standing=unikernel.standing, found__isnull=False).first()
    return Beside(known.found if known else None, phrase)


def _standings(unikernel: Unikernel) -> QuerySet[Standing]:
    return Standing.objects.filter(digest=unikernel.digest).select_related("found", "builder")


def known_risk(old: Build, new: Build) -> Risk | None:
    """The grade of a change that was looked at already; nobody is asked."""
    answered = Lookup.objects.filter(
        builder=new.builder, what=Lookup.What.CHANGES, key=changes_key(old, new), data__isnull=False
    ).values_list("pk", "answered_at")
    found = answered.first()
    return _risk(*found) if found else None


@lru_cache(maxsize=256)
def _risk(pk: int, answered_at: datetime) -> Risk:
    """The grade in an answer, which may hold a megabyte of diffs: a page looks each few seconds."""
    return changes_from(Lookup.objects.get(pk=pk))[1]


def changes_key(old: Build, new: Build) -> str:
    """The key of the question what changed."""
    return f"{old.uuid}/{new.uuid}"


def differences(old: Build, new: Build) -> list[str]:
    """Why a configuration made for *old* does not fit *new*, from what we have of both."""
    return [reason.text for reason in manifest_reasons(solo5_of(old), solo5_of(new))]


def way_back_of(unikernel: Unikernel) -> WayBack | None:
    """The open rollback window of *unikernel*."""
    now = timezone.now()
    window = (
        RollbackWindow.objects.filter(unikernel=unikernel, until__gt=now)
        .select_related("to", "operation__target")
        .first()
    )
    return WayBack(window, window.until - now) if window else None
