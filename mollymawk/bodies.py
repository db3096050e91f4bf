"""How much of a request is read, and how long that may take: before anything looks at who sent it.

A body lies in a file of the spool until it is whole, so its size costs disk, not memory. Long ones are
taken where images and contents of block devices come in, and only from somebody who shows a credential.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import JsonResponse

from mollymawk.errors import problem

ORDINARY = 2 * 2**20  # bytes; the largest honest form or JSON has some 100 kB
FORM_OVERHEAD = 2**20  # bytes around an image: boundaries and fields of a form
PAUSE = 30.0  # seconds without a byte after which a client is given up
GRACE = 60.0  # seconds in which a body may come as slowly as it likes
SLOWEST = 16 * 1024  # bytes a second, after that

_IMAGE_UPLOAD = re.compile(r"/(?:images/upload/|api/v1/images/|api/unikernel/create)")
_BLOCK_UPLOAD = re.compile(r"/(?:api/v1/)?blocks/\d+/upload/|/api/block/(?:create|upload)")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]


def room(scope: Scope) -> int:
    """The bytes that the body of this request may have."""
    path = scope["path"]
    long = _long(path)
    return long if long and _shows_credential(scope) else ORDINARY


def _long(path: str) -> int:
    if _BLOCK_UPLOAD.fullmatch(path):
        return int(settings.MAX_BLOCK_BYTES) + FORM_OVERHEAD
    return int(settings.MAX_IMAGE_BYTES) + FORM_OVERHEAD if _IMAGE_UPLOAD.fullmatch(path) else 0


def _shows_credential(scope: Scope) -> bool:
    """Whether there is something that may be one; whether it is, is asked later."""
    cookie = f"{settings.SESSION_COOKIE_NAME}=".encode()
    return any(
        name == b"authorization" or (name == b"cookie" and cookie in value)
        for name, value in scope["headers"]
    )


def announced(scope: Scope) -> int:
    """The length of the body that the header tells; 0 without one."""
    length: bytes = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() and len(length) < 20 else 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a body was not read to its end."""

    status: int
    code: str
    detail: str

    def response(self) -> JsonResponse:
        """The answer to it; the connection ends, since the rest of the body is not read."""
        body: Mapping[str, Any] = problem(self.status, self.code, self.detail)
        kind = "application/problem+json"
        response = JsonResponse(body, status=self.status, content_type=kind, headers={"Connection": "close"})
        response.headers["Content-Length"] = str(len(response.content))
        return response


def too_large(most: int) -> Failure:
    """It has more than *most* bytes."""
    return Failure(413, "too-large", f"The body is larger than {most} bytes.")


class Measured:
    """A body, cut off when it is longer than *most* bytes or comes too slowly."""

    def __init__(self, receive: Receive, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.failure: Failure | None = None
        self._receive, self._most, self._clock = receive, most, clock
        self._got, self._began, self._whole = 0, clock(), False

    async def receive(self) -> Any:
        """The next message; a disconnect in place of what is too much, or too late."""
        if self._whole:  # from here on one only waits for the client to leave
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._patience())
        except TimeoutError:
            return self._give_up(Failure(408, "too-slow", "The body came too slowly."))
        self._got += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message if self._got <= self._most else self._give_up(too_large(self._most))

    def _patience(self) -> float:
        left = GRACE + self._got / SLOWEST - (self._clock() - self._began)
        return max(0.0, min(PAUSE, left))

    def _give_up(self, failure: Failure) -> Any:
        self.failure = failure
        return {"type": "http.disconnect"}
