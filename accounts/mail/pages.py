"""The page where people choose their mail, and the one that stops some of it without a login."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.actors import Actor
from accounts.mail.models import QuietHours
from accounts.mail.quiet import quiet_set, zones
from accounts.mail.services import choice_set, choices_of, trouble_of, unsubscribe_read
from accounts.mail.topics import ABOUT, Topic
from accounts.models import User
from accounts.pages import PersonRequest, page
from accounts.requests import client_address
from mollymawk.errors import Invalid, Missing


@page
@require_http_methods(["GET", "POST"])
def mail(request: PersonRequest) -> HttpResponse:
    """What I get mail about."""
    user = request.user
    hours, wrong = _hours_of(user), ""
    if request.method == "POST":
        hours = {name: request.POST.get(f"quiet_{name}", "").strip() for name in hours}
        try:
            with transaction.atomic():
                quiet_set(actor=request.actor, user=user, **hours)
                _choose(request.actor, user, set(request.POST.getlist("topic")))
        except Invalid as error:
            wrong = str(error)
        else:
            messages.success(request, "Saved.")
            return redirect("mail")
    chosen = _ticked(request) if wrong else choices_of(user)
    context = {
        "rows": [(topic, about, chosen[topic]) for topic, about in ABOUT.items()],
        "trouble": trouble_of(user),
        "to_log": not settings.EMAIL_HOST,
        "hours": hours,
        "wrong": wrong,
        "zones": zones(),
    }
    return render(request, "accounts/mail.html", context, status=HTTPStatus.BAD_REQUEST if wrong else None)


def _hours_of(user: User) -> dict[str, str]:
    """The quiet hours of *user* as the form has them."""
    kept = QuietHours.objects.filter(user=user).first()
    if kept is None:
        return {"start": "", "end": "", "zone": ""}
    return {"start": f"{kept.start:%H:%M}", "end": f"{kept.end:%H:%M}", "zone": kept.zone}


def _ticked(request: HttpRequest) -> dict[Topic, bool]:
    """What was ticked: a form that was wrong keeps it."""
    return {topic: topic in request.POST.getlist("topic") for topic in ABOUT}


def _choose(actor: Actor, user: User, ticked: set[str]) -> None:
    """Only what differs is written: a default that nobody touched may change some day."""
    for topic, chosen in choices_of(user).items():
        if chosen != (topic in ticked):
            choice_set(actor=actor, user=user, topic=topic, wanted=topic in ticked)


@csrf_exempt  # mail programs send this POST by themselves, without a cookie (RFC 8058)
@never_cache
@require_http_methods(["GET", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Stop letters of one topic. Looking changes nothing: mail scanners follow every link."""
    try:
        user, topic = unsubscribe_read(token)
    except Missing as error:
        return render(request, "accounts/unsubscribe.html", {"sentence": str(error)}, status=404)
    if request.method == "POST":
        reader = Actor(user, "link in a letter", client_address(request))
        choice_set(actor=reader, user=user, topic=topic, wanted=False)
    context = {"reader": user, "about": ABOUT[topic], "stopped": not choices_of(user)[topic]}
    return render(request, "accounts/unsubscribe.html", context)
