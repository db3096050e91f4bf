"""The theme switch and the page of words."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from unikernels.pages.request import PageRequest, page
from unikernels.pages.same import same
from unikernels.pages.site import THEME_COOKIE, THEMES

YEAR = 365 * 24 * 3600


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the system's choice in a cookie, so that pages come in it."""
    response = HttpResponseRedirect(_back(request))
    wanted = request.POST.get("theme", "")
    if wanted in {value for value, _ in THEMES if value}:
        response.set_cookie(
            THEME_COOKIE,
            wanted,
            max_age=YEAR,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
        )
    else:
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    return response


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else "/"


@page
@require_GET
def help_page(request: PageRequest) -> HttpResponse:
    """The words of these pages, and the other doors."""
    context = {"same": same("GET", "/unikernels/", command="unikernels", step="List what runs")}
    return render(request, "help.html", context)
