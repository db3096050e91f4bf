"""The keys of an issuer, by discovery. All processes share what was found; nobody asks twice a minute.

Never called inside a transaction: an issuer may keep us waiting for ``SECONDS``.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import requests
from django.core.cache import cache
from urllib3 import exceptions as transport

from accounts.publishers.models import Issuer
from accounts.publishers.signatures import Key, key_for
from mollymawk.deadline import Deadline, WatchedAdapter
from mollymawk.errors import Unavailable

FRESH = 3600  # seconds; then they are asked for again, so that a key that was taken back is forgotten
KEPT = 24 * 3600  # seconds that they are believed while the issuer cannot be reached
PAUSE = 60  # seconds between two questions to an issuer
SECONDS = 5.0  # that an answer may take
MAX_BYTES = 256 * 1024
MAX_KEYS = 100

DISCOVERY = "/.well-known/openid-configuration"


class Undiscovered(Exception):
    """The issuer did not tell its keys."""


def key_of(issuer: Issuer, kid: str, algorithm: str) -> Key | None:
    """The key called *kid*, if it is one for *algorithm*; None when the issuer has none such.

    One that is not known makes us ask the issuer, at most once a minute. Raises ``Unavailable``.
    """
    held = _held(issuer)
    known = held is not None and kid in held["keys"]
    if held is None or not known or time.time() - held["at"] > FRESH:
        held = _asked(issuer, held)
    told = held["keys"].get(kid)
    return None if told is None else key_for(algorithm, told)


def discover(url: str) -> dict[str, dict[str, Any]]:
    """The public keys of the issuer at *url*, by name. Raises ``Undiscovered``."""
    told = _get(url.rstrip("/") + DISCOVERY)
    if told.get("issuer") != url:
        raise Undiscovered(f"it calls itself {str(told.get('issuer'))[:200]}")
    place = told.get("jwks_uri")
    if not isinstance(place, str) or urlsplit(place).scheme != urlsplit(url).scheme:
        raise Undiscovered("it does not tell where its keys are")
    keys = _get(place).get("keys")
    if not isinstance(keys, list):
        raise Undiscovered("it tells no keys")
    named = (key for key in keys[:MAX_KEYS] if isinstance(key, dict) and isinstance(key.get("kid"), str))
    found = {key["kid"]: key for key in named if key.get("use", "sig") == "sig" and "d" not in key}
    if not found:
        raise Undiscovered("it has no key to sign with")
    return found


def forget(issuer: Issuer) -> None:
    """Ask *issuer* anew when one of its keys is needed next."""
    cache.delete_many([_place(issuer), _place(issuer) + ".asked"])


def _held(issuer: Issuer) -> Any:
    held = cache.get(_place(issuer))
    return held if held is not None and held["url"] == issuer.url else None


def _asked(issuer: Issuer, held: Any) -> Any:
    """What the issuer tells now; what is *held* when it was asked a moment ago or cannot be reached."""
    if held is not None and not cache.add(_place(issuer) + ".asked", 1, PAUSE):
        return held
    try:
        found = {"url": issuer.url, "at": time.time(), "keys": discover(issuer.url)}
    except Undiscovered as error:
        if held is None:
            raise Unavailable(f"{issuer} does not tell its keys: {error}.") from error
        return held
    cache.set(_place(issuer), found, KEPT)
    cache.add(_place(issuer) + ".asked", 1, PAUSE)
    return found


def _place(issuer: Issuer) -> str:
    return f"accounts.publishers.keys.{issuer.pk}"


def _get(url: str) -> dict[str, Any]:
    """The JSON object at *url*: no redirects, within ``SECONDS`` and ``MAX_BYTES``."""
    request = requests.Request(
        "GET", url, headers={"Accept": "application/json", "Accept-Encoding": "identity"}
    )
    try:
        with Deadline(SECONDS) as deadline, closing(WatchedAdapter(deadline)) as adapter:
            with adapter.send(request.prepare(), stream=True, timeout=SECONDS) as answer:
                if answer.status_code != 200:
                    raise Undiscovered(f"it answered {answer.status_code}")
                data = answer.raw.read(MAX_BYTES + 1)
            if deadline.over:
                raise Undiscovered("it took too long")
    except (requests.RequestException, transport.HTTPError, HTTPException, OSError, ValueError) as error:
        raise Undiscovered("it cannot be reached") from error
    if len(data) > MAX_BYTES:
        raise Undiscovered("its answer is too long")
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Undiscovered("its answer cannot be read") from error
    if not isinstance(told, dict):
        raise Undiscovered("its answer is no object")
    return told
