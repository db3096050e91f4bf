"""Pages of trusted publishers: owners add and remove them, and copy the workflow that uses one."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import team_of
from accounts.confirm import Confirm
from accounts.forms import blame
from accounts.models import Role, Team
from accounts.pages import PersonRequest, page
from accounts.publishers.forms import PublisherForm
from accounts.publishers.models import Publisher
from accounts.publishers.services import publisher_add, publisher_of, publisher_remove, publishers_of
from accounts.publishers.verify import audience
from mollymawk.errors import ApplicationError

INVALID = 422  # status of a form that came back with what is wrong with it


@page
@require_http_methods(["GET", "POST"])
def publishers(request: PersonRequest, name: str) -> HttpResponse:
    """The publishers of a team, a form for another one, and the workflow of the newest."""
    found = team_of(request.actor, name, Role.OWNER)
    form = PublisherForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _added(request, found, form):
        return redirect("team-publishers", found.name)
    rows = list(publishers_of(found))
    context = {
        "team": found,
        "form": form,
        "publishers": rows,
        "newest": rows[0] if rows else None,
        "site_url": settings.SITE_URL,
        "audience": audience() if audience() != settings.SITE_URL else "",
    }
    return render(request, "accounts/publishers.html", context, status=INVALID if form.errors else 200)


@page
@require_http_methods(["GET", "POST"])
def publisher_end(request: PersonRequest, name: str, pk: int) -> HttpResponse:
    """Trust a workflow no more: a question first."""
    found = team_of(request.actor, name)
    publisher = publisher_of(request.actor, found, pk)
    back = reverse("team-publishers", args=[found.name])
    if request.method == "POST":
        publisher_remove(actor=request.actor, publisher=publisher)
        messages.success(request, f"{publisher} is trusted no more.")
        return redirect(back)
    confirm = Confirm(
        id="remove",
        question=f"Trust {publisher} no more?",
        text="Its next run is refused, and so is one that is under way. What runs here goes on running.",
        button="Remove",
        tone="danger",
        action=request.path,
        back=back,
    )
    return render(request, "confirm.html", {"confirm": confirm})


def _added(request: PersonRequest, team: Team, form: PublisherForm) -> Publisher | None:
    try:
        publisher = publisher_add(actor=request.actor, team=team, **form.wanted())
    except ApplicationError as error:
        blame(form, error)
        return None
    messages.success(request, f"{publisher} is trusted. The workflow below uses it.")
    return publisher
