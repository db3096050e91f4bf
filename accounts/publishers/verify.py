"""Whether an identity (a signed JWT of a workflow) is one: by whom, for us, and now.

What the signature does not cover is not looked at before it, but for the name of the issuer and of the
key, which choose a key of the issuer's. The text has to be the one form of what it says: base64 has
several for the same bytes, and an identity must not have two texts.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from accounts.publishers.keys import key_of
from accounts.publishers.models import Issuer
from accounts.publishers.signatures import signed, unpadded
from mollymawk.errors import Forbidden

LEEWAY = 30  # seconds by which clocks may differ
LONGEST = 3600  # seconds that an identity may live
MAX_TEXT = 16 * 1024  # characters
MAX_WORD = 200
MAX_CLAIM = 500

_PARTS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_HEADER = {"alg", "kid", "typ", "x5t"}  # an issuer that needs more than these is not understood
_NEEDED = ("sub", "aud", "exp", "iat", "nbf", "jti")


def verified(text: str) -> tuple[Issuer, Mapping[str, Any]]:
    """The issuer of the identity *text*, and its claims. Raises ``Forbidden`` with why it is none."""
    if len(text) > MAX_TEXT or _PARTS.fullmatch(text) is None:
        raise Forbidden("This is no identity of a workflow: a JWT has three parts.")
    head, body, signature = text.split(".")
    header, claims = _object(head), _object(body)
    issuer = _issuer(claims)
    algorithm, kid = _named(header, issuer)
    key = key_of(issuer, kid, algorithm)
    if key is None:
        raise Forbidden(f"The identity is signed with a key that {issuer} does not have.")
    if not signed(key, f"{head}.{body}".encode(), _bytes(signature)):
        raise Forbidden("The signature of the identity is not right.")
    _for_us(claims)
    _now(claims)
    return issuer, claims


def audience() -> str:
    """For whom an identity has to be made."""
    return str(settings.OIDC_AUDIENCE)


def issuer_at(url: str) -> Issuer | None:
    """The issuer that calls itself *url*, if it is trusted."""
    return Issuer.objects.filter(url=url).first()


def _issuer(claims: Mapping[str, Any]) -> Issuer:
    url = claims.get("iss")
    issuer = issuer_at(url) if isinstance(url, str) else None
    if issuer is None:
        raise Forbidden("The identity is of an issuer that is not trusted here.")
    return issuer


def _named(header: Mapping[str, Any], issuer: Issuer) -> tuple[str, str]:
    """Algorithm and name of the key."""
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise Forbidden(f"The identity is not signed as {issuer} signs: {', '.join(issuer.algorithms)}.")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_WORD:
        raise Forbidden("The identity does not name the key that it is signed with.")
    if not header.keys() <= _HEADER or header.get("typ", "JWT") != "JWT":
        raise Forbidden("The identity has a header that is not understood.")
    return algorithm, kid


def _for_us(claims: Mapping[str, Any]) -> None:
    """One audience, which is ours: what is made for others too, they could use here."""
    if missing := [name for name in _NEEDED if name not in claims]:
        raise Forbidden(f"The identity lacks the claim {missing[0]}.")
    if claims["aud"] not in (audience(), [audience()]):
        raise Forbidden(f"The identity is not made for {audience()} alone: ask for that audience.")
    for name in ("jti", "sub"):
        if not isinstance(claims[name], str) or not 0 < len(claims[name]) <= MAX_CLAIM:
            raise Forbidden(f"The identity has no {name}, or none that is a text.")


def _now(claims: Mapping[str, Any]) -> None:
    issued, begins, ends = (_time(claims[name]) for name in ("iat", "nbf", "exp"))
    now = time.time()
    if max(issued, begins) > now + LEEWAY:
        raise Forbidden("The identity is not valid yet: compare the clocks.")
    if ends <= now - LEEWAY:
        raise Forbidden("The identity has expired.")
    if not 0 < ends - issued <= LONGEST:
        raise Forbidden(f"The identity lives longer than {LONGEST} s.")


def _time(value: Any) -> int:
    """Seconds since 1970, whole ones."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise Forbidden("The identity has times that are no whole numbers.")
    return value


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(part), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Forbidden("This is no identity of a workflow: it cannot be read.") from error
    if not isinstance(found, dict):
        raise Forbidden("This is no identity of a workflow: it cannot be read.")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _bytes(part: str) -> bytes:
    try:
        return unpadded(part)
    except ValueError as error:
        raise Forbidden("This is no identity of a workflow: it is not written as it should be.") from error
