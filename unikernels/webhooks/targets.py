"""Where a webhook may go, as far as its URL tells (no network): the rest is judged at each request."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from mollymawk.errors import Invalid
from unikernels.checks.addresses import refusal
from unikernels.checks.resolving import reach_of_webhooks
from unikernels.checks.settings import PORTS, url_of

MAX_URL = 500  # characters


class Target(NamedTuple):
    """A URL, and the host (with a port that is not the usual one), which stands for the receiver wherever it
    is told.
    """

    url: str
    host: str


def target_of(text: str) -> Target:
    """The target that *text* names. Raises ``Invalid`` for ``url``."""
    try:
        url = url_of(text)
        return Target(url, _host(url))
    except ValueError as error:
        raise Invalid(str(error), fields={"url": [str(error)]}) from error


def _host(url: str) -> str:
    parts = urlsplit(url)
    name, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    if len(url) > MAX_URL:
        raise ValueError(f"At most {MAX_URL} characters.")
    if parts.scheme != "https" and not settings.CHECK_SIMULATED_NETWORK:
        raise ValueError("A webhook goes over TLS: https://…")
    if sentence := _refused(name, port):
        raise ValueError(sentence)
    host = f"[{name}]" if ":" in name else name
    return host if port == PORTS[parts.scheme] else f"{host}:{port}"


def _refused(name: str, port: int) -> str:
    """Why an IP address may not be reached; what a name leads to is not asked here."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return ""
    return refusal(address, port, reach_of_webhooks(ours=False))
