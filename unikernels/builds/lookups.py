"""Answering, in a worker, what people want to know of builders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from unikernels.builds.answers import Solo5
from unikernels.builds.compare import Side
from unikernels.builds.edge import client_for
from unikernels.builds.errors import BuilderError, NotThere
from unikernels.builds.packing import pack_changes, pack_solo5
from unikernels.builds.rows import looked_up, row_of, solo5_of
from unikernels.models import Build, Builder, Image, Lookup

MOST_BUILDS = 20  # newest of a job that are listed; each that is new here costs a request
MOST_LOST = 50  # questions woken at once
KEPT_FOR = timedelta(days=30)  # answers that nobody asked for since

PENDING = Q(answered_at=None) | Q(answered_at__lt=F("asked_at"))


def answer(pk: int, asked_at: datetime) -> None:
    """Ask the builder what was asked at *asked_at*, unless somebody has claimed that question."""
    claimed_at = timezone.now()
    question = Lookup.objects.filter(PENDING, pk=pk, asked_at=asked_at)
    if not question.update(asked_at=claimed_at):
        return
    lookup = Lookup.objects.select_related("builder").get(pk=pk)
    try:
        told: dict[str, Any] = {
            "data": _ANSWERS[Lookup.What(lookup.what)](lookup.builder, lookup.key),
            "trouble_text": "",
        }
        Builder.objects.filter(pk=lookup.builder_id).update(seen_at=timezone.now())
    except BuilderError as error:
        told = {"trouble_text": str(error)}
    Lookup.objects.filter(pk=pk).update(answered_at=timezone.now(), **told)


def lost(before: datetime) -> list[tuple[int, datetime]]:
    """Questions asked before *before* that nobody answered: their wake-up, or who had it, was lost."""
    waiting = Lookup.objects.filter(PENDING, asked_at__lt=before).order_by("asked_at")
    return list(waiting.values_list("pk", "asked_at")[:MOST_LOST])


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
