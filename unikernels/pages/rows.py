"""Rows of the unikernel table, read with as little as possible: the table is looked at all the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, When
from django.utils import timezone

from albatross.models import STALE_AFTER
from unikernels.builds.status import Standing
from unikernels.models import Check, Operation, Unikernel
from unikernels.pages.words import Badge, state_badge
from unikernels.statistics.models import Starts
from unikernels.templatetags.house import megabytes, short, since

_COLUMNS = (
    "id",
    "name",
    "path",
    "state",
    "unstable",
    "changed_outside",
    "digest",
    "started",
    "observed",
    "team_id",
    "team__name",
    "instance_id",
    "instance__name",
    "instance__seen_at",
    "current__number",
    "current__digest",
    "standing",
    "under_way",
    "check_down",
    "starts__looping_since",
)

# Beside its builder, when there is something newer (``builds.status``), and the words for it.
UPDATES = {Standing.UPDATE: "update", Standing.RECONFIGURE: "update, configure"}

UNFINISHED = Operation.objects.filter(unikernel=OuterRef("pk"), finished_at=None)
CHECK_DOWN = Exists(Check.objects.filter(unikernel=OuterRef("pk"), state=Check.State.DOWN))
# Few are like that however many there are: these are looked up once, not for each row.
_DOWN = Check.objects.filter(state=Check.State.DOWN).values("unikernel")
_LOOPING = Starts.objects.filter(looping_since__isnull=False).values("unikernel")
_BUSY = Operation.objects.filter(finished_at=None, unikernel__isnull=False).values("unikernel")

RUNNING = Q(state=Unikernel.Presence.RUNNING)
UPDATABLE = RUNNING & Q(standing__in=UPDATES)
LOOPING = RUNNING & Q(pk__in=_LOOPING)
# What needs a person: what ``state_badge`` calls bad or a warning, in the words of the database.
PROBLEMS = (
    Q(state=Unikernel.Presence.MISSING)
    | Q(unstable=True)
    | Q(changed_outside=True)
    | LOOPING
    | (RUNNING & Q(pk__in=_DOWN))
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, in the words that are shown. ``digest`` is what runs, or what ran last."""

    pk: int
    number: str
    name: str
    badge: Badge
    digest: str
    version: str
    instance: str
    team: str | None
    memory: str
    up: str
    stale: bool
    update: str
    place: int
    spark: str = ""

    def __getitem__(self, name: str) -> Any:
        """What a template asks for first: without it each look-up costs an exception."""
        try:
            return getattr(self, name)
        except AttributeError as error:
            raise KeyError(name) from error

    @property
    def needs_somebody(self) -> bool:
        """Whether it is a problem that a person has to look at."""
        return self.badge.tone in {"bad", "warn"}


def rows_of(unikernels: QuerySet[Unikernel]) -> QuerySet[Unikernel, dict[str, Any]]:
    """What ``row`` needs of *unikernels*, in one query."""
    found = unikernels.annotate(
        under_way=Subquery(UNFINISHED.values("kind")[:1]), check_down=CHECK_DOWN
    ).values(*_COLUMNS)
    return cast("QuerySet[Unikernel, dict[str, Any]]", found)


def row(values: dict[str, Any]) -> Row:
    """One line from one row of ``rows_of``."""
    seen_at = values["instance__seen_at"]
    stale = seen_at is None or timezone.now() - seen_at > STALE_AFTER
    badge = state_badge(
        state=values["state"],
        unstable=values["unstable"],
        changed_outside=values["changed_outside"],
        under_way=values["under_way"],
        seen_at=seen_at,
        stale=stale,
        ran=values["current__number"] is not None,
        check_down=values["check_down"],
        looping=values["starts__looping_since"] is not None,
    )
    digest = values["digest"] or values["current__digest"]
    memory = values["observed"].get("memory")
    started = started_at(values["started"])
    return Row(
        pk=values["id"],
        number=str(values["id"]),
        name=values["name"],
        badge=badge,
        digest=short(digest) if digest else "",
        version=f"v{values['current__number']}" if values["current__number"] else "",
        instance=values["instance__name"],
        team=values["team__name"],
        memory=megabytes(memory) if memory else "",
        up=since(started) if started else "",
        stale=stale,
        update=UPDATES.get(values["standing"], "") if started else "",
        place=values["instance_id"],
    )


def started_at(milliseconds: int | None) -> datetime | None:
    """The instance's clock when it was started; for showing only."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def with_trouble(unikernels: QuerySet[Unikernel]) -> QuerySet[Unikernel]:
    """Those that need a person: nothing is being done about them, and what is known of them is not old."""
    fresh = timezone.now() - STALE_AFTER
    old = RUNNING & (Q(instance__seen_at=None) | Q(instance__seen_at__lt=fresh))
    return unikernels.filter(PROBLEMS).exclude(old).exclude(pk__in=_BUSY)


def loops_first(unikernels: QuerySet[Unikernel]) -> QuerySet[Unikernel]:
    """In the order of names, what is in a crash loop before all else."""
    return unikernels.order_by(Case(When(LOOPING, then=0), default=1), "name", "id")


def with_update(unikernels: QuerySet[Unikernel]) -> QuerySet[Unikernel]:
    """Those that run and of which a newer build is there."""
    return unikernels.filter(UPDATABLE)


def under_way(unikernels: QuerySet[Unikernel]) -> QuerySet[Unikernel]:
    """Those about which something is being done."""
    return unikernels.filter(pk__in=_BUSY)


def plural(number: int, word: str) -> str:
    """``1 unikernel``, ``2 unikernels``."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
