"""What stands around every request, before anything looks at it."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]

REQUEST_ID = "X-Request-ID"

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
# Control characters, what some readers take for the end of a line, and what turns the direction of text.
_ESCAPED = {
    number: f"\\u{number:04x}"
    for number in (
        *range(0x20),
        *range(0x7F, 0xA0),
        0x2028,
        0x2029,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
}
_present: ContextVar[str] = ContextVar("request_id", default="-")


def request_id(get_response: Answer) -> Answer:
    """Give each request a name (its own ``X-Request-ID``, when it is a plain one), told in the answer
    and in every line of the log that is written for it.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(REQUEST_ID, "")
        name = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        token = _present.set(name)
        try:
            response = get_response(request)
        finally:
            _present.reset(token)
        response.headers[REQUEST_ID] = name
        return response

    return middleware


class WithRequest(logging.Filter):
    """Tells each record for which request it is written: ``{request_name}``, "-" outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_name = _present.get()
        return True


class OneLine(logging.Formatter):
    """A record is one line (and its traceback): what somebody sent cannot pass for another record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return super().formatMessage(record).translate(_ESCAPED)


def no_nul(get_response: Answer) -> Answer:
    """Refuse addresses with a NUL (400): no name here has one, and PostgreSQL breaks off at it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise SuspiciousOperation("a NUL in the address")
        return get_response(request)

    return middleware


# What no page here ever asks a browser for.
_PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "usb")
)


def guarded(get_response: Answer) -> Answer:
    """Headers that Django does not set: nobody else's page loads what is ours, and none asks for a camera."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        return response

    return middleware
