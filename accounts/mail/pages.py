"""The page where people choose their mail, and the one that stops some of it without a login."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.mail.services import choice_set, choices_of, trouble_of, unsubscribe_read
from accounts.mail.topics import ABOUT
from accounts.models import User
from accounts.pages import PersonRequest, page
from mollymawk.errors import Missing


@page
@require_http_methods(["GET", "POST"])
def mail(request: PersonRequest) -> HttpResponse:
    """What I get mail about."""
    user = request.user
    if request.method == "POST":
        _choose(user, set(request.POST.getlist("topic")))
        messages.success(request, "Saved.")
        return redirect("mail")
    chosen = choices_of(user)
    context = {
        "rows": [(topic, about, chosen[topic]) for topic, about in ABOUT.items()],
        "trouble": trouble_of(user),
        "to_log": not settings.EMAIL_HOST,
    }
    return render(request, "accounts/mail.html", context)


def _choose(user: User, ticked: set[str]) -> None:
    """Only what differs is written: a default that nobody touched may change some day."""
    for topic, chosen in choices_of(user).items():
        if chosen != (topic in ticked):
            choice_set(user=user, topic=topic, wanted=topic in ticked)


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
        choice_set(user=user, topic=topic, wanted=False)
    context = {"reader": user, "about": ABOUT[topic], "stopped": not choices_of(user)[topic]}
    return render(request, "accounts/unsubscribe.html", context)
