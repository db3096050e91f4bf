"""Settings of the issuer that stop the start when they are wrong."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

from accounts.oidc import settled

MAX_ISSUER = 200  # characters: the column that it is kept in
_TOGETHER = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")


def check_oidc(**_: Any) -> list[checks.CheckMessage]:
    """All of it or nothing; and nobody can change what the issuer says on the way."""
    missing = [name for name in _TOGETHER if not getattr(settings, name)]
    if missing:
        if len(missing) == len(_TOGETHER) and not settings.OIDC_TRUSTS_EMAIL and not settings.OIDC_NAME:
            return []
        text = f"Login by OIDC is set up by half: {', '.join(missing)} missing."
        return [checks.Error(text, hint=f"Set {', '.join(_TOGETHER)}, or none.", id="accounts.E002")]
    url = settled.issuer()
    parts = urlsplit(url) if settled.private(url) else None
    if parts is None or parts.query or parts.fragment or len(url) > MAX_ISSUER:
        text = f"OIDC_ISSUER is {url!r}; write it as it calls itself, with https: https://login.example.org"
        return [checks.Error(text, id="accounts.E003")]
    return []
