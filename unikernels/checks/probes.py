"""One try of a check: ask, and judge the answer. Connects only to addresses that were found good.

What the unikernel does or fails to do is a pass or a failure. What *we* could not do (no resolver, no way,
no socket left, not allowed) is inconclusive.
"""

from __future__ import annotations

import errno
import functools
import io
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from unikernels.checks.addresses import Reach
from unikernels.checks.resolving import Place, Unasked, places
from unikernels.checks.settings import PORTS, Dns, Http, Settings, Tcp, text_of
from unikernels.consoles.text import visible
from unikernels.models import CheckResult

MAX_TEXT = 300  # characters of what was found, as the column has
MAX_ANSWER = 128 * 1024  # bytes of an HTTP answer, headers too, that are looked at
MAX_HOPS = 5  # redirects within the same server
PIECE = 16 * 1024  # bytes read at a time
MAX_DATAGRAM = 65_535  # bytes
MAX_DATAGRAMS = 64  # that are looked through for the answer; whoever floods us is asked by TCP
UDP_SHARE = 0.4  # of the time that is left: then the question goes out again by TCP

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
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

Outcome = CheckResult.Outcome


@dataclass(frozen=True, slots=True)
class Found:
    """What one try showed. ``latency`` in seconds; ``text`` is one printable line for people."""

    outcome: Outcome
    latency: float
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _line(self.text))


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


def probe(wanted: Settings, reach: Reach, timeout: float) -> Found:
    """Try *wanted* once, now, for at most *timeout* seconds."""
    begun = time.monotonic()
    try:
        outcome, text = Outcome.PASSED, _ask(wanted, reach, Clock.of(timeout))
    except Wrong as error:
        outcome, text = Outcome.FAILED, str(error)
    except Unasked as error:
        outcome, text = Outcome.INCONCLUSIVE, str(error)
    return Found(outcome, time.monotonic() - begun, text)


def _ask(wanted: Settings, reach: Reach, clock: Clock) -> str:
    match wanted:
        case Http():
            return _ask_http(wanted, reach, clock)
        case Dns():
            return _ask_dns(wanted, reach, clock)
        case Tcp():
            with closing(_connected(_spots(wanted, reach, clock), clock)):
                return "It takes connections."


def _spots(wanted: Settings, reach: Reach, clock: Clock) -> tuple[Place, ...]:
    host, port = wanted.place
    return places(host, port, reach, clock.left())


def _line(text: str) -> str:
    line = visible(text)
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"


# --- connections -------------------------------------------------------------------------------------


def _connected(spots: Sequence[Place], clock: Clock) -> socket.socket:
    """A connection to the first of *spots* that takes one; each may use its share of the time."""
    troubles: list[Wrong | Unasked] = []
    for number, spot in enumerate(spots):
        try:
            return _connection(spot, clock.left() / (len(spots) - number))
        except OSError as error:
            troubles.append(_trouble(error, clock))
    # That we have no way to one address says less than that another one does not answer.
    raise next((trouble for trouble in troubles if isinstance(trouble, Wrong)), troubles[0])


def _connection(spot: Place, seconds: float) -> socket.socket:
    made = socket.socket(spot.family, socket.SOCK_STREAM)
    try:
        made.settimeout(seconds)
        made.connect(spot.sockaddr)
    except OSError:
        made.close()
        raise
    return made


def _trouble(error: Exception, clock: Clock) -> Wrong | Unasked:
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


# --- HTTP --------------------------------------------------------------------------------------------


def _ask_http(wanted: Http, reach: Reach, clock: Clock) -> str:
    spots = _spots(wanted, reach, clock)
    url = wanted.url
    for _ in range(MAX_HOPS + 1):
        with _answer(url, wanted, spots, clock) as response:
            onward = _onward(url, response)
            if onward is None:
                return _judged(wanted, response)
            url = onward
    raise Wrong("It redirects in circles.")


@contextmanager
def _answer(url: str, wanted: Http, spots: Sequence[Place], clock: Clock) -> Iterator[HTTPResponse]:
    """The answer to one GET, its body not read yet; what goes wrong on the way is classified."""
    parts = urlsplit(url)
    try:
        with closing(_spoken_to(parts, wanted, spots, clock)) as connection:
            connection.settimeout(clock.left())
            connection.sendall(_request(parts))
            # HTTPResponse asks its socket for nothing but a file.
            with closing(HTTPResponse(_Wire(connection, clock), method="GET")) as response:  # type: ignore[arg-type]  # see above
                response.begin()
                yield response
    except (OSError, HTTPException) as error:
        raise _trouble(error, clock) from error


def _spoken_to(parts: SplitResult, wanted: Http, spots: Sequence[Place], clock: Clock) -> socket.socket:
    """A connection, with TLS if the URL says so; the name is that of the URL, wherever it leads."""
    connection = _connected(spots, clock)
    if parts.scheme == "http":
        return connection
    try:
        connection.settimeout(clock.left())
        return _tls(wanted.verify).wrap_socket(connection, server_hostname=parts.hostname)
    except (OSError, ValueError):  # ValueError: a name that no certificate could have
        connection.close()
        raise


@functools.lru_cache(maxsize=2)
def _tls(verify: bool) -> ssl.SSLContext:
    """One for all: reading the CA certificates takes 20 ms."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _request(parts: SplitResult) -> bytes:
    """The request for a URL that ``settings`` found clean, or a redirect that ``_onward`` did."""
    host = parts.netloc.rpartition("@")[2]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = (
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: mollymawk",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    return ("\r\n".join(headers) + "\r\n\r\n").encode("ascii")


def _onward(url: str, response: HTTPResponse) -> str | None:
    """Where a redirect leads if that is the same server; None for all else, which counts as it is."""
    location = response.headers.get("Location", "")
    if response.status not in _REDIRECTS or not location or not location.isascii() or " " in location:
        return None
    if not location.isprintable():
        return None
    try:
        target = urljoin(url, location)
        same = _server(urlsplit(target)) == _server(urlsplit(url))
    except ValueError:
        return None
    return target if same else None


def _server(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)


def _judged(wanted: Http, response: HTTPResponse) -> str:
    low, high = wanted.status
    if not low <= response.status <= high:
        raise Wrong(f"It answered {response.status}; good is {low} to {high}.")
    if wanted.text and not _contains(response, wanted.text.encode()):
        raise Wrong(f"It answered {response.status}, and “{wanted.text}” is not in it.")
    return f"It answered {response.status}."


def _contains(response: HTTPResponse, text: bytes) -> bool:
    body = b""
    while piece := response.read1(PIECE):
        body += piece
        if text in body[-len(piece) - len(text) :]:
            return True
    return False


class _Wire(io.RawIOBase):
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


# --- DNS ---------------------------------------------------------------------------------------------


def _ask_dns(wanted: Dns, reach: Reach, clock: Clock) -> str:
    spots = _spots(wanted, reach, clock)
    query = dns.message.make_query(wanted.name, wanted.type)
    try:
        answer = _by_udp(query, spots[0], clock) or _by_tcp(query, spots, clock)
    except (dns.exception.DNSException, EOFError) as error:
        raise _dns_trouble(error, clock) from error
    except OSError as error:
        raise _trouble(error, clock) from error
    return _judged_records(wanted, answer)


def _by_udp(query: dns.message.Message, spot: Place, clock: Clock) -> dns.message.Message | None:
    """The answer by UDP; None when it stays away or does not fit."""
    end = time.monotonic() + clock.left() * UDP_SHARE
    with socket.socket(spot.family, socket.SOCK_DGRAM) as asker:
        try:
            asker.connect(spot.sockaddr)  # so that a refusal is heard, and nobody else
            asker.send(query.to_wire())
            for _ in range(MAX_DATAGRAMS):
                asker.settimeout(max(0.001, end - time.monotonic()))
                answer = _message(asker.recv(MAX_DATAGRAM))
                if answer is not None and query.is_response(answer):
                    return None if answer.flags & dns.flags.TC else answer
        except (TimeoutError, ConnectionRefusedError):
            pass
    return None


def _message(data: bytes) -> dns.message.Message | None:
    """*data* as a DNS message; None for what is none: anybody may send anything by UDP."""
    try:
        return dns.message.from_wire(data, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError):
        return None


def _by_tcp(query: dns.message.Message, spots: Sequence[Place], clock: Clock) -> dns.message.Message:
    with closing(_connected(spots, clock)) as connection:
        connection.setblocking(False)
        where = str(spots[0].address)
        return dns.query.tcp(query, where, timeout=clock.left(), sock=connection)


def _dns_trouble(error: Exception, clock: Clock) -> Wrong:
    if isinstance(error, dns.exception.Timeout):
        return clock.over()
    if isinstance(error, EOFError):
        return Wrong("The connection was cut without an answer.")
    return Wrong("What came is no answer of the DNS to this question.")


def _judged_records(wanted: Dns, answer: dns.message.Message) -> str:
    if answer.rcode() != dns.rcode.NOERROR:
        raise Wrong(f"It answered {dns.rcode.to_text(answer.rcode())}.")
    kind = dns.rdatatype.from_text(wanted.type)
    texts = sorted(text_of(record) for found in answer.answer if found.rdtype == kind for record in found)
    if not texts:
        raise Wrong(f"It answered without a record {wanted.type}.")
    if wanted.wanted and wanted.wanted not in texts:
        raise Wrong(f"It answered {', '.join(texts)}; {wanted.answer} is not among them.")
    return f"It answered {', '.join(texts)}."
