"""Which versions keep their bytes, and how much space a team uses.

Bytes are let go, never versions: what was asked for stays on record. A version keeps its bytes while

* it is one of the newest ``VERSIONS_KEPT`` of its unikernel, or of the newest that ever ran: many
  failed tries in a row do not push out the last one that worked;
* it is younger than ``VERSION_DAYS_KEPT`` days;
* somebody may need it now: what runs, what an open window or an unfinished operation goes back to.

Only versions are looked at, each beside those of its own unikernel, so nothing is taken from another
team: shared bytes leave the store when nobody has them any more (``services.sweep``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.models import Team
from unikernels.events import record_of
from unikernels.models import Image, Operation, RollbackWindow, TeamImage, Unikernel, Version


@dataclass(frozen=True, slots=True)
class Held:
    """A version with bytes; ``since``: when it was first seen to run, or was made."""

    pk: int
    number: int
    ran: bool
    since: datetime


def surplus(versions: Collection[Held], *, kept: int, before: datetime) -> list[Held]:
    """Those of one unikernel's *versions* whose bytes may go, as far as their number and age tell.

    *kept* of the newest stay, and whatever is not older than *before*.
    """
    newest = sorted(versions, key=lambda version: version.number, reverse=True)
    stay = {version.pk for version in newest[:kept]}
    stay |= {version.pk for version in [version for version in newest if version.ran][:kept]}
    return [version for version in newest if version.pk not in stay and version.since < before]


def prune(now: datetime | None = None) -> int:
    """Let go of the bytes that no rule keeps; the number of versions. Called each hour."""
    before = (now or timezone.now()) - timedelta(days=settings.VERSION_DAYS_KEPT)
    crowded = Unikernel.objects.annotate(
        held=Count("versions", filter=Q(versions__image__isnull=False))
    ).filter(held__gt=settings.VERSIONS_KEPT)
    gone = 0
    for unikernel in crowded.select_related("team", "instance"):
        chosen = surplus(_held(unikernel), kept=settings.VERSIONS_KEPT, before=before)
        gone += _let_go(unikernel, chosen)
    return gone


def space_of(team: Team) -> int:
    """Bytes of the images that *team* has, each once: its uploads and what its versions hold."""
    uploaded = TeamImage.objects.filter(team=team, image=OuterRef("pk"))
    held = Version.objects.filter(unikernel__team=team, image=OuterRef("pk"))
    images = Image.objects.filter(Exists(uploaded) | Exists(held))
    return sum(images.values_list("size", flat=True))


def space_by_unikernel(team: Team) -> dict[int, int]:
    """Bytes that the versions of each unikernel (key) of *team* hold, each image once.

    What several hold is counted for each, and uploads that nothing runs for none: the sum is not
    ``space_of``.
    """
    rows = Version.objects.filter(unikernel__team=team, image__isnull=False)
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for unikernel, image, size in rows.values_list("unikernel", "image", "image__size"):
        if image is not None:
            found[unikernel][image] = size
    return {unikernel: sum(sizes.values()) for unikernel, sizes in found.items()}


def _held(unikernel: Unikernel) -> list[Held]:
    rows = unikernel.versions.filter(image__isnull=False).annotate(since=Coalesce("ran_at", "created_at"))
    return [
        Held(pk, number, ran_at is not None, since)
        for pk, number, ran_at, since in rows.values_list("pk", "number", "ran_at", "since")
    ]


def _let_go(unikernel: Unikernel, chosen: Collection[Held]) -> int:
    """Take the bytes from the *chosen* versions, unless one is needed at the moment of writing."""
    now = timezone.now()
    with transaction.atomic():
        gone = [
            version.number
            for version in chosen
            if _unpinned(Version.objects.filter(pk=version.pk)).update(image=None, pruned_at=now)
        ]
        if gone:
            record_of(
                unikernel,
                actor=SYSTEM,
                kind="unikernel.pruned",
                reason=f"Versions {', '.join(map(str, sorted(gone)))}: no rule keeps them any longer.",
                data={"versions": sorted(gone)},
            )
    return len(gone)


def _unpinned(versions: QuerySet[Version]) -> QuerySet[Version]:
    """Without what runs, and what is being put in place or could be put back at this moment."""
    this = OuterRef("pk")
    unfinished = Operation.objects.filter(finished_at=None)
    return versions.exclude(
        Exists(Unikernel.objects.filter(current=this))
        | Exists(RollbackWindow.objects.filter(to=this))
        | Exists(unfinished.filter(target=this))
        | Exists(unfinished.filter(fallback=this))
    )
