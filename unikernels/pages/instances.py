"""Instances: how they are, what went wrong, and for superusers adding and changing them."""

from __future__ import annotations

from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.confirm import Confirm
from accounts.pages import sensitive
from albatross.models import Instance
from mollymawk.errors import ApplicationError
from unikernels.access import instance_of, instances_of, quotas_of, unikernels_of
from unikernels.instances.services import instance_add, instance_remove, instance_retry, instance_update
from unikernels.pages.forms import InstanceForm, show_error
from unikernels.pages.request import PageRequest, for_superusers, page, refused, say, superusers_only
from unikernels.pages.rows import row, rows_of
from unikernels.pages.same import same
from unikernels.pages.shares import root_policy, shares_of
from unikernels.pages.spark import with_sparks
from unikernels.pages.statistics import used_on
from unikernels.pages.words import Badge, last_seen

MAX_INCIDENTS = 20
MAX_ROWS = 200
MAX_SHARES = 20


def badge(instance: Instance) -> Badge:
    """How an instance stands."""
    if instance.status == Instance.Status.DEGRADED:
        return Badge("degraded", "bad")
    if instance.status == Instance.Status.UNKNOWN:
        return Badge("not asked yet", "idle")
    return Badge(last_seen(instance.seen_at), "idle") if instance.stale else Badge("online", "ok")


@page
@require_GET
def instances(request: PageRequest) -> HttpResponse:
    """All instances, those in trouble first."""
    mine = Q() if request.actor.all_powerful else Q(unikernels__team__in=request.frame.teams)
    found = instances_of(request.actor).annotate(here=Count("unikernels", filter=mine, distinct=True))
    rows = sorted(found.order_by("name"), key=lambda instance: instance.status != Instance.Status.DEGRADED)
    context = {
        "section": "instances",
        "rows": [(instance, badge(instance)) for instance in rows],
        "same": same("GET", "/instances/", command="instance_list"),
    }
    return render(request, "instances.html", context)


@page
@require_GET
def instance(request: PageRequest, name: str) -> HttpResponse:
    """One instance with its trouble, its limits and what runs there."""
    thing = instance_of(request.actor, name)
    here = unikernels_of(request.actor).filter(instance=thing).order_by("name", "id")
    context = {
        "section": "instances",
        "instance": thing,
        "badge": badge(thing),
        "incidents": thing.incidents.all()[:MAX_INCIDENTS],
        "root": root_policy(thing),
        "rows": with_sparks([row(values) for values in rows_of(here)[:MAX_ROWS]]),
        "used": used_on(request, thing),
        "shares": shares_of(
            quotas_of(request.actor).filter(instance=thing).order_by("team__name")[:MAX_SHARES]
        ),
        "confirm": remove_question(thing),
        "same": same("GET", f"/instances/{thing.name}/", command=f"instance_check {thing.name}"),
    }
    return render(request, "instance.html", context)


@page
@for_superusers
@sensitive
@require_http_methods(["GET", "POST"])
def add(request: PageRequest) -> HttpResponse:
    """A new instance; it is asked before it is kept."""
    form = InstanceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = instance_add(actor=request.actor, **form.cleaned_data)
        except ApplicationError as error:
            show_error(form, error)
        else:
            say(request, f"{made.name} answered and is added. Its unikernels appear with the next inventory.")
            return HttpResponseRedirect(_page_of(made))
    return _form_page(request, form, None)


@page
@for_superusers
@sensitive
@require_http_methods(["GET", "POST"])
def edit(request: PageRequest, name: str) -> HttpResponse:
    """Change an instance; tested before it is kept."""
    thing = instance_of(request.actor, name)
    form = InstanceForm(request.POST if request.method == "POST" else None, instance=thing)
    if form.is_valid():
        given = {field: value for field, value in form.cleaned_data.items() if field != "key" or value}
        try:
            changed = instance_update(actor=request.actor, instance=thing, **given)
        except ApplicationError as error:
            show_error(form, error)
        else:
            say(request, f"{changed.name} is changed.")
            return HttpResponseRedirect(_page_of(changed))
    return _form_page(request, form, thing)


def _form_page(request: PageRequest, form: InstanceForm, thing: Instance | None) -> HttpResponse:
    command = "instance_add NAME HOST:PORT --server-ca server-ca.pem --certificate ca.pem --key ca.key"
    context = {
        "section": "instances",
        "form": form,
        "instance": thing,
        "same": None if thing else same("POST", "/instances/", body=_BODY, command=command),
    }
    return render(request, "instance_form.html", context, status=422 if form.errors else 200)


_BODY = {
    "name": "fra-1",
    "address": "fra-1.example.org:1025",
    "server_ca": "PEM",
    "certificate": "PEM",
    "key": "PEM",
}


@page
@require_POST
def retry(request: PageRequest, name: str) -> HttpResponse:
    """Look at it now."""
    superusers_only(request)
    thing = instance_of(request.actor, name)
    instance_retry(actor=request.actor, instance=thing)
    say(request, f"{thing.name} is asked again now.")
    return HttpResponseRedirect(_page_of(thing))


@page
@for_superusers
@sensitive
@require_http_methods(["GET", "POST"])
def remove(request: PageRequest, name: str) -> HttpResponse:
    """Ask for the name, then forget the instance."""
    thing = instance_of(request.actor, name)
    question = remove_question(thing)
    if request.method == "GET" or request.POST.get("typed") != thing.name:
        status = 200 if request.method == "GET" else 422
        return render(request, "confirm.html", {"section": "instances", "confirm": question}, status=status)
    try:
        instance_remove(actor=request.actor, instance=thing)
    except ApplicationError as error:
        return refused(request, error, _page_of(thing))
    say(request, f"{name} is forgotten. What runs there goes on running.")
    return HttpResponseRedirect(reverse("pages:instances"))


def remove_question(thing: Instance) -> Confirm:
    """The question before an instance is forgotten."""
    return Confirm(
        id="ask-remove",
        question=f"Forget {thing.name}?",
        text="What runs there goes on running; nothing is sent to it. Versions of stopped unikernels go with it.",
        button="Forget it",
        action=reverse("pages:instance-remove", args=[thing.name]),
        back=_page_of(thing),
        tone="danger",
        type_in=thing.name,
    )


def _page_of(thing: Instance) -> str:
    return reverse("pages:instance", args=[thing.name])
