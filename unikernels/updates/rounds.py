"""The round: which unikernels are upgraded by themselves at this moment, and why others are not. Pure.

Careful in this order: what a person decided, what is known of the unikernel, how this round went so
far. An upgrade counts as going on until its rollback window is over, so that a build which turns out
bad after minutes has not been put in place everywhere by then; and one upgrade of a team that did not
end well stops all others of the team until their windows open the next time.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from unikernels.updates.calendar import Maintenance, opened_at


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unikernel whose update mode is automatic. Keys of its row, its team's and its instance's."""

    unikernel: int
    team: int
    instance: int
    window: Maintenance | None  # None: not readable
    newer: bool  # there is another build for what runs now, and it needs no other configuration
    tried: bool  # it was asked to run these bytes before
    suspect: bool  # they did not work the last time its team put them in place somewhere
    runs: bool  # as it was put in place from here
    online: bool  # its instance answers
    busy: bool  # an operation is under way, or its rollback window is open
    frozen: bool
    waits_since: datetime  # when it was last put in place
    refused_at: datetime | None = None  # when this build was last found impossible


@dataclass(frozen=True, slots=True)
class Around:
    """The moment and what goes on then."""

    now: datetime
    at_once: int  # upgrades of one instance that may go on at the same time
    going_on: Mapping[int, int]  # instance: automatic upgrades that are not over
    mishaps: Mapping[int, datetime]  # team: when an automatic upgrade last did not end well


class Obstacle(enum.StrEnum):
    """Why a unikernel is not upgraded by itself now, as a sentence."""

    NOTHING_NEWER = "There is no newer build that runs with its configuration."
    TRIED = "It was put in place before and is not tried again without a person."
    SUSPECT = "This build did not work elsewhere in its team; a person has to upgrade one with success first."
    FROZEN = "Automatic upgrades are frozen."
    NOT_RUNNING = "It does not run as it was put in place from here."
    OFFLINE = "Its instance does not answer."
    NO_WINDOW = "It has no maintenance window."
    CLOSED = "Its maintenance window is closed."
    STOPPED = "An upgrade of its team did not end well: the others wait for their next maintenance window."
    REFUSED = "It was found impossible; it is looked at again in the next maintenance window."
    BUSY = "Something is under way for it, or the last change can still be rolled back."


def obstacle(candidate: Candidate, around: Around) -> Obstacle | None:
    """The first reason against an upgrade of *candidate* now; None: it may begin."""
    return _in_general(candidate) or _now(candidate, around)


def choose(candidates: Iterable[Candidate], around: Around) -> list[Candidate]:
    """Those to begin with now: the ones that have waited longest, as many as each instance may take."""
    taken = Counter(around.going_on)
    chosen = []
    for candidate in sorted(candidates, key=lambda one: (one.waits_since, one.unikernel)):
        if taken[candidate.instance] < around.at_once and obstacle(candidate, around) is None:
            taken[candidate.instance] += 1
            chosen.append(candidate)
    return chosen


def _in_general(candidate: Candidate) -> Obstacle | None:
    if not candidate.newer:
        return Obstacle.NOTHING_NEWER
    if candidate.tried:
        return Obstacle.TRIED
    if candidate.suspect:
        return Obstacle.SUSPECT
    if candidate.frozen:
        return Obstacle.FROZEN
    if not candidate.runs:
        return Obstacle.NOT_RUNNING
    return None if candidate.online else Obstacle.OFFLINE


def _now(candidate: Candidate, around: Around) -> Obstacle | None:
    if candidate.window is None:
        return Obstacle.NO_WINDOW
    opened = opened_at(candidate.window, around.now)
    if opened is None:
        return Obstacle.CLOSED
    if _since(around.mishaps.get(candidate.team), opened):
        return Obstacle.STOPPED
    if _since(candidate.refused_at, opened):
        return Obstacle.REFUSED
    return Obstacle.BUSY if candidate.busy else None


def _since(happened: datetime | None, opened: datetime) -> bool:
    return happened is not None and happened >= opened
