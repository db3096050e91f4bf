"""Telling the unikernels how what they run stands, from what the polling has found out.

A standing belongs to bytes at a builder. A unikernel shows that of the builder its version came from; else the
first builder's (by name) that has its bytes. Told again whenever a unikernel runs something else than before.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from django.db import transaction
from django.db.models import Case, F, QuerySet, When

from unikernels.builds import status
from unikernels.models import Build, Standing, Unikernel
from unikernels.webhooks.kinds import Kind
from unikernels.webhooks.telling import update_available, wanting

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

# The builder that the running bytes were taken from, if they were; a version that was replaced outside tells nothing.
ORIGIN = Case(When(current__digest=F("digest"), then=F("current__build__builder")))


class Told(NamedTuple):
    """What stands in the row of a unikernel; ``newest`` is the id of a build."""

    standing: str
    newest: int | None


NOT_ASKED = Told("", None)


class _Here(NamedTuple):
    builder: int
    told: Told


class Origin(TypedDict):
    """What ``managed`` adds."""

    origin: int | None


def managed() -> QuerySet[WithAnnotations[Unikernel, Origin]]:
    """Those that belong to a team, with the builder of what they run as ``origin``."""
    return Unikernel.objects.filter(team__isnull=False).annotate(origin=ORIGIN)


def settle() -> int:
    """Make every unikernel tell what its digest's standing is; the number of updates that took.

    One update for each digest (and origin) that is told otherwise, however many unikernels run it.
    """
    known = _known()
    shown = managed().order_by().values_list("digest", "origin", "standing", "newest_id").distinct()
    wrong = {
        (digest, origin): wanted
        for digest, origin, *told in shown.iterator()
        if (wanted := _choice(known.get(digest, []), origin)) != tuple(told)
    }
    teams = {hook.team_id for hook in wanting(Kind.UPDATE_AVAILABLE)} if wrong else set()
    for (digest, origin), wanted in wrong.items():
        same = managed().filter(digest=digest, origin=origin)
        if teams:
            _tell(same.filter(team__in=teams), wanted)
        same.update(standing=wanted.standing, newest=wanted.newest)
    return len(wrong)


def _tell(same: QuerySet[WithAnnotations[Unikernel, Origin]], wanted: Told) -> None:
    """Tell webhooks of a build that is newer than what *same* run: once, also when it was put in place and
    taken back. A program that answers by upgrading would go round and round.
    """
    if wanted.newest is None or not status.Standing(wanted.standing).newer:
        return
    build = Build.objects.select_related("builder").get(pk=wanted.newest)
    for unikernel in same.exclude(announced=build).select_related("instance", "team"):
        with transaction.atomic():
            mine = Unikernel.objects.filter(pk=unikernel.pk).exclude(announced=build)
            if mine.update(announced=build):
                update_available(unikernel, wanted.standing, build)


def _known() -> dict[str, list[_Here]]:
    """Digest -> what each builder says of it, builders by name."""
    found: dict[str, list[_Here]] = defaultdict(list)
    rows = Standing.objects.order_by("builder__name")
    for digest, builder, standing, newest in rows.values_list(
        "digest", "builder_id", "standing", "newest_id"
    ).iterator():
        found[digest].append(_Here(builder, Told(standing, newest)))
    return found


def _choice(listed: list[_Here], origin: int | None) -> Told:
    own = [here.told for here in listed if here.builder == origin]
    knowing = [here.told for here in listed if here.told.standing != status.Standing.UNKNOWN]
    return next(iter([*own, *knowing, *(here.told for here in listed)]), NOT_ASKED)
