"""All unikernels, one unikernel, and the buttons on its page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRefresh

from accounts.actors import Actor
from accounts.confirm import Confirm
from accounts.models import Event, Role
from mollymawk.errors import ApplicationError
from mollymawk.rest.pages import BY_NAME
from unikernels.access import instances_of, operations_of, unikernel_of, unikernels_of
from unikernels.arguments import masked, may_read_arguments
from unikernels.inventory.observed import observed_of
from unikernels.inventory.services import adopt, dismiss
from unikernels.models import Operation, Unikernel
from unikernels.operations import services
from unikernels.operations.machine import TERMINAL
from unikernels.operations.story import Step, Verdict, steps_of, verdict
from unikernels.pages.care import care_of
from unikernels.pages.lists import listed
from unikernels.pages.request import PageRequest, page, refused, say
from unikernels.pages.rows import row, rows_of, under_way, with_trouble, with_update
from unikernels.pages.same import Same, same
from unikernels.pages.spark import with_sparks
from unikernels.pages.standing import beside_of, newer_of, way_back_of
from unikernels.pages.statistics import used_by
from unikernels.pages.words import happening

MAX_VERSIONS = 20  # the newest; older ones are history
MAX_EVENTS = 50
MAX_OPERATIONS = 10
# The steps of an operation are told on its own page.
ON_THE_WAY = Q(kind="operation.state") & ~Q(now__in=TERMINAL)
MAX_SEARCH = 63  # a name is not longer

STATES = {
    "": "Any state",
    "running": "Running",
    "stopped": "Stopped",
    "missing": "Missing",
    "problems": "Problems",
    "update": "Update available",
    "under-way": "Under way",
}


# --- the list ----------------------------------------------------------------------------------------


@page
@require_GET
def unikernels(request: PageRequest) -> HttpResponse:
    """The list, searched and narrowed, a page at a time."""
    asked = {name: request.GET.get(name, "")[:MAX_SEARCH] for name in ("q", "instance", "state")}
    found = _narrowed(request, asked)
    found_rows = listed(request, rows_of(found), BY_NAME, row)
    context = {
        "section": "unikernels",
        "list": replace(found_rows, items=with_sparks(found_rows.items)),
        "asked": asked,
        "narrowed": any(asked.values()),
        "states": STATES,
        "instances": instances_of(request.actor).order_by("name"),
        "same": same("GET", "/unikernels/", command="unikernels"),
    }
    return render(request, "unikernels.html#list" if request.htmx else "unikernels.html", context)


def _narrowed(request: PageRequest, asked: dict[str, str]) -> QuerySet[Unikernel]:
    found = request.frame.of_team(unikernels_of(request.actor))
    if asked["q"]:
        found = found.filter(name__icontains=asked["q"].lower())
    if asked["instance"]:
        found = found.filter(instance__name=asked["instance"])
    if asked["state"] in Unikernel.Presence.values:
        found = found.filter(state=asked["state"])
    if asked["state"] == "problems":
        found = with_trouble(found)
    if asked["state"] == "update":
        found = with_update(found)
    if asked["state"] == "under-way":
        found = under_way(found)
    return found


# --- one unikernel -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Current:
    """The operation that is under way, or the last one."""

    operation: Operation
    steps: list[Step]
    verdict: Verdict

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.operation.finished_at is not None


@page
@require_GET
def unikernel(request: PageRequest, pk: int) -> HttpResponse:
    """One unikernel. A poll that saw the end of an operation (``?operation=``) reloads the page."""
    thing = unikernel_of(request.actor, pk)
    last = operations_of(request.actor).filter(unikernel=thing).first()
    current = Current(last, steps_of(last), verdict(last)) if last else None
    watched = request.GET.get("operation")
    if (
        request.htmx
        and watched
        and (current is None or current.ended or str(current.operation.pk) != watched)
    ):
        return HttpResponseClientRefresh()
    context = _facts(request, thing, current)
    if request.htmx:
        return render(request, "unikernel.html#live", context)
    return render(request, "unikernel.html", context | _history(request, thing) | care_of(request, thing))


def _facts(request: PageRequest, thing: Unikernel, current: Current | None) -> dict[str, Any]:
    values = rows_of(Unikernel.objects.filter(pk=thing.pk)).get()
    actor = request.actor
    busy = current is not None and not current.ended
    return {
        "section": "unikernels",
        "unikernel": thing,
        "row": row(values),
        "can_change": _can_change(actor, thing),
        "newer": None if busy else newer_of(thing),
        "beside": beside_of(thing),
        "way_back": None if busy else way_back_of(thing),
        "current": current,
        "show_current": current and (not current.ended or current.verdict.tone != "ok"),
        "can_dismiss": thing.state == Unikernel.Presence.MISSING and _deploys(actor, thing),
        "arguments": _arguments(actor, thing),
        "masked": not may_read_arguments(actor, thing.team),
    }


def _can_change(actor: Actor, thing: Unikernel) -> bool:
    """Whether it runs as a version of ours, and this actor may put another in its place."""
    ours = thing.current is not None and not thing.changed_outside
    return _deploys(actor, thing) and ours and thing.state == Unikernel.Presence.RUNNING


def _deploys(actor: Actor, thing: Unikernel) -> bool:
    """Whether this actor may do anything to it at all."""
    return thing.team is not None and actor.role_in(thing.team) in {Role.DEPLOYER, Role.OWNER}


def _arguments(actor: Actor, thing: Unikernel) -> list[str]:
    info = observed_of(thing)
    given = list(info.arguments or ()) if info else []
    return given if may_read_arguments(actor, thing.team) else masked(given)


def _history(request: PageRequest, thing: Unikernel) -> dict[str, Any]:
    """What stands below, and what can be pressed: not part of a poll."""
    deployer = _deploys(request.actor, thing)
    runs = thing.state == Unikernel.Presence.RUNNING
    events = Event.objects.filter(subject=f"unikernel:{thing.pk}").exclude(ON_THE_WAY)
    can_change = _can_change(request.actor, thing)
    can_destroy = deployer and (runs or thing.started is not None)
    versions = thing.versions.select_related("created_by", "image", "build__builder")
    operations = operations_of(request.actor).filter(unikernel=thing)
    return {
        "used": used_by(request, thing),
        "runs": runs or thing.started is not None,
        "can_destroy": can_destroy,
        "can_adopt": deployer and runs and not can_change,
        "can_deploy": deployer and not runs,
        "versions": list(versions[:MAX_VERSIONS]),
        "operations": [(operation, verdict(operation)) for operation in operations[:MAX_OPERATIONS]],
        "events": [happening(event) for event in events[:MAX_EVENTS]],
        "dialogs": [restart_question(thing)] * can_change + [destroy_question(thing)] * can_destroy,
        "same": _same(thing, deployer=deployer),
    }


def _same(thing: Unikernel, *, deployer: bool) -> Same:
    """What one most likely wants to do from elsewhere: go back while that is possible, or restart."""
    if not deployer:
        return same("GET", f"/unikernels/{thing.pk}/")
    return same_rollback(thing) if way_back_of(thing) else same_restart(thing)


# --- buttons -----------------------------------------------------------------------------------------


def restart_question(thing: Unikernel) -> Confirm:
    """The question before a restart."""
    return Confirm(
        id="ask-restart",
        question=f"Restart {thing.name}?",
        text=f"It is ended on {thing.instance.name} and started again as it is. Connections to it break.",
        button="Restart",
        action=reverse("pages:restart", args=[thing.pk]),
        back=reverse("pages:unikernel", args=[thing.pk]),
    )


def destroy_question(thing: Unikernel) -> Confirm:
    """The question before a destroy."""
    return Confirm(
        id="ask-destroy",
        question=f"Destroy {thing.name}?",
        text=f"It is ended on {thing.instance.name}. Its versions and block devices are kept, so it can be deployed again.",
        button="Destroy",
        action=reverse("pages:destroy", args=[thing.pk]),
        back=reverse("pages:unikernel", args=[thing.pk]),
        tone="danger",
    )


def same_rollback(thing: Unikernel) -> Same:
    """Going back from elsewhere."""
    return same(
        "POST",
        f"/unikernels/{thing.pk}/rollback/",
        body={},
        command=f"rollback {thing.name} --team {thing.team} --instance {thing.instance}",
        step=f"Roll {thing.name} back",
    )


def same_restart(thing: Unikernel) -> Same:
    """A restart from elsewhere."""
    return same(
        "POST",
        f"/unikernels/{thing.pk}/restart/",
        body={},
        command=f"restart {thing.name} --team {thing.team} --instance {thing.instance}",
        step=f"Restart {thing.name}",
    )


@page
@require_http_methods(["GET", "POST"])
def restart(request: PageRequest, pk: int) -> HttpResponse:
    """Ask, then restart."""
    thing = unikernel_of(request.actor, pk, Role.DEPLOYER)
    if request.method == "GET":
        return render(request, "confirm.html", {"section": "unikernels", "confirm": restart_question(thing)})
    try:
        services.restart(actor=request.actor, unikernel=thing)
    except ApplicationError as error:
        return refused(request, error, _page_of(thing))
    return HttpResponseRedirect(_page_of(thing))


@page
@require_http_methods(["GET", "POST"])
def destroy(request: PageRequest, pk: int) -> HttpResponse:
    """Ask, then destroy."""
    thing = unikernel_of(request.actor, pk, Role.DEPLOYER)
    if request.method == "GET":
        return render(request, "confirm.html", {"section": "unikernels", "confirm": destroy_question(thing)})
    try:
        services.destroy(actor=request.actor, unikernel=thing)
    except ApplicationError as error:
        return refused(request, error, _page_of(thing))
    return HttpResponseRedirect(_page_of(thing))


@page
@require_http_methods(["POST"])
def adopt_it(request: PageRequest, pk: int) -> HttpResponse:
    """Take over what runs, as a version that can be gone back to."""
    thing = unikernel_of(request.actor, pk)
    try:
        adopt(actor=request.actor, unikernel=thing)
    except ApplicationError as error:
        return refused(request, error, _page_of(thing))
    say(request, f"{thing.name} is adopted: what runs is its newest version.")
    return HttpResponseRedirect(_page_of(thing))


@page
@require_http_methods(["POST"])
def dismiss_it(request: PageRequest, pk: int) -> HttpResponse:
    """What is missing may stay gone. One press, without a question: nothing is lost by it."""
    thing = unikernel_of(request.actor, pk)
    try:
        dismiss(actor=request.actor, unikernel=thing)
    except ApplicationError as error:
        return refused(request, error, _page_of(thing))
    say(request, f"{thing.name} is dismissed: it counts as stopped.")
    return HttpResponseRedirect(_page_of(thing))


def _page_of(thing: Unikernel) -> str:
    return reverse("pages:unikernel", args=[thing.pk])
