"""One try of a check: ask, and judge the answer. Connects only to addresses that were found good.

What the unikernel does or fails to do is a pass or a failure. What *we* could not do (no resolver, no way,
no socket left, not allowed) is inconclusive.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from urllib.parse import SplitResult, urljoin, urlsplit

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from unikernels.checks.addresses import Reach
from unikernels.checks.connecting import Clock, Wire, Wrong, connected, spoken_to, trouble
from unikernels.checks.resolving import Place, Unasked, places
from unikernels.checks.settings import PORTS, Dns, Http, Settings, Tcp, text_of
from unikernels.consoles.text import visible
from unikernels.models import CheckResult

MAX_TEXT = 300  # characters of what was found, as the column has
MAX_HOPS = 5  # redirects within the same server
PIECE = 16 * 1024  # bytes read at a time
MAX_DATAGRAM = 65_535  # bytes
MAX_DATAGRAMS = 64  # that are looked through for the answer; whoever floods us is asked by TCP
UDP_SHARE = 0.4  # of the time that is left: then the question goes out again by TCP

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
Outcome = CheckResult.Outcome


@dataclass(frozen=True, slots=True)
class Found:
    """What one try showed. ``latency`` in seconds; ``text`` is one printable line for people."""

    outcome: Outcome
    latency: float
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _line(self.text))


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
            with closing(connected(_spots(wanted, reach, clock), clock)):
                return "It takes connections."


def _spots(wanted: Settings, reach: Reach, clock: Clock) -> tuple[Place, ...]:
    host, port = wanted.place
    return places(host, port, reach, clock.left())


def _line(text: str) -> str:
    line = visible(text)
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"


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
        with closing(spoken_to(parts, spots, clock, verify=wanted.verify)) as connection:
            connection.settimeout(clock.left())
            connection.sendall(_request(parts))
            # HTTPResponse asks its socket for nothing but a file.
            with closing(HTTPResponse(Wire(connection, clock), method="GET")) as response:  # type: ignore[arg-type]  # see above
                response.begin()
                yield response
    except (OSError, HTTPException) as error:
        raise trouble(error, clock) from error


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


# --- DNS ---------------------------------------------------------------------------------------------


def _ask_dns(wanted: Dns, reach: Reach, clock: Clock) -> str:
    spots = _spots(wanted, reach, clock)
    query = dns.message.make_query(wanted.name, wanted.type)
    try:
        answer = _by_udp(query, spots[0], clock) or _by_tcp(query, spots, clock)
    except (dns.exception.DNSException, EOFError) as error:
        raise _dns_trouble(error, clock) from error
    except OSError as error:
        raise trouble(error, clock) from error
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
    with closing(connected(spots, clock)) as connection:
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
