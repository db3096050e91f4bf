"""What every page does the same way: ask for a login, know who acts, say what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRefresh
from django_htmx.middleware import HtmxDetails

from accounts.actors import Actor
from accounts.models import Membership, Role, Team, User
from accounts.requests import actor_of
from mollymawk.errors import ApplicationError, Forbidden, Missing, Unproven
from mollymawk.gone import told
from unikernels.pages.site import Frame

P = ParamSpec("P")


class Viewer(Actor):
    """Who acts during one request, with a session: what the lists of a page ask again and again is
    read once. Roles are asked for anew, as ever.
    """

    def teams(self) -> list[Team]:
        """The teams this actor may look into, by name."""
        return self._all_teams if self.all_powerful else [held.team for held in self._memberships]

    def deploy_teams(self) -> list[Team]:
        """The teams for which things may be changed."""
        if self.all_powerful:
            return self._all_teams
        return [held.team for held in self._memberships if held.role != Role.VIEWER]

    @cached_property
    def _all_teams(self) -> list[Team]:
        return super().teams()

    @cached_property
    def _memberships(self) -> list[Membership]:
        held = Membership.objects.filter(user=self.user, user__is_active=True).select_related("team")
        return [row for row in held.order_by("team__name") if not self.lacks_factor_for(row.team)]


class PageRequest(HttpRequest):
    """A request of somebody who is logged in."""

    actor: Viewer
    htmx: HtmxDetails
    frame: Frame
    user: User


View = Callable[Concatenate[PageRequest, P], HttpResponse]

_TITLES = {
    400: "That could not be read",
    403: "Not allowed",
    404: "Nothing here",
    409: "Something is in the way",
    422: "This would not work",
    502: "The instance did not do its part",
}


def page(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A page for people who are logged in; an error of a service becomes a page with its sentence.

    A poll of somebody who was logged out meanwhile reloads the whole page, which then asks for the
    login: its answer must not be put into the middle of another page.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        asked = cast("PageRequest", request)
        if not request.user.is_authenticated:
            return HttpResponseClientRefresh() if asked.htmx else redirect_to_login(request.get_full_path())
        who = actor_of(request)
        asked.actor = Viewer(who.user, who.credential, who.address, fresh=who.fresh)
        asked.frame = Frame(request, asked.actor)
        try:
            response = view(asked, *args, **kwargs)
        except Unproven:
            raise  # answered by accounts.proof
        except (ApplicationError, IntegrityError) as error:
            return error_page(request, told(error))
        # What stands on these pages is for one person, and true for a moment.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return answer  # type: ignore[return-value]  # wraps keeps the type of the inner request


def error_page(request: HttpRequest, error: ApplicationError) -> HttpResponse:
    """*error* in words, with its status."""
    context = {
        "title": _TITLES.get(error.status, "Something broke here"),
        "sentence": str(error),
        "reasons": error.reasons,
    }
    return render(request, "error.html", context, status=error.status)


def superusers_only(request: PageRequest) -> None:
    """Strangers to what only superusers see are told that there is nothing."""
    if not request.actor.all_powerful:
        raise Missing("There is nothing here, or it is not yours.")


def say(request: HttpRequest, text: str) -> None:
    """Tell *text* on the next page."""
    messages.success(request, text)


def for_superusers(view: View[P]) -> View[P]:
    """A page (inside of ``page``, outside of ``sensitive``): nobody else is asked first who they are."""

    @wraps(view)
    def answer(request: PageRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        superusers_only(request)
        return view(request, *args, **kwargs)

    return answer  # type: ignore[return-value]  # the same arguments, by position


def refused(request: HttpRequest, error: ApplicationError, back: str) -> HttpResponse:
    """A pressed button that came to nothing: back to *back*, which tells why.

    Whoever is second learns of the first: a conflict leads to the operation that is in the way.
    Missing and Forbidden are pages of their own and are raised again.
    """
    if isinstance(error, Missing | Forbidden):
        raise error
    messages.error(request, " ".join([str(error), *error.reasons]))
    first = error.extra.get("operation")
    return HttpResponseRedirect(reverse("pages:operation", args=[first]) if first else back)
