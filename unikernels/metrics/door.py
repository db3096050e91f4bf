"""``/metrics``: who may read it, and how much of it.

A bearer token sees its own team. One that a superuser made for the own personal team sees the whole system,
as long as its maker is a superuser: tokens that act for other teams do not become master keys by their maker.
Without a token, so do the networks of ``METRICS_NETWORKS``.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.actors import Actor
from accounts.models import ApiToken, Team
from accounts.requests import client_address
from accounts.services import token_admit
from mollymawk.errors import Forbidden
from unikernels.metrics.collect import page_of
from unikernels.metrics.text import CONTENT_TYPE

REFUSED = (
    "Give a token (Authorization: Bearer mm_...) that is usable, or ask from a network of METRICS_NETWORKS.\n"
)
_FORWARDED = ("X-Forwarded-For", "Forwarded", "Via")  # what proxies add


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see: one team, or (None) everything."""

    team: Team | None


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The page for those who may read it, 401 for everybody else."""
    sight = sight_of(request)
    if sight is None:
        return HttpResponse(
            REFUSED,
            status=HTTPStatus.UNAUTHORIZED,
            content_type="text/plain; charset=utf-8",
            headers={"WWW-Authenticate": 'Bearer realm="mollymawk"'},
        )
    return HttpResponse(page_of(sight.team), content_type=CONTENT_TYPE)


def sight_of(request: HttpRequest) -> Sight | None:
    """What *request* may see. A token that is given decides, wherever it comes from."""
    if given := request.headers.get("Authorization"):
        return _by_token(given, request)
    return Sight(None) if _from_network(request) else None


def _by_token(given: str, request: HttpRequest) -> Sight | None:
    scheme, _, text = given.partition(" ")
    token = _admitted(text.strip(), request) if scheme.lower() == "bearer" else None
    if token is None or token.unikernels is not None:  # the page is about the whole team
        return None
    actor = Actor(token.created_by, f"token mm_{token.key_id}", token=token)
    if actor.role_in(token.team) is None:  # its maker left the team
        return None
    return Sight(None if _of_a_superuser(token) else token.team)


def _admitted(text: str, request: HttpRequest) -> ApiToken | None:
    try:
        return token_admit(text, client_address(request))
    except Forbidden:  # not from there
        return None


def _of_a_superuser(token: ApiToken) -> bool:
    return token.created_by.is_superuser and token.team.personal_of_id == token.created_by_id


def _from_network(request: HttpRequest) -> bool:
    """Whether it comes from where everybody may see everything.

    Behind a proxy that ``TRUSTED_PROXIES`` does not name everybody seems to come from the proxy: then nobody
    is let in.
    """
    if not settings.METRICS_NETWORKS or _through_a_stranger(request):
        return False
    text = client_address(request)
    if text is None:
        return False
    address = ipaddress.ip_address(text)
    return any(address in network for network in settings.METRICS_NETWORKS)


def _through_a_stranger(request: HttpRequest) -> bool:
    return not settings.TRUSTED_PROXIES and any(name in request.headers for name in _FORWARDED)
