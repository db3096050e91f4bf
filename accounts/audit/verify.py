"""Whether the log is what was written: the chain against itself, then every event against the chain.

What this cannot see alone: a chain that somebody who may write everything made anew from some point
on, or cut off at its end. For that a head that was noted elsewhere is held against it (*anchors*).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Max

from accounts.audit.chain import FACTS, GENESIS, LEAF, digest, link_hash, unpack
from accounts.audit.models import Link
from accounts.audit.services import PRUNED
from accounts.models import Event, Team, User
from albatross.models import Instance
from mollymawk.snapshot import snapshot

MAX_FLAWS = 100  # told; the first is what counts
LOWEST = -(2**63)  # of numbers: nobody hides below 1
_REFERENCES = ("actor_id", "team_id", "instance_id")


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it was: an event, or the chain itself (``event`` None)."""

    link: int
    event: int | None
    text: str


@dataclass(slots=True)
class Report:
    """What was looked at, and what is wrong with it. ``head`` is ``number:hash``, to be noted elsewhere."""

    links: int = 0
    events: int = 0
    waiting: int = 0  # events that are in no link yet
    head: str = ""
    flaws: list[Flaw] = field(default_factory=list)

    def add(self, link: int, event: int | None, text: str) -> None:
        """Note a flaw, unless there are so many that nobody reads on."""
        if len(self.flaws) < MAX_FLAWS:
            self.flaws.append(Flaw(link, event, text))


def verify(*, since: datetime | None = None, anchors: Mapping[int, str] | None = None) -> Report:
    """Look at every link, and at the events of those from the first on that has newer ones than *since*.

    *anchors*: hashes of links by their number, as noted elsewhere before.
    """
    report, noted = Report(), dict(anchors or {})
    with snapshot():
        events, before = _Events(since), None
        for link in Link.objects.order_by("number").iterator(chunk_size=20):
            _look_at(link, before, report)
            if (wanted := noted.pop(link.number, link.hash)) != link.hash:
                report.add(link.number, None, f"the hash noted elsewhere is another one: {wanted}")
            if not link.pruned_at and link.last > events.after:
                _look_into(link, events, report)
            before = link
            report.links, report.head = report.links + 1, str(link)
        report.waiting = Event.objects.filter(id__gt=before.last if before else 0).count()
    for number, wanted in noted.items():
        report.add(number, None, f"a link noted elsewhere is not there: {wanted}")
    return report


# --- a link --------------------------------------------------------------------------------------


def _look_at(link: Link, before: Link | None, report: Report) -> None:
    """Whether *link* continues *before*, and is as it was made."""
    previous, number = (before.hash, before.number + 1) if before else (GENESIS, 1)
    if link.pruned_at and before is None:
        return _look_at_anchor(link, report)
    if link.number != number:
        report.add(number, None, f"links are missing before link {link.number}")
    elif link.previous != previous:
        report.add(link.number, None, "the link does not continue the one before it")
    if link.hash != _hash_of(link):
        report.add(link.number, None, "the link is not as it was made")
    return None


def _look_at_anchor(link: Link, report: Report) -> None:
    """Where the chain begins after pruning: an event tells of it, and nothing is left of what went."""
    told = Event.objects.filter(kind=PRUNED, data__number=link.number, data__hash=link.hash)
    if not told.exists():
        report.add(
            link.number, None, "the events up to here are gone, and no event tells that they were pruned"
        )
    for pk in Event.objects.filter(id__lte=link.last).order_by("id").values_list("id", flat=True)[:MAX_FLAWS]:
        report.add(link.number, pk, "stands among events that were pruned")


def _hash_of(link: Link) -> str:
    return link_hash(
        previous=link.previous,
        number=link.number,
        last=link.last,
        newest_at=link.newest_at,
        leaves=bytes(link.leaves),
    )


# --- its events ----------------------------------------------------------------------------------


def _look_into(link: Link, events: _Events, report: Report) -> None:
    """Whether the events of *link* are as they were."""
    leaves = bytes(link.leaves)
    told = unpack(leaves) if len(leaves) % LEAF == 0 else {}
    flaws: list[tuple[int, str]] = []
    for row in events.upto(link.last):
        report.events += 1
        expected = told.pop(row["id"], None)
        if expected is None:
            flaws.append((row["id"], "was inserted"))
        elif expected != digest(row):
            flaws.append((row["id"], "was changed"))
        else:
            flaws += [(row["id"], text) for text in events.strangers(row)]
    flaws += [(pk, "is missing") for pk in told]
    for pk, text in sorted(flaws):
        report.add(link.number, pk, text)


class _Events:
    """All events after those of the links that are not looked into, read once and in order."""

    def __init__(self, since: datetime | None) -> None:
        self.after = _last_before(since)
        rows = Event.objects.filter(id__gt=self.after).order_by("id").values(*FACTS, *_REFERENCES)
        self._rows = rows.iterator()
        self._next: dict[str, Any] | None = None
        # To tell a reference that somebody cut from one that went with its row.
        self._there: dict[str, set[int]] = {
            "user": set(User.objects.values_list("pk", flat=True)),
            "team": set(Team.objects.values_list("pk", flat=True)),
            "instance": set(Instance.objects.values_list("pk", flat=True)),
        }

    def upto(self, last: int) -> Iterator[dict[str, Any]]:
        """The next ones, up to number *last*."""
        self._next = self._next or next(self._rows, None)
        while self._next and self._next["id"] <= last:
            yield self._next
            self._next = next(self._rows, None)

    def strangers(self, row: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the references of an event."""
        parties = dict(part.split(":") for part in row["parties"].split())
        for name, reference in zip(self._there, _REFERENCES, strict=True):
            was, now = int(parties.get(name, 0)), row[reference] or 0
            if now != was and (now or was in self._there[name]):
                yield f"refers to {name}:{now}, not to {name}:{was}"


def _last_before(since: datetime | None) -> int:
    """The last event of the links that hold nothing since *since*, or were pruned."""
    old = Link.objects.filter(pruned_at__isnull=False)
    if since is not None:
        old |= Link.objects.filter(newest_at__lt=since)
    return old.aggregate(last=Max("last"))["last"] or LOWEST
