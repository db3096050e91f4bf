"""One request of a webhook: POST, and the beginning of what comes back. Knows of no database.

Connects only to addresses that were judged, follows no redirect, and takes no longer than ``SECONDS``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from unikernels.checks.addresses import Reach
from unikernels.checks.connecting import Clock, Wire, Wrong, spoken_to, trouble
from unikernels.checks.resolving import Unasked, places
from unikernels.checks.settings import PORTS
from unikernels.consoles.text import visible

SECONDS = 10.0  # for all of it
CONNECT_SECONDS = 5.0  # until there is a connection, TLS too
EXCERPT = 1024  # bytes of the answer's body that are kept; the rest is not read
MAX_TROUBLE = 300  # characters, as the column has
GONE = 410


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: ``trouble`` is empty when it arrived. ``latency`` in seconds."""

    status: int | None
    latency: float
    trouble: str = ""
    excerpt: str = ""

    @property
    def arrived(self) -> bool:
        return self.trouble == ""


def post(url: str, body: bytes, headers: Mapping[str, str], reach: Reach) -> Answer:
    """Send *body* to *url* once, now. Whatever goes wrong is an answer, too."""
    begun = time.monotonic()
    try:
        status, excerpt = _exchange(url, body, headers, reach)
    except (Wrong, Unasked) as error:
        return Answer(None, time.monotonic() - begun, str(error)[:MAX_TROUBLE])
    return Answer(status, time.monotonic() - begun, _wrong_with(status), excerpt)


def _wrong_with(status: int) -> str:
    if 200 <= status <= 299:
        return ""
    if 300 <= status <= 399:
        return f"It answered {status}; webhooks follow no redirect."
    if status == GONE:
        return "It answered 410: it wants no more."
    return f"It answered {status}; good is 200 to 299."


def _exchange(url: str, body: bytes, headers: Mapping[str, str], reach: Reach) -> tuple[int, str]:
    clock, parts = Clock.of(SECONDS), urlsplit(url)
    first = Clock.of(CONNECT_SECONDS)
    try:
        spots = places(parts.hostname or "", parts.port or PORTS[parts.scheme], reach, first.left())
        with closing(spoken_to(parts, spots, first)) as connection:
            connection.settimeout(clock.left())
            connection.sendall(_head(url, len(body), headers) + body)
            # HTTPResponse asks its socket for nothing but a file.
            with closing(HTTPResponse(Wire(connection, clock), method="POST")) as response:  # type: ignore[arg-type]  # see above
                response.begin()
                return response.status, _excerpt(response)
    except (OSError, HTTPException) as error:
        raise trouble(error, clock) from error
    except ValueError as error:  # a name that no certificate could have
        raise Wrong("Its name is none that TLS knows.") from error


def _head(url: str, length: int, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    lines = (
        f"POST {parts.path or '/'}{f'?{parts.query}' if parts.query else ''} HTTP/1.1",
        f"Host: {parts.netloc}",
        "User-Agent: mollymawk",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in headers.items()),
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _excerpt(response: HTTPResponse) -> str:
    """The beginning of the body. That the rest stays away does not undo the status."""
    data = b""
    try:
        while len(data) < EXCERPT and (piece := response.read1(EXCERPT - len(data))):
            data += piece
    except (OSError, HTTPException, Wrong):
        pass
    return "\n".join(visible(line) for line in data.decode(errors="replace").splitlines())
