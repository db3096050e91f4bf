"""The edge to a builder-web server: one GET at a time, within limits, every failure classified.

No connection is used twice: the server closes each after its answer without saying so, and whoever believes
it alive loses a request now and then. Redirects are followed here, one by one, within the same server only.
Only GET is ever sent: to HEAD the server answers 404 with a body.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, RemoteDisconnected
from typing import Any
from urllib.parse import urljoin

import requests
from urllib3 import exceptions as transport

from mollymawk.deadline import Deadline, WatchedAdapter
from unikernels.builds.address import place_of, server_url
from unikernels.builds.errors import (
    BadAnswer,
    BuilderError,
    CutOff,
    NotThere,
    RedirectedElsewhere,
    ServerFailed,
    TimedOut,
    TooLarge,
    Unreachable,
)

MAX_HOPS = 5  # redirects; the server's own ways have at most two
CHUNK = 256 * 1024  # bytes held at a time

_REDIRECTS = {301, 302, 303, 307, 308}  # deployments differ
_OK, _NOT_FOUND, _BUSY = 200, 404, 429


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes. ``read`` is the longest silence, the others are for a whole request."""

    connect: float = 5
    read: float = 20  # a busy server lets a few requests wait for seconds (4 s were seen)
    total: float = 30
    compare: float = 60  # the server runs a program for each changed opam file
    download: float = 600
    turn: float = 60  # until others have their answers
    json_bytes: int = 16 * 2**20  # lists of jobs have some 10 kB, comparisons up to a few MB
    binary_bytes: int = 128 * 2**20  # main binaries have 3 to 20 MB


DEFAULT_LIMITS = Limits()

Patience = Callable[[], float]
"""Seconds that a server may be silent. What it raises goes through."""


@dataclass(slots=True)
class Answer:
    """Status and headers of an answer whose body was not read yet."""

    path: str
    status: int
    headers: requests.structures.CaseInsensitiveDict[str]
    _raw: Any = field(repr=False)
    _deadline: Deadline = field(repr=False)

    @property
    def redirected(self) -> bool:
        return self.status in _REDIRECTS

    @property
    def length(self) -> int | None:
        """The length that the server states. It may be anything."""
        stated = self.headers.get("Content-Length", "")
        return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 20 else None

    def expect(self, missing: type[NotThere], what: str) -> None:
        """Raise unless the server gives what was asked for; *missing* and *what* tell a 404."""
        if self.status == _NOT_FOUND:
            raise missing(what)
        if self.status >= 500 or self.status == _BUSY:
            raise ServerFailed(f"The builder answered {self.status}.")
        if self.status != _OK:
            raise BadAnswer(f"The builder answered {self.status}, which means nothing here.")

    def chunks(self, limit: int) -> Iterator[bytes]:
        """The body. Raises ``TooLarge`` as soon as it is longer than *limit*, ``CutOff``, ``TimedOut``."""
        size = 0
        while chunk := self._read():
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"The answer has more than {limit} bytes.")
            yield chunk

    def json(self, limit: int) -> object:
        """The body as JSON, if the server says that it is."""
        kind = self.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise BadAnswer(f"The builder answered {kind or 'nothing known'} where JSON was asked for.")
        try:
            told: object = json.loads(b"".join(self.chunks(limit)))
        except (ValueError, RecursionError) as error:
            raise BadAnswer("The builder answered JSON that cannot be read.") from error
        return told

    def _read(self) -> bytes:
        try:
            data: bytes = self._raw.read1(CHUNK, decode_content=True)
        except (transport.HTTPError, HTTPException, OSError) as error:
            raise _broken(error, self._deadline) from error
        if not data and self._deadline.over:
            raise TimedOut("The builder took too long.")
        return data


class Web:
    """One server; *ca* is a file of certificates to trust instead of the usual ones.

    After *until* (on the monotonic clock) nothing is asked any more. *patience* is asked before each
    request for the seconds that the server may be silent, by whoever has a lease to renew.
    """

    def __init__(
        self,
        base_url: str,
        limits: Limits = DEFAULT_LIMITS,
        ca: str | None = None,
        until: float | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.base_url = server_url(base_url)
        self.limits = limits
        self._verify: bool | str = ca or True
        self._until = float("inf") if until is None else until
        self._patience: Patience = patience or (lambda: float("inf"))

    def timeouts(self) -> tuple[float, float]:
        """Seconds for the connection and for a silence after it, together less than the patience."""
        patience = self._patience()
        return min(self.limits.connect, patience / 4), min(self.limits.read, patience * 0.7)

    @contextmanager
    def get(
        self, path: str, *, as_json: bool = False, seconds: float | None = None, uuid: str | None = None
    ) -> Iterator[Answer]:
        """The answer at the end of all redirects; each step may take *seconds* (else ``Limits.total``).

        They may not lead away from the build *uuid*, if one is named.
        """
        for _ in range(MAX_HOPS + 1):
            with self.step(path, as_json=as_json, seconds=seconds) as answer:
                if not answer.redirected:
                    yield answer
                    return
                path = self.target(answer)
            place = place_of(path)
            if uuid is not None and (place is None or place.uuid != uuid):
                raise RedirectedElsewhere("The builder redirects to another build.")
        raise RedirectedElsewhere("The builder redirects in circles.")

    @contextmanager
    def step(self, path: str, *, as_json: bool = False, seconds: float | None = None) -> Iterator[Answer]:
        """The answer to one GET, redirect or not."""
        # Not through a session: that reads the body of a redirect, however long it is.
        left = min(seconds or self.limits.total, self._until - time.monotonic())
        if left <= 0:
            raise TimedOut("The builder took too long.")
        with Deadline(left) as deadline, closing(WatchedAdapter(deadline)) as adapter:
            try:
                response = adapter.send(
                    requests.Request("GET", self.base_url + path, headers=_headers(as_json)).prepare(),
                    stream=True,
                    timeout=self.timeouts(),
                    verify=self._verify,
                )
            except (requests.RequestException, transport.HTTPError, HTTPException, OSError) as error:
                raise _broken(error, deadline) from error
            with response:
                yield Answer(path, response.status_code, response.headers, response.raw, deadline)

    def target(self, answer: Answer) -> str:
        """Path and query of a redirect. Raises ``RedirectedElsewhere``."""
        location = answer.headers.get("Location", "")
        try:
            url = urljoin(self.base_url + answer.path, location)
            origin = server_url("/".join(url.split("/", 3)[:3]))
        except ValueError as error:
            raise RedirectedElsewhere("The builder redirects to what is no address.") from error
        if not location or origin != self.base_url:
            raise RedirectedElsewhere("The builder redirects to another server.")
        rest = url.split("/", 3)
        return "/" + (rest[3] if len(rest) > 3 else "").split("#")[0]


def _headers(as_json: bool) -> dict[str, str]:
    """Exactly this Accept gives JSON; plain bytes, so that lengths and hashes are those of the file."""
    return {
        "Accept": "application/json" if as_json else "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "User-Agent": "mollymawk",
    }


def _broken(error: Exception, deadline: Deadline) -> BuilderError:
    """The error of our tree for what requests, urllib3 or the socket raised."""
    causes = list(_causes(error))
    if deadline.over:
        return TimedOut("The builder took too long.")
    if isinstance(error, (requests.exceptions.SSLError, transport.SSLError)):
        return Unreachable("TLS with the builder failed: its certificate is not trusted, or it speaks none.")
    if any(
        isinstance(cause, transport.NewConnectionError) for cause in causes
    ):  # a timeout too, says urllib3
        return Unreachable("The builder cannot be reached.")
    timeouts = (requests.Timeout, transport.TimeoutError, TimeoutError)
    if any(isinstance(cause, timeouts) for cause in causes):
        return TimedOut("The builder took too long.")
    garbled = (
        HTTPException,
        transport.DecodeError,
        transport.LocationParseError,
        requests.exceptions.InvalidURL,
    )
    for cause in causes:
        cut = isinstance(cause, RemoteDisconnected | transport.IncompleteRead) or "IncompleteRead" in repr(
            cause
        )
        if isinstance(cause, garbled) and not cut:
            return BadAnswer("The builder answered what is not HTTP.")
    return CutOff("The answer of the builder ended too early.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: urllib3 and requests keep that among the arguments."""
    yield error
    for argument in (*error.args, getattr(error, "reason", None)):
        if isinstance(argument, BaseException):
            yield from _causes(argument)
