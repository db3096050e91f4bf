"""Operations: all of them, and one with its steps, its events and what the console said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HTMX_STOP_POLLING

from accounts.confirm import Confirm
from accounts.models import Event, Role
from mollymawk.errors import ApplicationError
from mollymawk.rest.pages import NEWEST_FIRST
from unikernels.access import operation_of, operations_of
from unikernels.blocks.files import transfer_files
from unikernels.blocks.machine import KEEP, VERIFY
from unikernels.models import CheckResult, Operation
from unikernels.operations import services
from unikernels.operations.facts import Memo
from unikernels.operations.machine import TRANSFERS, Kind, State
from unikernels.operations.plan import FAILING_CHECKS, NEW_ABI, NO_WAY_BACK
from unikernels.operations.story import Verdict, steps_of, verdict
from unikernels.pages.block_words import WORDS, cancel_means, transfer
from unikernels.pages.lists import listed
from unikernels.pages.request import PageRequest, page, refused, say
from unikernels.pages.same import same
from unikernels.pages.standing import WayBack, way_back_of
from unikernels.pages.words import happening

MAX_RESULTS = 40  # of checks: the last rounds are what counts
MAX_EVENTS = 500  # an operation of an hour that was retried each few seconds has about 300

SHOWN = {"": "All", "running": "Under way", "bad": "Did not succeed"}


@page
@require_GET
def operations(request: PageRequest) -> HttpResponse:
    """All operations, newest first."""
    found = request.frame.of_team(operations_of(request.actor))
    shown = request.GET.get("show", "")
    if shown == "running":
        found = found.filter(finished_at=None)
    if shown == "bad":
        found = found.filter(finished_at__isnull=False).exclude(state="succeeded")
    context = {
        "section": "operations",
        "list": listed(request, found, NEWEST_FIRST, _line),
        "shown": shown,
        "filters": SHOWN,
        "same": same("GET", "/operations/", command="operations"),
    }
    return render(request, "operations.html", context)


def _line(operation: Operation) -> tuple[Operation, Verdict, timedelta]:
    return operation, verdict(operation), _lasted(operation)


def _lasted(operation: Operation) -> timedelta:
    return (operation.finished_at or timezone.now()) - operation.created_at


@page
@require_GET
def operation(request: PageRequest, pk: int) -> HttpResponse:
    """One operation. A poll stops with the answer that shows its end."""
    thing = operation_of(request.actor, pk)
    ended = thing.finished_at is not None
    found = Event.objects.filter(operation=thing.pk).order_by("id")
    events = list(found[:MAX_EVENTS])
    may_change = request.actor.role_in(thing.team) in {Role.DEPLOYER, Role.OWNER}
    context = {
        "section": "operations",
        "operation": thing,
        "ended": ended,
        "verdict": verdict(thing),
        "steps": steps_of(thing),
        "events": [happening(event) for event in events],
        "console": thing.memo.get("console", []),
        "progress": progress_of(thing),
        "results": _results(thing, events),
        "way_back": _way_back(thing) if ended else None,
        "transfer": transfer(thing) if thing.kind in TRANSFERS else None,
        "files": transfer_files(thing) if thing.kind in TRANSFERS else [],
        "can_change": may_change,
        "lasted": _lasted(thing),
        "accepted": _accepted(thing),
        "can_cancel": not ended and thing.cancel_asked_at is None and may_change,
        "confirm": cancel_question(thing),
        "same": same("GET", f"/operations/{pk}/", command=f"operations {pk}"),
    }
    if not request.htmx:
        return render(request, "operation.html", context)
    return render(request, "operation.html#live", context, status=HTMX_STOP_POLLING if ended else 200)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is, in bytes; ``size`` 0: the builder does not tell how much it is."""

    fetched: int
    size: int


def progress_of(operation: Operation) -> Progress | None:
    """The download that an operation is busy with."""
    memo = Memo.from_json(operation.memo)
    if operation.state != State.FETCH or not memo.fetched:
        return None
    return Progress(memo.fetched, memo.fetch_size or 0)


_ACCEPTED = {
    NO_WAY_BACK: "no way back",
    NEW_ABI: "an ABI that was not seen to run there",
    FAILING_CHECKS: "checks that failed before",
    KEEP: "the old content is kept first",
    VERIFY: "it is read again and compared",
}


def _accepted(operation: Operation) -> list[str]:
    """What a person said yes to, or asked for of a transfer. Nobody is asked anything before a rollback."""
    if operation.kind == Kind.ROLLBACK:
        return []
    return [_ACCEPTED.get(code, code) for code in operation.accepted]


def _results(operation: Operation, events: list[Event]) -> list[tuple[CheckResult, bool]]:
    """What the checks found on its behalf, newest first, and whether that was before anything was sent."""
    sent = next((event.at for event in events if event.now == State.OBSERVE), None)
    found = operation.results.select_related("check_row").order_by("-at", "-id")[:MAX_RESULTS]
    return [(result, sent is None or result.at < sent) for result in found]


def _way_back(operation: Operation) -> WayBack | None:
    """The rollback window, if this is what opened it."""
    if operation.unikernel is None:
        return None
    found = way_back_of(operation.unikernel)
    return found if found and found.window.operation_id == operation.pk else None


_CANCEL = (
    "Before the image is sent nothing is touched. Once it was sent the unikernel goes back to what ran,"
    " if there is something to go back to."
)


def cancel_question(thing: Operation) -> Confirm:
    """The question before a cancel, with what it means at this moment."""
    moving = thing.kind in TRANSFERS
    return Confirm(
        id="ask-cancel",
        question=f"Cancel this {WORDS[Kind(thing.kind)] if moving else thing.kind}?",
        text=cancel_means(thing) if moving else _CANCEL,
        button="Cancel it",
        action=reverse("pages:operation-cancel", args=[thing.pk]),
        back=reverse("pages:operation", args=[thing.pk]),
        tone="danger",
        stay="Let it go on",
    )


@page
@require_http_methods(["GET", "POST"])
def cancel(request: PageRequest, pk: int) -> HttpResponse:
    """Ask, then cancel."""
    thing = operation_of(request.actor, pk, Role.DEPLOYER)
    here = reverse("pages:operation", args=[pk])
    if request.method == "GET":
        return render(request, "confirm.html", {"section": "operations", "confirm": cancel_question(thing)})
    try:
        services.cancel(actor=request.actor, operation=thing)
    except ApplicationError as error:
        return refused(request, error, here)
    say(request, "Cancel is asked for.")
    return HttpResponseRedirect(here)
