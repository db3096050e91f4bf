"""Who sent a request, and from where."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from accounts.actors import Actor
from accounts.models import ApiToken, User
from accounts.proof import proven, require_factor

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_HOPS = 20  # proxies on the way; whoever sends a longer header does so to keep us busy


def actor_of(request: HttpRequest | Request) -> Actor:
    """The person with a session, or the program with a token, that sent *request*.

    Nobody in particular is refused: ``NotAuthenticated`` (401) in the API, ``PermissionDenied`` (403)
    on a page, where a login should have been asked for before.
    """
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        raise NotAuthenticated if isinstance(request, Request) else PermissionDenied("Log in first.")
    address = client_address(request)
    token = request.auth if isinstance(request, Request) else None
    if isinstance(token, ApiToken):
        return Actor(user, f"token mm_{token.key_id}", address, token)
    require_factor(user)
    return Actor(user, "session", address, fresh=proven(request))


def client_address(request: HttpRequest | Request) -> str | None:
    """The address the request came from, None behind a unix socket.

    ``X-Forwarded-For`` counts only as far as proxies of ours (``TRUSTED_PROXIES``) wrote it: it is
    read from its end, and the first address that is none of them is the client's.
    """
    hops = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")[-MAX_HOPS:]
    address = _parse(str(request.META.get("REMOTE_ADDR") or ""))
    while address is not None and _trusted(address) and hops:
        further = _parse(hops.pop())
        if further is None:
            break
        address = further
    return None if address is None else str(address)


def _trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
