"""Checks: the card on the unikernel's page, one check with its history, the forms."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts.confirm import Confirm
from accounts.models import Role
from mollymawk.errors import ApplicationError, Forbidden, Missing
from mollymawk.rest.pages import NEWEST_FIRST
from unikernels.access import unikernel_of
from unikernels.checks.resolving import reach_of
from unikernels.checks.services import (
    MAX_CHECKS,
    Found,
    check_add,
    check_change,
    check_of,
    check_remove,
    check_try,
    history,
    results_of,
    told_of,
    uptime,
)
from unikernels.checks.standing import ASKED
from unikernels.models import Check, CheckResult, Unikernel
from unikernels.pages.care_same import same_add, same_change, same_check
from unikernels.pages.check_forms import FORMS, CheckForm
from unikernels.pages.check_rows import badge_of, check_rows, outcome_badge, percent, period
from unikernels.pages.lists import listed
from unikernels.pages.managed import managed_of
from unikernels.pages.request import PageRequest, page, refused, say
from unikernels.pages.same import Same
from unikernels.pages.strip import line_of, strip_of
from unikernels.templatetags.house import latency

IN_HISTORY = 120  # results in the strip of the page of a check
MAX_PERIODS = 50  # ups and downs; older ones stand in the events
EVERY = 60  # seconds, unless said otherwise
DAYS = 7  # that are told and drawn
KINDS = {"http": "HTTP", "dns": "DNS", "tcp": "TCP"}


# --- looking -----------------------------------------------------------------------------------------


@page
@require_GET
def checks(request: PageRequest, pk: int) -> HttpResponse:
    """The card alone, for a poll; by itself it is a part of the unikernel's page."""
    thing = unikernel_of(request.actor, pk)
    if not request.htmx:
        return HttpResponseRedirect(f"{_page_of(thing)}#checks")
    return render(request, "components/checks.html", checks_card(request, thing))


def checks_card(request: PageRequest, thing: Unikernel) -> dict[str, Any]:
    """What the card needs."""
    rows = check_rows(thing)
    return {
        "unikernel": thing,
        "checks": rows,
        "can_check": thing.team is not None
        and request.actor.role_in(thing.team) in {Role.DEPLOYER, Role.OWNER},
        "room": len(rows) < MAX_CHECKS,
        "kinds": KINDS,
    }


@page
@require_GET
def check(request: PageRequest, pk: int, check_pk: int) -> HttpResponse:
    """One check: how it stands, its ups and downs, its latest results."""
    thing, found = _both(request, pk, check_pk, Role.VIEWER)
    latest = list(results_of(found)[:IN_HISTORY])
    spans = history(found, MAX_PERIODS)
    context = {
        "section": "unikernels",
        "unikernel": thing,
        "check": found,
        "kind": KINDS[found.kind],
        "asks": told_of(found),
        "badge": badge_of(found, runs=thing.state in ASKED),
        "runs": thing.state == Unikernel.Presence.RUNNING,
        "latest": latest[0] if latest else None,
        "strip": strip_of(latest),
        "uptimes": [(days, percent(uptime(found, days))) for days in (1, DAYS)],
        "line": line_of(spans, timezone.now(), DAYS),
        "periods": [period(one) for one in spans],
        "list": listed(request, results_of(found), NEWEST_FIRST, _result),
        "can_check": request.actor.role_in(thing.team) in {Role.DEPLOYER, Role.OWNER},
        "confirm": _remove_question(thing, found),
        "same": same_check(thing, found),
    }
    return render(request, "check.html", context)


def _result(result: CheckResult) -> dict[str, Any]:
    """One line of the table of results."""
    return {
        "at": result.at,
        "badge": outcome_badge(result.outcome),
        "latency": latency(result.latency),
        "text": result.text,
        "operation": result.operation_id,
    }


def _both(request: PageRequest, pk: int, check_pk: int, role: Role) -> tuple[Unikernel, Check]:
    """The unikernel and one of its checks."""
    found = check_of(request.actor, check_pk, role)
    if found.unikernel_id != pk:
        raise Missing("There is no such check of this unikernel.")
    return found.unikernel, found


def _page_of(thing: Unikernel) -> str:
    return reverse("pages:unikernel", args=[thing.pk])


# --- changing ----------------------------------------------------------------------------------------


@page
@require_http_methods(["GET", "POST"])
def add(request: PageRequest, pk: int, kind: str) -> HttpResponse:
    """A new check of one kind."""
    thing = managed_of(request.actor, pk)
    if kind not in FORMS:
        raise Missing("There is no such kind of check.")
    form = FORMS[kind](request.POST if request.method == "POST" else None, unikernel=thing)

    def save() -> Check:
        data = form.cleaned_data
        return check_add(
            actor=request.actor,
            unikernel=thing,
            name=data["called"],
            kind=kind,
            settings=form.stored(),
            seconds=data["seconds"],
        )

    return _answer(request, thing, form, save, None)


@page
@require_http_methods(["GET", "POST"])
def edit(request: PageRequest, pk: int, check_pk: int) -> HttpResponse:
    """Change a check; its kind stays."""
    thing, found = _both(request, pk, check_pk, Role.DEPLOYER)
    form = FORMS[found.kind](request.POST if request.method == "POST" else None, unikernel=thing, check=found)

    def save() -> Check:
        data = form.cleaned_data
        return check_change(
            actor=request.actor,
            check=found,
            name=data["called"],
            settings=form.stored(),
            seconds=data["seconds"],
        )

    return _answer(request, thing, form, save, found)


def _answer(
    request: PageRequest, thing: Unikernel, form: CheckForm, save: Any, found: Check | None
) -> HttpResponse:
    """The form; ``action=try`` asks once and saves nothing."""
    tried: Found | None = None
    if form.is_bound and form.is_valid():
        try:
            if request.POST.get("action") != "try":
                return _saved(request, thing, save(), found)
            tried = check_try(actor=request.actor, unikernel=thing, kind=form.kind, settings=form.stored())
        except (Missing, Forbidden):
            raise
        except ApplicationError as error:
            form.blame(error)
    context = {
        "section": "unikernels",
        "unikernel": thing,
        "check": found,
        "form": form,
        "kind": form.kind,
        "kinds": KINDS,
        "networks": _networks(thing),
        "same": _same(thing, form, found),
        "tried": tried,
        "tried_badge": outcome_badge(tried.outcome) if tried else None,
        "latency": latency(tried.latency) if tried else "",
    }
    return render(request, "check_form.html", context, status=422 if form.errors else 200)


def _same(thing: Unikernel, form: CheckForm, found: Check | None) -> Same:
    """What the form would do, as far as it is filled in."""
    given = form.cleaned_data if form.is_bound and form.is_valid() else form.initial
    name, seconds = str(given.get("called", "")), int(given.get("seconds") or EVERY)
    if found:
        return same_change(thing, found, name, seconds, form.wanted)
    return same_add(thing, form.kind, name, seconds, form.wanted)


def _networks(thing: Unikernel) -> list[str]:
    """What checks may reach beside global addresses."""
    reach = reach_of(thing.instance)
    return [str(network) for network in (*reach.networks, *reach.simulated)]


def _saved(request: PageRequest, thing: Unikernel, saved: Check, before: Check | None) -> HttpResponse:
    done = "is changed" if before else "is added and asked within seconds"
    say(request, f"The check {saved.name} {done}.")
    return HttpResponseRedirect(f"{_page_of(thing)}#checks")


@page
@require_http_methods(["GET", "POST"])
def remove(request: PageRequest, pk: int, check_pk: int) -> HttpResponse:
    """Ask, then forget a check."""
    thing, found = _both(request, pk, check_pk, Role.DEPLOYER)
    if request.method == "GET":
        context = {"section": "unikernels", "confirm": _remove_question(thing, found)}
        return render(request, "confirm.html", context)
    try:
        check_remove(actor=request.actor, check=found)
    except ApplicationError as error:
        return refused(request, error, _page_of(thing))
    say(request, f"The check {found.name} is removed.")
    return HttpResponseRedirect(f"{_page_of(thing)}#checks")


def _remove_question(thing: Unikernel, found: Check) -> Confirm:
    return Confirm(
        id="ask-remove",
        question=f"Remove the check {found.name}?",
        text=f"Its results go with it. {thing.name} goes on running; upgrades no longer ask for this.",
        button="Remove",
        action=reverse("pages:check-remove", args=[thing.pk, found.pk]),
        back=reverse("pages:check", args=[thing.pk, found.pk]),
        tone="danger",
    )
