"""Connections to addresses that were found good, for checks and webhooks: within a time in all, and what
went wrong in words.

Whoever comes here with a ``Place`` got it from ``resolving.places``, which judged it.
"""

from __future__ import annotations

import errno
import functools
import io
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import SplitResult

from unikernels.checks.resolving import Place, Unasked

MAX_ANSWER = 128 * 1024  # bytes of an HTTP answer, headers too, that are looked at

# What the kernel says when it is about us, not about the other side. EHOSTUNREACH is not among them: it
# is what comes when a unikernel on the same link is gone.
_OUR_TROUBLE = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EACCES,
        errno.EPERM,
        errno.ENETDOWN,
        errno.ENETUNREACH,
    }
)
_WORDS = {
    errno.ECONNREFUSED: "The connection is refused: nothing listens there.",
    errno.ECONNRESET: "The connection was cut without an answer.",
    errno.EPIPE: "The connection was cut without an answer.",
    errno.EHOSTUNREACH: "There is no such host.",
}


class Wrong(Exception):
    """It did not answer, or not as it should."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A total time limit in seconds."""

    seconds: float
    end: float

    @classmethod
    def of(cls, seconds: float) -> Clock:
        return cls(seconds, time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds that are left, more than none. Raises ``Wrong`` when the time is over."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise self.over()
        return left

    def over(self) -> Wrong:
        return Wrong(f"No complete answer within {self.seconds:g} s.")


def connected(spots: Sequence[Place], clock: Clock) -> socket.socket:
    """A connection to the first of *spots* that takes one; each may use its share of the time."""
    troubles: list[Wrong | Unasked] = []
    for number, spot in enumerate(spots):
        try:
            return _connection(spot, clock.left() / (len(spots) - number))
        except OSError as error:
            troubles.append(trouble(error, clock))
    # That we have no way to one address says less than that another one does not answer.
    raise next((one for one in troubles if isinstance(one, Wrong)), troubles[0])


def _connection(spot: Place, seconds: float) -> socket.socket:
    made = socket.socket(spot.family, socket.SOCK_STREAM)
    try:
        made.settimeout(seconds)
        made.connect(spot.sockaddr)
    except OSError:
        made.close()
        raise
    return made


def trouble(error: Exception, clock: Clock) -> Wrong | Unasked:
    """What went wrong, in words, and whose trouble it is."""
    if isinstance(error, TimeoutError):
        return clock.over()
    if isinstance(error, ssl.SSLCertVerificationError):
        return Wrong(f"Its certificate is not accepted: {error.verify_message}.")
    if isinstance(error, ssl.SSLError):
        return Wrong(f"TLS failed: {error.reason or 'the connection was cut'}.")
    if isinstance(error, HTTPException):
        return Wrong("The connection ended too early, or what came is not HTTP.")
    number = getattr(error, "errno", None)
    if number in _OUR_TROUBLE:
        return Unasked(f"We could not connect: {getattr(error, 'strerror', error)}.")
    return Wrong(
        _WORDS.get(number or 0, f"The connection failed: {getattr(error, 'strerror', None) or error}.")
    )


def spoken_to(
    parts: SplitResult, spots: Sequence[Place], clock: Clock, *, verify: bool = True
) -> socket.socket:
    """A connection, with TLS if the URL says so; the name is that of the URL, wherever it leads."""
    connection = connected(spots, clock)
    if parts.scheme == "http":
        return connection
    try:
        connection.settimeout(clock.left())
        return tls_context(verify).wrap_socket(connection, server_hostname=parts.hostname)
    except (OSError, ValueError):  # ValueError: a name that no certificate could have
        connection.close()
        raise


@functools.lru_cache(maxsize=2)
def tls_context(verify: bool) -> ssl.SSLContext:
    """One for all: reading the CA certificates takes 20 ms."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Wire(io.RawIOBase):
    """What comes from a connection: within the time in all, and no more than ``MAX_ANSWER`` bytes."""

    def __init__(self, connection: socket.socket, clock: Clock) -> None:
        self._connection, self._clock, self._left = connection, clock, MAX_ANSWER

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: self._left]
        if not view:
            return 0
        self._connection.settimeout(self._clock.left())
        size = self._connection.recv_into(view)
        self._left -= size
        return size
