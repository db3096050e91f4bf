"""What a session has to prove before it may act: a second factor where one is demanded (``SECOND_FACTOR``,
or by a team), and for a sensitive change who it is, once more. Tokens are asked for neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django_htmx.http import HttpResponseClientRedirect
from rest_framework.request import Request

from accounts.models import User
from mollymawk.errors import FactorMissing, Unproven

# Seconds since somebody proved who they are: before a form is shown, and when it comes back. Between the
# two there is time to fill it in.
BEFORE_FORM = 300
PROVEN_FOR = 900
# allauth's pages on which somebody changes how they come in. Before second factors it asks by itself, but not
# who comes in by an issuer alone; before the address, to which a forgotten password is sent, it asks nobody.
WAYS_IN = {
    "account_email",
    "account_set_password",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
    "mfa_generate_recovery_codes",
    "mfa_view_recovery_codes",
    "mfa_download_recovery_codes",
}


def proven(request: HttpRequest | Request, within: int = PROVEN_FOR) -> bool:
    """Whether the person of this session proved in the last *within* seconds who they are: by logging in,
    or when they were asked again. Who comes in by OIDC, without password and second factor, is asked to
    log in there again.
    """
    used = [float(record["at"]) for record in get_authentication_records(request, request.user)]
    if any(time.time() - at < within for at in used):
        return True
    return not get_adapter().get_reauthentication_methods(request.user)


def proven_enough(request: HttpRequest) -> bool:
    """``proven`` as long as it takes to fill in the form that is shown, or that comes back."""
    return proven(request, BEFORE_FORM if request.method in {"GET", "HEAD"} else PROVEN_FOR)


def factor_demanded(user: User) -> bool:
    """Whether the installation demands a second factor of *user* that they do not have."""
    demands = settings.SECOND_FACTOR == "all" or (
        settings.SECOND_FACTOR == "superusers" and user.is_superuser
    )
    return demands and not user.has_second_factor


def require_factor(user: User) -> None:
    """Raise ``FactorMissing`` when *user* has to add a second factor before anything else."""
    if factor_demanded(user):
        raise FactorMissing("Everybody here needs a second factor, and you have none yet.")


def answers_unproven(get_response: Callable[[HttpRequest], HttpResponseBase]) -> object:
    """Middleware: what a page was refused for lack of proof leads to where the proof is given; so do
    allauth's own pages in ``WAYS_IN``.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _answer(request, error) if isinstance(error, Unproven) else None

    def process_view(request: HttpRequest, *_: object) -> HttpResponse | None:
        match = request.resolver_match
        asks = match is not None and match.url_name in WAYS_IN and request.user.is_authenticated
        return _ask(request) if asks and not proven_enough(request) else None

    middleware.process_exception = process_exception  # type: ignore[attr-defined]  # as Django documents
    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def _answer(request: HttpRequest, error: Unproven) -> HttpResponse:
    if isinstance(error, FactorMissing):
        response = render(request, "accounts/factor_missing.html", {"sentence": str(error)}, status=403)
        add_never_cache_headers(response)
        return response
    return _ask(request)


def _ask(request: HttpRequest) -> HttpResponse:
    """To where the proof is given."""
    if request.method != "GET":
        messages.warning(request, "Nothing was changed yet: do it once more.")
    asked = f"{reverse('account_reauthenticate')}?{urlencode({'next': _back(request)})}"
    htmx = request.headers.get("HX-Request") == "true"
    return HttpResponseClientRedirect(asked) if htmx else redirect(asked)


def _back(request: HttpRequest) -> str:
    """The page that *request* came from, or is."""
    if request.method == "GET" and request.headers.get("HX-Request") != "true":
        return request.get_full_path()
    # What was sent is not kept meanwhile: there may be keys and passwords in it.
    page = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer") or "")
    return page.path if page.netloc == request.get_host() else "/"
