"""The freeze switches: one for each team, one for the whole system."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import team_of
from accounts.models import Role, Team
from mollymawk.errors import ApplicationError, Missing
from unikernels.pages.care_same import same_freeze
from unikernels.pages.forms import show_error
from unikernels.pages.request import PageRequest, page, say, superusers_only
from unikernels.templatetags.care import Switch, switch_of
from unikernels.updates.services import MAX_REASON, freeze_lift, freeze_set


class FreezeForm(forms.Form):
    """Why it is frozen; whoever meets the banner wants to know."""

    reason = forms.CharField(
        required=False,
        max_length=MAX_REASON,
        help_text="Stands in the banner on every page.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@page
@require_http_methods(["GET", "POST"])
def freeze(request: PageRequest) -> HttpResponse:
    """The switch of the whole system."""
    superusers_only(request)
    return _switched(request, None, reverse("pages:instances"))


@page
@require_http_methods(["GET", "POST"])
def freeze_team(request: PageRequest, team: str) -> HttpResponse:
    """The switch of one team, for its owners."""
    found = team_of(request.actor, team, Role.OWNER)
    return _switched(request, found, reverse("team", args=[found.name]))


def _switched(request: PageRequest, team: Team | None, back: str) -> HttpResponse:
    """Show the switch, or press it: ``action`` is ``freeze`` or ``lift``."""
    form = FreezeForm(request.POST if request.method == "POST" else None)
    if request.POST.get("action") == "lift":
        return _lifted(request, team, back)
    if form.is_valid():
        try:
            freeze_set(actor=request.actor, team=team, reason=form.cleaned_data["reason"])
        except ApplicationError as error:
            show_error(form, error)
        else:
            return HttpResponseRedirect(back)  # where the banner says it
    switch: Switch = switch_of(team, may=True)
    context = {
        "section": "instances" if team is None else "",
        "switch": switch,
        "form": form,
        "back": back,
        "same": same_freeze(team, frozen=switch.own is not None),
    }
    return render(request, "freeze.html", context, status=422 if form.errors else 200)


def _lifted(request: PageRequest, team: Team | None, back: str) -> HttpResponse:
    try:
        freeze_lift(actor=request.actor, team=team)
    except Missing:  # somebody else was faster: what was wanted is so
        say(request, f"Automatic upgrades were not frozen{_of(team)}.")
    else:
        say(request, f"The freeze{_of(team)} is lifted. Automatic upgrades begin with the next opening.")
    return HttpResponseRedirect(back)


def _of(team: Team | None) -> str:
    return f" for {team}" if team else " everywhere"
