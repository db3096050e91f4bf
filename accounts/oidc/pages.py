"""To the issuer and back, and the page where one connects an account there. 404 without an issuer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from allauth.account.utils import get_next_redirect_url
from allauth.core import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from requests import RequestException

from accounts.oidc import settled
from accounts.oidc.adapter import PROVE, failed
from accounts.oidc.issuer import IssuerAdapter
from accounts.oidc.services import identities_of, identity_unlink
from accounts.pages import PersonRequest, page, sensitive
from accounts.services.sessions import sessions_end
from mollymawk.errors import Refused

P = ParamSpec("P")
R = TypeVar("R", bound=HttpRequest)


def where_settled(
    view: Callable[Concatenate[R, P], HttpResponse],
) -> Callable[Concatenate[R, P], HttpResponse]:
    """A page that is not there without an issuer."""

    @wraps(view)
    def answer(request: R, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not settled.issuer():
            raise Http404
        return view(request, *args, **kwargs)

    return answer  # type: ignore[return-value]  # the same arguments, by position


@where_settled
@never_cache
@require_POST
def log_in(request: HttpRequest) -> HttpResponse:
    """To the issuer, to come back as somebody."""
    if request.user.is_authenticated:
        return redirect("/")
    if not ratelimit.consume(request, action="oidc"):
        response: HttpResponse = ratelimit.respond_429(request)
        return response
    return _away(request, AuthProcess.LOGIN)


@where_settled
@page
@sensitive
@require_POST
def connect(request: PersonRequest) -> HttpResponse:
    """To the issuer, to have an account there let me in from now on."""
    return _away(request, AuthProcess.CONNECT)


@where_settled
@page
@require_http_methods(["GET", "POST"])
def prove(request: PersonRequest) -> HttpResponse:
    """To the issuer, to show again that it is me, and on with what I wanted."""
    if request.method == "GET":
        context = {"issuer": settled.name(), "next": get_next_redirect_url(request) or "/"}
        return render(request, "accounts/oidc_prove.html", context)
    return _away(request, PROVE, auth_params={"max_age": "0"})  # it has to ask, whoever is logged in there


@where_settled
@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the issuer."""
    try:
        view = OAuth2CallbackView.adapter_view(IssuerAdapter(request, settled.issuer()))
        response: HttpResponse = view(request)
    except (OAuth2Error, RequestException) as error:
        return failed(request, error)
    return response


@where_settled
@page
@require_GET
def mine(request: PersonRequest) -> HttpResponse:
    """The account at the issuer that lets me in."""
    context = {"issuer": settled.name(), "identities": identities_of(request.user)}
    return render(request, "accounts/oidc.html", context)


@where_settled
@page
@sensitive
@require_POST
def disconnect(request: PersonRequest, pk: int) -> HttpResponse:
    """It lets me in no more."""
    try:
        identity_unlink(actor=request.actor, user=request.user, pk=pk)
    except Refused as error:
        messages.error(request, str(error))
    else:
        sessions_end(actor=request.actor, user=request.user, keep=request.session.session_key)
        messages.success(
            request, f"{settled.name()} lets you in no more. Everywhere else you are logged out now."
        )
    return redirect("oidc")


def _away(request: HttpRequest, process: str, **how: Any) -> HttpResponse:
    """A page that leads to the issuer. Not a redirect: the policy of our pages lets forms lead to us only."""
    provider = get_adapter(request).get_provider(request, settled.issuer())
    try:
        response = provider.redirect(request, process, next_url=get_next_redirect_url(request), **how)
    except (OAuth2Error, RequestException) as error:
        return failed(request, error)
    assert isinstance(response, HttpResponseRedirect)
    return render(request, "accounts/oidc_away.html", {"issuer": settled.name(), "url": response.url})
