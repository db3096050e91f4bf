"""Rows of the unikernel table, read with as little as possible: the table is looked at all the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from albatross.models import STALE_AFTER
from unikernels.builds.status import Standing
from unikernels.models import Check, Operation, Unikernel
from unikernels.pages.words import Badge, state_badge
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

CHECK_DOWN = Exists(Check.objects.filter(unikernel=OuterRef("pk"), state=Check.State.DOWN))
# What needs a person; the same everywhere a list can be narrowed to problems.
PROBLEMS = (
    Q(state=Unikernel.Presence.MISSING)
    | Q(unstable=True)
    | Q(changed_outside=True)
    | Q(starts__looping_since__isnull=False, state=Unikernel.Presence.RUNNING)
    | Q(CHECK_DOWN, state=Unikernel.Presence.RUNNING)
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
    unfinished = Operation.objects.filter(unikernel=OuterRef("pk"), finished_at=None)
    found = unikernels.annotate(
        under_way=Subquery(unfinished.values("kind")[:1]), check_down=CHECK_DOWN
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
    """Those that need a person."""
    return unikernels.filter(PROBLEMS)


def with_update(unikernels: QuerySet[Unikernel]) -> QuerySet[Unikernel]:
    """Those that run and of which a newer build is there."""
    return unikernels.filter(state=Unikernel.Presence.RUNNING, standing__in=UPDATES)


def under_way(unikernels: QuerySet[Unikernel]) -> QuerySet[Unikernel]:
    """Those about which something is being done."""
    return unikernels.filter(Exists(Operation.objects.filter(unikernel=OuterRef("pk"), finished_at=None)))


def count_words(rows: Sequence[Row]) -> str:
    """``18 unikernels on 3 instances``."""
    instances = len({row.instance for row in rows})
    return f"{plural(len(rows), 'unikernel')} on {plural(instances, 'instance')}"


def plural(number: int, word: str) -> str:
    """``1 unikernel``, ``2 unikernels``."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
