"""``Idempotency-Key``: a change that is asked for twice is made once, and answered the same twice.

What was refused (4xx), or not done by an instance (502), changed nothing, and its key is free again.
What broke off inside keeps its key without an answer: nobody can tell how far it came, so it is never
begun a second time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from mollymawk.errors import ApplicationError, Conflict, Invalid, Refused
from mollymawk.keyring import seal_json, unseal_json
from mollymawk.models import KeyedRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 255  # characters; a UUID has 36
KEPT = timedelta(hours=24)
NOT_DONE = (ApplicationError, APIException, Http404, PermissionDenied)
TOLD = ("Location", "ETag")  # the headers of a change that are part of its answer


def once(request: Request, change: Callable[[], Response]) -> Response:
    """What *change* answers; what it answered before, when it was asked for with the same key.

    Raises ``Conflict`` while the first request is under way (or was broken off), ``Refused`` when the
    key was used for something else, ``Invalid`` for a key that is none.
    """
    key = key_of(request)
    if key is None or not request.user.is_authenticated:  # a key of nobody would be everybody's
        return change()
    row, is_new = _claim(request, key)
    if not is_new:
        return _answered(row, fingerprint(request))
    try:
        response = change()
    except NOT_DONE:
        row.delete()
        raise
    row.sealed_answer = seal_json(_told(response))
    row.save(update_fields=["sealed_answer"])
    return response


def key_of(request: Request) -> str | None:
    """The key of *request*, if it has one. Raises ``Invalid`` for one that is none."""
    key = request.headers.get(HEADER)
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        text = f"An {HEADER} has 1 to {MAX_KEY} printable ASCII characters."
        raise Invalid(text, fields={HEADER: [text]})
    return key


def fingerprint(request: Request) -> str:
    """A hash of what is asked for. Of a stream, which cannot be read twice, only the length counts."""
    asked = [request.method, request.get_full_path(), _content(request)]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def prune() -> int:
    """Forget the keys of yesterday; how many."""
    return KeyedRequest.objects.filter(began_at__lt=timezone.now() - KEPT).delete()[0]


def credential_of(request: Request) -> str:
    """Whose keys they are, and whose requests are counted: those of a token, or of a person."""
    if request.auth is not None:
        return f"token:{request.auth.pk}"
    return f"person:{request.user.pk}"


def _claim(request: Request, key: str) -> tuple[KeyedRequest, bool]:
    mine = {"credential": credential_of(request), "key_hash": hashlib.sha256(key.encode()).hexdigest()}
    KeyedRequest.objects.filter(**mine, began_at__lt=timezone.now() - KEPT).delete()
    return KeyedRequest.objects.get_or_create(**mine, defaults={"fingerprint": fingerprint(request)})


def _answered(row: KeyedRequest, asked: str) -> Response:
    if row.fingerprint != asked:
        raise Refused(f"This {HEADER} was used for another request. Take a new one.")
    if not row.sealed_answer:
        raise Conflict(
            f"The request with this {HEADER} began at {row.began_at:%Y-%m-%d %H:%M:%S} and has not ended. "
            "If it does not end soon, it was broken off: look what became of it, and take a new key."
        )
    told = cast("dict[str, Any]", unseal_json(row.sealed_answer))
    return Response(told["body"], status=told["status"], headers=told["headers"] | {REPLAYED: "true"})


def _told(response: Response) -> dict[str, Any]:
    return {
        "status": response.status_code,
        "headers": {name: response.headers[name] for name in TOLD if name in response.headers},
        "body": json.loads(json.dumps(response.data, cls=JSONEncoder)),
    }


def _content(request: Request) -> Any:
    data: Any = request.data
    if "stream" in data:
        return [request.headers.get("Content-Length"), request.headers.get("Content-Digest")]
    if hasattr(data.get("file"), "read"):
        return _digest(data["file"])
    return dict(data)


def _digest(file: Any) -> str:
    found = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return found
