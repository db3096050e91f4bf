"""Making the chain longer, and letting go of what was kept long enough."""

from __future__ import annotations

import itertools
import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actors import SYSTEM, Actor
from accounts.audit.chain import FACTS, GENESIS, LINK_EVENTS, digest, link_hash, pack, unpack
from accounts.audit.models import Link
from accounts.audit.settled import settled
from accounts.events import record
from accounts.models import Event

PRUNED = "audit.pruned"
AT_ONCE = 20  # links whose events go in one transaction: others want to write, too

log = logging.getLogger(__name__)


def extend() -> int:
    """Put every settled event into the chain; how many were not in it yet.

    Several may do this at the same time: the number of a link is there once, and who comes second
    stops. Nothing that writes events waits for it.
    """
    upto, done = settled(), 0
    while added := _extend_once(upto):
        done += added
    return done


def head() -> Link | None:
    """The newest link, without its leaves."""
    return Link.objects.defer("leaves").order_by("-number").first()


def _extend_once(upto: int) -> int:
    before = head()
    begin, number, previous = (before.last, before.number, before.hash) if before else (0, 0, GENESIS)
    rows = list(Event.objects.filter(id__gt=begin, id__lte=upto).order_by("id").values(*FACTS)[:LINK_EVENTS])
    if not rows:
        return 0
    last, newest_at = rows[-1]["id"], max(row["at"] for row in rows)
    leaves = pack([(row["id"], digest(row)) for row in rows])
    link = Link(number=number + 1, last=last, newest_at=newest_at, leaves=leaves, previous=previous)
    link.hash = link_hash(
        previous=previous, number=link.number, last=last, newest_at=newest_at, leaves=leaves
    )
    return len(rows) if _added(link) else 0


def _added(link: Link) -> bool:
    try:
        with transaction.atomic():
            link.save(force_insert=True)
    except IntegrityError:
        return False  # somebody else was quicker, with the same events
    # Whoever collects logs elsewhere has an anchor that nobody here can change.
    log.info("audit: link %s, events up to %d", link, link.last)
    return True


def prune(*, actor: Actor = SYSTEM) -> int:
    """Let go of events older than ``AUDIT_DAYS``, whole links from the oldest on; how many events.

    The last link that went stays as the anchor, without its leaves, and an event tells its hash.
    """
    before, done = timezone.now() - timedelta(days=settings.AUDIT_DAYS), 0
    while links := _old_links(before):
        gone = _prune(actor, links)
        if not gone:
            break  # somebody else does it
        done += gone
    return done


def _old_links(before: datetime) -> list[Link]:
    """The oldest links, as far as all of their events are older than *before*."""
    oldest = Link.objects.filter(pruned_at=None).order_by("number")[:AT_ONCE]
    return list(itertools.takewhile(lambda link: link.newest_at < before, oldest))


@transaction.atomic
def _prune(actor: Actor, links: list[Link]) -> int:
    anchor, count = links[-1], sum(len(unpack(bytes(link.leaves))) for link in links)
    theirs = Link.objects.filter(number__in=[link.number for link in links], pruned_at=None)
    if theirs.update(pruned_at=timezone.now(), leaves=b"") != len(links):
        transaction.set_rollback(True)
        return 0
    Link.objects.filter(number__lt=anchor.number).delete()
    # Not through the manager of events, which lets nobody delete any; the database lets these go, see guards.
    QuerySet(Event).filter(id__lte=anchor.last).delete()
    record(
        actor=actor,
        kind=PRUNED,
        subject="system",
        reason=f"{count} events until {anchor.newest_at:%Y-%m-%d %H:%M} UTC were kept long enough.",
        data={"number": anchor.number, "hash": anchor.hash, "last": anchor.last, "events": count},
    )
    return count
