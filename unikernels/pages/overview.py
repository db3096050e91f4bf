"""The first page: problems, then what is under way, then what runs, then what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.services import accounts_waiting
from albatross.models import Instance
from unikernels.access import instances_of, operations_of, quotas_of, unikernels_of
from unikernels.events import dismissed_since
from unikernels.models import Operation, Unikernel
from unikernels.operations.machine import Kind, State
from unikernels.operations.story import steps_of, verdict
from unikernels.pages.request import PageRequest, page
from unikernels.pages.rows import (
    LOOPING,
    UPDATABLE,
    Row,
    loops_first,
    plural,
    row,
    rows_of,
    with_trouble,
    with_update,
)
from unikernels.pages.same import same
from unikernels.pages.shares import shares_of
from unikernels.pages.spark import with_sparks
from unikernels.pages.words import CRASH_LOOP
from unikernels.templatetags.house import span, words

MAX_ROWS = 100  # more are on the page of all unikernels
MAX_NOTICES = 8  # whoever has more problems starts with these
MAX_UNDER_WAY = 10
MAX_OPERATIONS = MAX_UNDER_WAY + MAX_NOTICES + 1
MAX_SHARES = 6
RECENT = timedelta(days=1)
_OF_INSTANCES = ("name", "status", "seen_at", "trouble_text")
# How the table can be narrowed, by the word in the address; the list of all knows them by another.
ONLY: dict[str, Callable[[QuerySet[Unikernel]], QuerySet[Unikernel]]] = {
    "": lambda unikernels: unikernels,
    "problems": with_trouble,
    "updates": with_update,
}
IN_THE_LIST = {"": "", "problems": "problems", "updates": "update"}
BAD_ENDS = (State.FAILED, State.ROLLED_BACK, State.ABORTED)


@dataclass(frozen=True, slots=True)
class Notice:
    """One problem: its subject, a sentence, one link, perhaps a button that posts to ``retry``."""

    tone: str
    subject: str
    text: str
    href: str
    link: str
    retry: str = ""
    reason: str = ""


@page
@require_GET
def overview(request: PageRequest) -> HttpResponse:
    """Everything at a glance; the live part alone for a poll. However much there is, it costs the same."""
    unikernels = request.frame.of_team(unikernels_of(request.actor))
    under_way, ended_badly = _operations(request)
    instances = list(instances_of(request.actor).only(*_OF_INSTANCES))
    counts = _counts(unikernels)
    asked = request.GET.get("only", "")
    only = asked if asked in ONLY else ""
    narrowed = ONLY[only](unikernels)
    rows = [row(values) for values in rows_of(narrowed).order_by("name", "id")[:MAX_ROWS]]
    context = {
        "section": "overview",
        "summary": _summary(counts, instances),
        "under_way": [
            (operation, steps_of(operation), verdict(operation)) for operation in under_way[:MAX_UNDER_WAY]
        ],
        "rows": with_sparks(rows),
        "counts": counts,
        "more_rows": counts[only or "all"] - len(rows),
        "only": only,
        "state": IN_THE_LIST[only],
        "instances": instances,
        "examples": settings.EXAMPLE_IMAGES,
    } | _notices(request, unikernels, instances, ended_badly)
    if request.htmx:
        return render(request, "overview.html#live", context)
    return render(request, "overview.html", context | _below(request))


def _counts(unikernels: QuerySet[Unikernel]) -> dict[str, int]:
    """How many there are of each that the table can show, and on how many instances."""
    counted: dict[str, int] = unikernels.aggregate(
        all=Count("pk"), places=Count("instance", distinct=True), updates=Count("pk", filter=UPDATABLE)
    )
    return counted | {"problems": with_trouble(unikernels).count()}


def _operations(request: PageRequest) -> tuple[list[Operation], list[Operation]]:
    """Those under way, and those of the last day that ended badly, or were begun because something did, and
    were not made up for since, nor dismissed.
    """
    same_thing = Q(unikernel=OuterRef("unikernel")) | Q(block=OuterRef("block"))
    later = Operation.objects.filter(same_thing, pk__gt=OuterRef("pk"), finished_at__isnull=False)
    bad = Q(state__in=BAD_ENDS) | (Q(kind=Kind.ROLLBACK, state=State.SUCCEEDED) & ~Q(cause=""))
    ended_badly = ~Exists(later) & ~dismissed_since() & bad & Q(finished_at__gt=timezone.now() - RECENT)
    found = request.frame.of_team(operations_of(request.actor)).filter(Q(finished_at=None) | ended_badly)
    shown = found.select_related(None).select_related("unikernel__instance", "instance", "target", "fallback")
    rows = list(shown.order_by(F("finished_at").desc(nulls_first=True), "-id")[:MAX_OPERATIONS])
    under_way = [operation for operation in rows if operation.finished_at is None]
    if len(rows) < MAX_OPERATIONS and request.frame.team is None:
        request.frame.running = len(under_way)  # all of them: they need not be counted again
    return under_way, [operation for operation in rows if operation.finished_at]


def _below(request: PageRequest) -> dict[str, Any]:
    """What does not change while one looks."""
    quotas = request.frame.of_team(quotas_of(request.actor)).order_by("instance__name", "team__name")
    return {
        "shares": shares_of(quotas[:MAX_SHARES]),
        "same": same("GET", "/unikernels/", command="unikernels"),
    }


def _summary(counts: dict[str, int], instances: list[Instance]) -> str:
    # An instance that is silent has a notice of its own; the others tell how old this page is.
    words = f"{plural(counts['all'], 'unikernel')} on {plural(counts['places'], 'instance')}"
    seen = [place.seen_at for place in instances if place.seen_at and not place.stale]
    if not seen:
        return words
    return f"{words} · facts {span((timezone.now() - min(seen)).total_seconds())} old"


# --- problems ----------------------------------------------------------------------------------------


def _notices(
    request: PageRequest,
    unikernels: QuerySet[Unikernel],
    instances: list[Instance],
    ended_badly: list[Operation],
) -> dict[str, Any]:
    """Crash loops, silent instances, how changes ended, then what else is wrong: one notice for each thing."""
    told = [operation.unikernel_id for operation in ended_badly]
    wrong = with_trouble(unikernels).exclude(Q(pk__in=told) & ~LOOPING)
    lines = [row(values) for values in rows_of(loops_first(wrong))[: MAX_NOTICES + 1]]
    loops = {line.pk for line in lines if line.badge == CRASH_LOOP}
    told_in_order = chain(
        _waiting(request),
        (_of_row(line) for line in lines if line.pk in loops),
        _instance_notices(request, instances),
        (_of_operation(operation) for operation in ended_badly if operation.unikernel_id not in loops),
        (_of_row(line) for line in lines if line.pk not in loops),
    )
    notices = list(islice(told_in_order, MAX_NOTICES + 1))
    return {"notices": notices[:MAX_NOTICES], "more_notices": len(notices) > MAX_NOTICES}


def _waiting(request: PageRequest) -> Iterator[Notice]:
    """Whoever registered and waits for a superuser: only superusers are told."""
    number = accounts_waiting().count() if request.actor.all_powerful else 0
    if number:
        yield Notice(
            tone="warn",
            subject=plural(number, "account"),
            text=f"{'waits' if number == 1 else 'wait'} to be let in: choose, then “Let in”.",
            href=f"{reverse('admin:accounts_user_changelist')}?is_active__exact=0",
            link="Users",
        )


def _instance_notices(request: PageRequest, instances: list[Instance]) -> Iterator[Notice]:
    for instance in instances:
        if instance.status != Instance.Status.DEGRADED and not instance.stale:
            continue
        degraded = instance.status == Instance.Status.DEGRADED
        yield Notice(
            tone="warn",
            subject=instance.name,
            text=_silence(instance),
            reason=instance.trouble_text if degraded else "",
            href=reverse("pages:instance", args=[instance.name]),
            link="Error log" if degraded else "Open",
            retry=reverse("pages:instance-retry", args=[instance.name]) if request.actor.all_powerful else "",
        )


def _silence(instance: Instance) -> str:
    if instance.seen_at is None:
        return "has never been reached. Nothing is known of what runs there."
    quiet = span((timezone.now() - instance.seen_at).total_seconds())
    if instance.status == Instance.Status.DEGRADED:
        return f"has not answered for {quiet}. Its unikernels are shown as last seen."
    return f"has not been asked for {quiet}: no watcher runs. Its unikernels are shown as last seen."


def _of_operation(operation: Operation) -> Notice:
    judged = verdict(operation)
    by_itself = operation.state == State.SUCCEEDED  # went back by itself, or it would be no problem
    ended = span((timezone.now() - (operation.finished_at or timezone.now())).total_seconds())
    return Notice(
        tone="bad" if judged.tone == "bad" or by_itself else "warn",
        subject=operation.label,
        text=f"on {operation.on.name}: {words(operation.kind)} {ended} ago.",
        reason=f"{operation.cause} {judged.sentence}" if by_itself else judged.sentence,
        href=reverse("pages:operation", args=[operation.pk]),
        link="See what happened",
    )


_SEEN = {
    "missing": "is missing: it is gone, and nobody here stopped it.",
    "deploy failed": "has never run: its deploy failed.",
    "unstable": "is unstable: its last change failed.",
    "crash loop": "is in a crash loop: it ends and is started again and again.",
    "check down": "does not answer as it should: one of its checks is down.",
    "changed outside": "was changed outside: what runs is not what was asked for here.",
}


def _of_row(line: Row) -> Notice:
    return Notice(
        tone=line.badge.tone,
        subject=line.name,
        text=f"on {line.instance} {_SEEN[line.badge.word]}",
        href=reverse("pages:unikernel", args=[line.pk]),
        link="Open",
    )
