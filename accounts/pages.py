"""What the pages of this app do the same way: ask for a login, know who acts, say what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.actors import Actor
from accounts.models import User
from accounts.proof import proven_enough
from accounts.requests import actor_of
from mollymawk.errors import ApplicationError, Unproven
from mollymawk.gone import told

P = ParamSpec("P")
R = TypeVar("R", bound=HttpRequest)


class PersonRequest(HttpRequest):
    """A request of somebody who is logged in."""

    actor: Actor
    user: User


View = Callable[Concatenate[PersonRequest, P], HttpResponse]

_TITLES = {403: "Not allowed", 404: "Nothing here"}


def page(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A page for people who are logged in; an error of a service becomes a page with its sentence."""

    @login_required
    @wraps(view)
    def answer(request: PersonRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request.actor = actor_of(request)
        try:
            response = view(request, *args, **kwargs)
        except Unproven:
            raise  # answered by accounts.proof
        except (ApplicationError, IntegrityError) as error:
            response = _failed(request, told(error))
        # What stands on these pages is for one person; some of it (a new token) only for this moment.
        response.headers["Cache-Control"] = "private, no-store"
        return response

    return answer  # type: ignore[return-value]  # the request is one of ours once the login is known


def sensitive(
    view: Callable[Concatenate[R, P], HttpResponse],
) -> Callable[Concatenate[R, P], HttpResponse]:
    """A page (inside of ``page``) whose form changes what only its person should: whoever did not prove for
    a while who they are is asked before it is shown. The service asks once more when it comes back.
    """

    @wraps(view)
    def answer(request: R, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not proven_enough(request):
            raise Unproven("Prove first that it is you.")
        return view(request, *args, **kwargs)

    return answer  # type: ignore[return-value]  # the same arguments, by position


def _failed(request: HttpRequest, error: ApplicationError) -> HttpResponse:
    title = _TITLES.get(error.status, "This would not work")
    context = {"title": title, "sentence": str(error), "reasons": error.reasons}
    return render(request, "error.html", context, status=error.status)
