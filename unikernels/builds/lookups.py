"""Answering, in a worker, what people want to know of builders.

One worker at a time asks one builder, and goes on with whatever is asked meanwhile: however slow a builder is and
however many questions wait for it, the other workers are free for operations.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Min, Q
from django.utils import timezone
from redis.exceptions import LockError

from unikernels.builds.answers import Solo5
from unikernels.builds.compare import Side
from unikernels.builds.edge import client_for
from unikernels.builds.errors import BuilderError, NotThere
from unikernels.builds.packing import pack_changes, pack_solo5
from unikernels.builds.rows import looked_up, row_of, sentence, solo5_of
from unikernels.models import Build, Builder, Image, Lookup
from unikernels.redis import connection

MOST_BUILDS = 20  # newest of a job that are listed; each that is new here costs a request
TURN = 150  # seconds after which others may ask, when a worker died: longer than any answer takes
KEPT_FOR = timedelta(days=30)  # answers that nobody asked for since

PENDING = Q(answered_at=None) | Q(answered_at__lt=F("asked_at"))


def answer_in_turn(pk: int) -> None:
    """Answer a question, and all others that wait for the same builder, unless somebody does already."""
    builder = Lookup.objects.filter(pk=pk).values_list("builder", flat=True).first()
    while builder is not None and _waiting(builder):
        turn = connection().lock(f"builds:asking:{builder}", timeout=TURN)
        if not turn.acquire(blocking=False):
            return  # who has the turn looks again after it
        try:
            while question := _waiting(builder):
                answer(*question)
                turn.reacquire()
        except LockError:
            return  # it took so long that others have the turn by now
        finally:
            with suppress(LockError):  # as above
                turn.release()


def _waiting(builder: int) -> tuple[int, datetime] | None:
    waiting = Lookup.objects.filter(PENDING, builder=builder).order_by("asked_at")
    return waiting.values_list("pk", "asked_at").first()


def answer(pk: int, asked_at: datetime) -> None:
    """Ask the builder what was asked at *asked_at*, unless somebody has claimed that question."""
    claimed_at = max(timezone.now(), asked_at)
    question = Lookup.objects.filter(PENDING, pk=pk, asked_at=asked_at)
    if not question.update(asked_at=claimed_at):
        return
    lookup = Lookup.objects.select_related("builder").get(pk=pk)
    told: dict[str, Any] = {"trouble_text": "Something is wrong here, not at the builder: it is in the log."}
    try:
        data = _ANSWERS[Lookup.What(lookup.what)](lookup.builder, lookup.key)
        told = {"data": data, "trouble_text": ""}
        Builder.objects.filter(pk=lookup.builder_id).update(seen_at=timezone.now())
    except BuilderError as error:
        told = {"trouble_text": sentence(error)}
    finally:  # a question that breaks us must not be asked for ever
        Lookup.objects.filter(pk=pk).update(answered_at=max(timezone.now(), claimed_at), **told)


def lost(before: datetime) -> list[int]:
    """One question for each builder that has some of before *before*: wake-ups may be lost, workers die."""
    waiting = Lookup.objects.filter(PENDING, asked_at__lt=before).order_by()
    return list(waiting.values("builder").annotate(one=Min("pk")).values_list("one", flat=True))


def forget_old() -> None:
    """Forget what nobody asked for since long."""
    Lookup.objects.filter(~Q(PENDING), asked_at__lt=timezone.now() - KEPT_FOR).delete()


def _jobs(builder: Builder, _key: str) -> list[dict[str, str]]:
    jobs = client_for(builder).jobs(fresh=True)
    return [{"name": job.name, "section": job.section, "synopsis": job.synopsis} for job in jobs]


def _builds(builder: Builder, job: str) -> list[dict[str, Any]]:
    """Newest first; a build that vanished meanwhile is left out."""
    client = client_for(builder)
    rows = []
    for line in [line for line in client.job_builds(job, fresh=True) if line.binary][:MOST_BUILDS]:
        try:
            row = row_of(builder, line.uuid) or looked_up(builder, client, client.build(job, line.uuid))
        except NotThere:
            continue
        rows.append(row)
    return [_told(row) for row in sorted(rows, key=lambda row: row.started_at, reverse=True)]


def _told(row: Build) -> dict[str, Any]:
    return {
        "uuid": row.uuid,
        "platform": row.platform,
        "started_at": row.started_at.isoformat(),
        "digest": row.digest,
        "size": row.size,
        "target": row.target,
        "abi_version": row.abi_version,
        "devices": row.devices,
    }


def _changes(builder: Builder, key: str) -> dict[str, Any]:
    """What ``services.changes_from`` reads: the changes, and what both images were built for."""
    old, new = key.split("/")
    changes = client_for(builder).compare(old, new)
    return {
        "changes": pack_changes(changes),
        "old": pack_solo5(_notes(builder, changes.old)),
        "new": pack_solo5(_notes(builder, changes.new)),
    }


def _notes(builder: Builder, side: Side) -> Solo5 | None:
    """From the image itself, if it is here; else as the builder tells it."""
    row = row_of(builder, side.uuid)
    if row is None:
        return client_for(builder).build(side.job, side.uuid).solo5
    return solo5_of(Image.objects.filter(digest=row.digest).first() or row)


_ANSWERS: dict[Lookup.What, Callable[[Builder, str], Any]] = {
    Lookup.What.JOBS: _jobs,
    Lookup.What.BUILDS: _builds,
    Lookup.What.CHANGES: _changes,
}
