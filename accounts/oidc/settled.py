"""What the settings say of the issuer."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings


def issuer() -> str:
    """The issuer as it calls itself, empty when nobody comes in by one."""
    return str(settings.OIDC_ISSUER)


def name() -> str:
    """What people call it."""
    return str(settings.OIDC_NAME or urlsplit(issuer()).hostname or issuer())


def private(url: str) -> bool:
    """Whether nobody on the way can read or change what is asked at *url*: https, or this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
