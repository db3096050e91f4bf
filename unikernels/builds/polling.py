"""Looking for newer builds of what runs: a round asks one builder what is due there.

Due is a digest that was never judged, or not for ``POLL_SECONDS`` (unknown ones: ``UNKNOWN_AGAIN``). With it
all others of its job are judged, which costs nothing more: one request for the lines of a job, one for its
newest build on a platform, and one for each digest whose job is not known. What a build is like never changes
and comes from our own rows.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from unikernels.builds import answers, status
from unikernels.builds.client import Client
from unikernels.builds.edge import new_client
from unikernels.builds.errors import BuilderError, NoSuccessfulBuild, NotThere, Unreachable, Unverifiable
from unikernels.builds.rows import described, looked_up, sentence, solo5_of
from unikernels.builds.standings import Origin, managed, settle
from unikernels.builds.status import Judgement, Newest, judge
from unikernels.builds.web import Limits
from unikernels.models import Build, Builder, Image, Standing, Unikernel

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

ROUND_SECONDS = 60  # after them the rest is left to the next round: others need the worker
LAST_REQUESTS = 30  # seconds more for what is under way then
LEASE = timedelta(seconds=150)  # nobody else asks this builder meanwhile
PAUSE = timedelta(seconds=15)  # between two rounds: so soon what is newly deployed is looked up
UNKNOWN_AGAIN = timedelta(hours=6)  # bytes that no build has hardly ever get one
FORGET_AFTER = timedelta(days=7)  # standings of what runs nowhere any more
FIRST_RETRY = 30  # seconds, doubled with each failed round up to POLL_SECONDS
TROUBLES_IN_A_ROW = 3  # after which a builder is left alone: it is not one job
BATCH = 200  # rows written or looked up in one statement
REMOVED = "The builder has removed the build that runs; what it said of it is kept here."
LIMITS = Limits(read=10, total=15, turn=15)


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Question:
    """A digest to judge; *job* spares a request, *deployed* is the uuid of the build it was taken from."""

    digest: str
    job: str | None
    deployed: str | None


@dataclass(slots=True)
class Round:
    """What a round knows: the rows of builds, and what images were built for."""

    builder: Builder
    client: Client
    rows: dict[str, int] = field(default_factory=dict)  # uuid -> id
    images: dict[str, answers.Solo5 | None] = field(default_factory=dict)  # digest -> notes
    kept: dict[str, answers.Build] = field(default_factory=dict)  # digest -> the newest build we know of
    troubles: list[str] = field(default_factory=list)
    judged: int = 0


def due_builders(now: datetime) -> list[int]:
    """The ids of builders that may be asked, and that have something to be asked for."""
    return [builder.pk for builder in Builder.objects.filter(_free(now)) if _due(builder, now).exists()]


def poll(pk: int) -> None:
    """Ask a builder what is due, unless somebody does or it is to be left alone; tell the unikernels."""
    now = timezone.now()
    lease = now + LEASE
    if not Builder.objects.filter(_free(now), pk=pk).update(retry_at=lease):
        return
    builder = Builder.objects.get(pk=pk)
    try:
        done = _round(builder, now)
    except BuilderError as error:  # its address, or its certificate
        _fail(builder, lease, sentence(error))
        return
    settle()
    if done.troubles:
        _fail(builder, lease, done.troubles[0], answered=bool(done.judged))
    else:
        _succeed(builder, lease, now)


def _free(now: datetime) -> Q:
    return Q(retry_at=None) | Q(retry_at__lte=now)


# --- what is asked -------------------------------------------------------------------------------


def _running(builder: Builder) -> QuerySet[WithAnnotations[Unikernel, Origin]]:
    """What a builder is asked about: what it built, and what was taken from no builder."""
    return managed().filter(Q(origin=None) | Q(origin=builder.pk)).exclude(digest="")


def _due(builder: Builder, now: datetime) -> QuerySet[WithAnnotations[Unikernel, Origin]]:
    unknown = Q(standing=status.Standing.UNKNOWN)
    recent = (unknown & Q(judged_at__gt=now - UNKNOWN_AGAIN)) | (
        ~unknown & Q(judged_at__gt=now - timedelta(seconds=settings.POLL_SECONDS))
    )
    return _running(builder).exclude(
        Exists(Standing.objects.filter(recent, builder=builder, digest=OuterRef("digest")))
    )


def _questions(builder: Builder, now: datetime) -> list[Question]:
    """What is due, with all else that comes for nothing; jobs together, in an order that favours none."""
    due = set(_due(builder, now).order_by().values_list("digest", flat=True).distinct())
    places = _places(builder)
    jobs = {places[digest][0] for digest in due if digest in places}
    asked = due | {digest for digest, (job, _) in places.items() if job in jobs}
    running = set(_running(builder).order_by().values_list("digest", flat=True).distinct())
    groups: dict[str, list[Question]] = {}
    for digest in asked & running:
        job, deployed = places.get(digest, (None, None))
        groups.setdefault(job or digest, []).append(Question(digest, job, deployed))
    order = list(groups.values())
    random.shuffle(order)
    return [question for group in order for question in group]


def _places(builder: Builder) -> dict[str, tuple[str, str | None]]:
    """Digest -> its job, and the uuid of the newest build that a running version was taken from."""
    found = Standing.objects.filter(builder=builder, found__isnull=False)
    places: dict[str, tuple[str, str | None]] = {
        digest: (job, None) for digest, job in found.values_list("digest", "found__job").iterator()
    }
    taken = managed().filter(origin=builder.pk).order_by("current__build__started_at")
    for digest, job, uuid in taken.values_list(
        "digest", "current__build__job", "current__build__uuid"
    ).distinct():
        places[digest] = (job, uuid)
    return places


# --- a round -------------------------------------------------------------------------------------


def _round(builder: Builder, now: datetime) -> Round:
    until = time.monotonic() + ROUND_SECONDS
    done = Round(builder, new_client(builder, LIMITS, ROUND_SECONDS + LAST_REQUESTS))
    questions = _questions(builder, now)
    _remember(done, questions)
    for batch in _batches(_judged(done, questions, until)):
        Standing.objects.bulk_create(
            batch,
            update_conflicts=True,
            unique_fields=["builder", "digest"],
            update_fields=["standing", "reasons", "found", "newest", "judged_at"],
        )
    return done


def _judged(done: Round, questions: Iterable[Question], until: float) -> Iterator[Standing]:
    """The standings that could be found out; a job in trouble is left, and a server after some of them."""
    broken: set[str] = set()
    in_a_row = 0
    for question in questions:
        if question.job in broken:
            continue
        if time.monotonic() > until:
            return
        try:
            yield _standing(done, question)
        except BuilderError as error:
            done.troubles.append(f"{question.job or question.digest[:8]}: {sentence(error)}")
            broken |= {question.job} if question.job else set()
            in_a_row += 1
            if isinstance(error, Unreachable) or in_a_row == TROUBLES_IN_A_ROW:
                return
        else:
            done.judged += 1
            in_a_row = 0


def _standing(done: Round, question: Question) -> Standing:
    judgement, found = _judge(done, question)
    return Standing(
        builder=done.builder,
        digest=question.digest,
        standing=judgement.standing,
        reasons=list(judgement.reasons),
        found_id=_row(done, found),
        newest_id=_row(done, judgement.newest),
        judged_at=timezone.now(),
    )


def _judge(done: Round, question: Question) -> tuple[Judgement, answers.Build | None]:
    """The standing, and the build that runs."""
    found = _found(done.client, question)
    if found is None and (kept := done.kept.get(question.digest)):
        judgement = _beside_newest(done, question, kept)
        if judgement.standing.newer:  # old builds are removed, and need newer ones most
            return replace(judgement, reasons=(*judgement.reasons, REMOVED)), kept
    return _beside_newest(done, question, found), found


def _beside_newest(done: Round, question: Question, found: answers.Build | None) -> Judgement:
    return judge(
        digest=question.digest,
        found=found,
        newest=_newest(done.client, found) if found else None,
        running=done.images.get(question.digest),
        deployed=question.deployed,
    )


def _found(client: Client, question: Question) -> answers.Build | None:
    if not answers.DIGEST.fullmatch(question.digest):
        return None  # BHyve machines report a text
    try:
        return client.by_digest(question.digest, job=question.job)
    except NotThere:
        return None


def _newest(client: Client, found: answers.Build) -> Newest | None:
    try:
        build = client.latest(found.job, found.platform)
    except NoSuccessfulBuild:
        return None
    try:
        return Newest(build, client.digest_of(build))
    except Unverifiable:
        return Newest(build, None)


def _row(done: Round, build: answers.Build | None) -> int | None:
    if build is None:
        return None
    if build.uuid not in done.rows:
        done.rows[build.uuid] = looked_up(done.builder, done.client, build).pk
    return done.rows[build.uuid]


def _remember(done: Round, questions: list[Question]) -> None:
    """What our rows know of the builds and images that the questions are about."""
    for part in _batches(question.digest for question in questions):
        here = Standing.objects.filter(builder=done.builder, digest__in=part)
        builds = Build.objects.filter(
            Q(digest__in=part) | Q(pk__in=here.values("newest")), builder=done.builder
        )
        for row in builds:
            done.rows[row.uuid] = row.pk
            known = described(row)
            done.client.remember(known, row.digest)
            if row.digest not in done.kept or known.started > done.kept[row.digest].started:
                done.kept[row.digest] = known
        for image in Image.objects.filter(digest__in=part):
            done.images[image.digest] = solo5_of(image)


def _batches(things: Iterable[_T]) -> Iterator[list[_T]]:
    left = iter(things)
    while batch := list(islice(left, BATCH)):
        yield batch


# --- how it ended --------------------------------------------------------------------------------


def _succeed(builder: Builder, lease: datetime, began: datetime) -> None:
    now = timezone.now()
    facts = {"failures": 0, "trouble_text": "", "seen_at": now, "retry_at": now + PAUSE}
    Builder.objects.filter(pk=builder.pk, retry_at=lease).update(**facts)
    Standing.objects.filter(builder=builder, judged_at__lt=began - FORGET_AFTER).delete()


def _fail(builder: Builder, lease: datetime, text: str, *, answered: bool = False) -> None:
    now = timezone.now()
    pause = min(FIRST_RETRY * 2 ** min(builder.failures, 20), settings.POLL_SECONDS)
    facts = {
        "failures": builder.failures + 1,
        "trouble_text": text,
        "retry_at": now + timedelta(seconds=pause),
    }
    seen = {"seen_at": now} if answered else {}
    Builder.objects.filter(pk=builder.pk, retry_at=lease).update(**facts, **seen)
