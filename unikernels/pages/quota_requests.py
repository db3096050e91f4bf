"""Asking for more, and answering: pages of deployers and of superusers."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import team_of
from accounts.models import Role
from albatross.models import Instance
from mollymawk.errors import ApplicationError, Invalid, Missing
from unikernels.access import instances_of, quota_request_of, quota_requests_of
from unikernels.configuration import MAX_MEMORY
from unikernels.pages.forms import MAX_UNIKERNELS, show_error
from unikernels.pages.request import PageRequest, page, refused, say, superusers_only
from unikernels.pages.same import same
from unikernels.pages.shares import share_of
from unikernels.pages.words import Badge
from unikernels.quotas.models import QuotaRequest
from unikernels.quotas.requests import MAX_TEXT, quota_ask, request_decline, request_withdraw

SHOWN = 20  # requests on the page of quotas; the API has all

BADGES = {
    "open": Badge("open", "warn"),
    "granted": Badge("granted", "ok"),
    "declined": Badge("declined", "bad"),
    "withdrawn": Badge("withdrawn", "idle"),
}


class AskForm(forms.Form):
    """How much a team wants in all, and why."""

    team = forms.ChoiceField()
    instance = forms.ChoiceField(required=False)
    unikernels = forms.IntegerField(min_value=0, max_value=MAX_UNIKERNELS, help_text="In all, not on top.")
    memory = forms.IntegerField(min_value=0, max_value=MAX_MEMORY, label="Memory in MB")
    block = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_MEMORY,
        label="Blocks in MB",
        help_text="Empty: no block devices.",
    )
    why = forms.CharField(
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Superusers read this. Name CPUs or bridges here if you need others.",
    )

    def __init__(self, request: PageRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None, initial=_initial(request))
        choices = {
            "team": [(team.name, team.name) for team in request.actor.deploy_teams()],
            "instance": [("", "wherever there is room")]
            + [
                (name, name)
                for name in instances_of(request.actor).order_by("name").values_list("name", flat=True)
            ],
        }
        for name, options in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = options


def _initial(request: PageRequest) -> dict[str, object]:
    """What the team has there now."""
    team, instance = request.GET.get("for", ""), request.GET.get("on", "")
    if not team and request.frame.team:
        team = request.frame.team.name
    has = None
    place = instances_of(request.actor).filter(name=instance).first()
    if team and place:
        has = share_of(team_of(request.actor, team), place).limits
    figures = {"unikernels": has.unikernels, "memory": has.memory, "block": has.block} if has else {}
    return {"team": team, "instance": instance, **figures}


@page
@require_http_methods(["GET", "POST"])
def ask(request: PageRequest) -> HttpResponse:
    """Ask for more."""
    if not request.actor.deploy_teams():
        raise Missing("Deployers ask for their team; you are one in none.")
    form = AskForm(request)
    if form.is_valid():
        data = form.cleaned_data
        place = _place(request, data.pop("instance"))
        team = team_of(request.actor, data.pop("team"), Role.DEPLOYER)
        try:
            made = quota_ask(actor=request.actor, team=team, instance=place, **data)
        except ApplicationError as error:
            show_error(form, error)
        else:
            say(request, "The superusers were told. You get a mail when one of them answers.")
            return HttpResponseRedirect(reverse("pages:quota-request", args=[made.pk]))
    context = {"section": "quotas", "form": form, "same": same("POST", "/quota-requests/", body=_EXAMPLE)}
    return render(request, "quota_ask.html", context, status=422 if form.errors else 200)


_EXAMPLE = {"team": "TEAM", "instance": "INSTANCE", "unikernels": 8, "memory": 1024, "why": "…"}


def _place(request: PageRequest, name: str) -> Instance | None:
    return instances_of(request.actor).get(name=name) if name else None


@page
@require_http_methods(["GET"])
def quota_request(request: PageRequest, pk: int) -> HttpResponse:
    """One request: what is wanted, what there is now, and the answer."""
    found = quota_request_of(request.actor, pk)
    is_open = found.state == QuotaRequest.State.OPEN
    may_answer = is_open and request.actor.all_powerful
    context = {
        "section": "quotas",
        "asked": found,
        "badge": BADGES[found.state],
        "share": share_of(found.team, found.instance) if found.instance else None,
        "may_answer": may_answer,
        "may_withdraw": is_open and found.team in request.actor.deploy_teams(),
        "instances": list(Instance.objects.order_by("name")) if may_answer and not found.instance else [],
        "same": same("GET", f"/quota-requests/{pk}/", command=f"quota_answer {pk} --grant"),
    }
    return render(request, "quota_request.html", context)


@page
@require_POST
def withdraw(request: PageRequest, pk: int) -> HttpResponse:
    """Ask no longer."""
    found = quota_request_of(request.actor, pk, Role.DEPLOYER)
    request_withdraw(actor=request.actor, request=found)
    say(request, "Withdrawn.")
    return HttpResponseRedirect(reverse("pages:quota-request", args=[pk]))


@page
@require_POST
def decline(request: PageRequest, pk: int) -> HttpResponse:
    """Say no, and why."""
    superusers_only(request)
    found = quota_request_of(request.actor, pk)
    back = reverse("pages:quota-request", args=[pk])
    try:
        request_decline(actor=request.actor, request=found, answer=request.POST.get("answer", ""))
    except Invalid as error:
        return refused(request, error, back)
    messages.success(request, f"Declined; {found.asked_by or 'nobody'} is told.")
    return HttpResponseRedirect(back)


def listed(request: PageRequest) -> list[tuple[QuotaRequest, Badge]]:
    """For the page of quotas: what is open, and what was answered last. The count in the navigation leads
    a superuser here: whichever team is looked at, what is open is here.
    """
    rows = quota_requests_of(request.actor)
    if request.frame.team:
        still_open = Q(state=QuotaRequest.State.OPEN) if request.actor.all_powerful else Q()
        rows = rows.filter(Q(team=request.frame.team) | still_open)
    wanted = rows.order_by("-id")[:SHOWN]
    return sorted(((row, BADGES[row.state]) for row in wanted), key=lambda pair: pair[0].state != "open")
