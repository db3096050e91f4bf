"""One letter a day and person: newer builds of unikernels that are set to tell, each build once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from accounts.actors import SYSTEM
from accounts.events import record
from accounts.mail.services import letter_write
from accounts.mail.topics import Topic
from accounts.models import Event, User
from unikernels.builds.status import Standing
from unikernels.letters.words import letter, link_to, moment, place_of
from unikernels.models import Unikernel

HOUR = 9  # UTC: before or at the beginning of a working day where most of our readers are
MOST = 2_000  # unikernels a digest; the rest is told the next day
SHOWN = 50  # of them in one letter; the list has them all
KIND, SUBJECT = "mail.digest", "mail:digest"

_NEWER = [standing.value for standing in Standing if standing.newer]


def digest_due(now: datetime) -> bool:
    """Whether the digest of this day (09:00 UTC to 09:00) was not made yet."""
    return not Event.objects.filter(subject=SUBJECT, kind=KIND, at__gte=_since(now)).exists()


def digest_make() -> int:
    """Write the letters of the day, remember what they tell, in one transaction; how many letters."""
    with transaction.atomic():
        news = [unikernel for unikernel in _news() if _claimed(unikernel)]
        letters = sum(_write(user, told) for user, told in _by_reader(news).items())
        record(actor=SYSTEM, kind=KIND, subject=SUBJECT, data={"letters": letters, "unikernels": len(news)})
    return letters


def _since(now: datetime) -> datetime:
    today = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


def _news() -> Iterable[Unikernel]:
    wanting = Unikernel.objects.filter(
        update_mode=Unikernel.UpdateMode.TELL,
        state=Unikernel.Presence.RUNNING,
        team__isnull=False,
        newest__isnull=False,
        standing__in=_NEWER,
    )
    untold = wanting.filter(Q(told=None) | ~Q(told=F("newest")))
    return untold.select_related("instance", "newest").order_by("path", "name", "pk")[:MOST]


def _claimed(unikernel: Unikernel) -> bool:
    """Whether it falls to us to tell it; two digests at once do not tell the same."""
    mine = Unikernel.objects.filter(pk=unikernel.pk, told=unikernel.told_id, newest=unikernel.newest_id)
    return mine.update(told=unikernel.newest_id) == 1


def _by_reader(news: Iterable[Unikernel]) -> Mapping[User, Sequence[Unikernel]]:
    of_team: dict[int | None, list[Unikernel]] = defaultdict(list)
    for unikernel in news:
        of_team[unikernel.team_id].append(unikernel)
    readers = User.objects.filter(memberships__team__in=of_team).annotate(team=F("memberships__team"))
    found: dict[User, list[Unikernel]] = defaultdict(list)
    for reader in readers.order_by("pk", "memberships__team__name"):
        found[reader] += of_team[reader.team]
    return found


def _write(user: User, told: Sequence[Unikernel]) -> int:
    count = "1 update is" if len(told) == 1 else f"{len(told)} updates are"
    return letter_write(users=[user], topic=Topic.UPDATES, subject=f"{count} available", text=text_of(told))


def text_of(told: Sequence[Unikernel]) -> str:
    """Each unikernel with what it can be upgraded to and its page."""
    more = len(told) - SHOWN
    return letter(
        "Newer builds of what runs:",
        *(_told(unikernel) for unikernel in told[:SHOWN]),
        f"And {more} more." if more > 0 else "",
        "Running: all of them, as before\nTo do:   read what changed on the page of each, then upgrade.",
        link_to("unikernels"),
    )


def _told(unikernel: Unikernel) -> str:
    build = unikernel.newest
    what = f"{build.job}, built {moment(build.started_at)}" if build else ""
    also = "\n  It needs another configuration." if unikernel.standing == Standing.RECONFIGURE else ""
    return f"{place_of(unikernel)}: {what}{also}\n  {link_to('unikernel', unikernel.pk)}"
