"""Automatic restarts: whether a unikernel is restarted when its checks fail."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from mollymawk.errors import ApplicationError
from unikernels.checks.restarts import MOST, PAUSES
from unikernels.checks.services import MAX_RESTART_AFTER, MIN_RESTART_AFTER, restart_after_set
from unikernels.models import Unikernel
from unikernels.pages.care_same import same_restarts
from unikernels.pages.forms import show_error
from unikernels.pages.managed import managed_of
from unikernels.pages.request import PageRequest, page, say
from unikernels.templatetags.house import span


class RestartForm(forms.Form):
    """After how many failed rounds; nothing: never."""

    restart_after = forms.IntegerField(
        required=False,
        min_value=MIN_RESTART_AFTER,
        max_value=MAX_RESTART_AFTER,
        label="Restart it after so many failed rounds in a row",
        help_text=f"{MIN_RESTART_AFTER} to {MAX_RESTART_AFTER}. Empty: never.",
    )


@page
@require_http_methods(["GET", "POST"])
def restart_after(request: PageRequest, pk: int) -> HttpResponse:
    """Whether it is restarted by itself when its checks fail."""
    thing = managed_of(request.actor, pk)
    form = RestartForm(
        request.POST if request.method == "POST" else None, initial={"restart_after": thing.restart_after}
    )
    if form.is_valid():
        after = form.cleaned_data["restart_after"]
        try:
            restart_after_set(actor=request.actor, unikernel=thing, after=after)
        except ApplicationError as error:
            show_error(form, error)
        else:
            say(request, f"{thing.name}: {restarts(thing)}")
            return HttpResponseRedirect(reverse("pages:unikernel", args=[pk]))
    context = {
        "section": "unikernels",
        "unikernel": thing,
        "form": form,
        "has_checks": thing.checks.exists(),
        "most": MOST,
        "same": same_restarts(thing),
        "pauses": [span(pause.total_seconds()) for pause in PAUSES[1:]],
    }
    return render(request, "restart_after.html", context, status=422 if form.errors else 200)


def restarts(thing: Unikernel) -> str:
    """What happens when its checks fail, in one sentence."""
    if thing.restart_after is None:
        return "It is not restarted by itself when its checks fail."
    return f"It is restarted by itself after {thing.restart_after} failed rounds of a check in a row."
