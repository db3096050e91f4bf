"""From a host and a port to the addresses that a check or a webhook connects to: resolved once, each one
judged.
"""

from __future__ import annotations

import functools
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from albatross.models import Instance
from unikernels.checks.addresses import IP, Network, Reach, networks, plain, refusal

MAX_PLACES = 4  # addresses of one name that are tried; two of each family are common
MAX_LOOKUPS = 64  # names that are resolved at once: the system's resolver cannot be stopped, only left
OWN_LOOKUP = 2.0  # seconds to resolve the names of our own servers
OWN_KNOWN = 60  # seconds after which they are resolved again
# Not where: our resolver may know names that whoever made the check does not.
UNTOLD = "The name {} leads to an address that {} may not reach."
_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379, "postgresql": 5432}

_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)


class Unasked(Exception):
    """We could not ask, or may not: that says nothing about the other side."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address that was found good to connect to, and a port."""

    address: IP
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET if self.address.version == 4 else socket.AF_INET6

    @property
    def sockaddr(self) -> tuple[str, int]:
        return str(self.address), self.port


def reach_of(instance: Instance) -> Reach:
    """What the checks of unikernels on *instance* may reach."""
    return _reach(networks(instance.check_networks), "checks")


def reach_of_webhooks(*, ours: bool = True) -> Reach:
    """What webhooks may reach: global addresses. Not *ours*: without looking for our own servers, which asks
    a resolver; for a first look at an address that is judged again before each request.
    """
    return _reach((), "webhooks", ours=ours)


def _reach(allowed: tuple[Network, ...], who: str, *, ours: bool = True) -> Reach:
    simulated = (settings.SIMULATED_NETWORK,) if settings.CHECK_SIMULATED_NETWORK else ()
    places = _our_places(int(time.monotonic() // OWN_KNOWN)) if ours else frozenset()
    return Reach(allowed, places, simulated, who)


def places(host: str, port: int, reach: Reach, seconds: float) -> tuple[Place, ...]:
    """Where to connect for *host* (a name or IP address), at least one place.

    Takes at most *seconds*. Raises ``Unasked`` when the name cannot be resolved, or leads to any address
    that may not be reached: a name that mixes both is a trick or a mistake.
    """
    found = list(dict.fromkeys(plain(address) for address in _resolved(host, seconds)))
    for address in found:
        if sentence := refusal(address, port, reach) or _own_machine(address, reach):
            raise Unasked(sentence if _literal(host) else UNTOLD.format(host, reach.who))
    if not found:
        raise Unasked(f"The name {host} has no address.")
    return tuple(Place(address, port) for address in found[:MAX_PLACES])


def _own_machine(address: IP, reach: Reach) -> str:
    """A refusal when *address* is one of this very machine, however it came to it."""
    if any(address in network for network in reach.simulated):
        return ""
    with socket.socket(Place(address, 0).family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))  # sends nothing: the kernel only looks for its way
        except OSError:
            return ""  # no way there: whoever connects will say so
        own = probe.getsockname()[0] == str(address)
    return f"{address} is this machine itself: {reach.who} never reach it." if own else ""


# --- names -------------------------------------------------------------------------------------------


def _resolved(host: str, seconds: float) -> list[IP]:
    literal = _literal(host)
    return [literal] if literal else _looked_up(host, seconds)


def _literal(host: str) -> IP | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _looked_up(host: str, seconds: float) -> list[IP]:
    """What the system's resolver says; it has its own time limits, so it runs in a thread that may be left."""
    end = time.monotonic() + seconds
    if not _lookups.acquire(timeout=seconds):
        raise Unasked(f"The name {host} could not be resolved: too many others are being resolved.")
    answer: queue.SimpleQueue[list[IP] | Exception] = queue.SimpleQueue()

    def look() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            answer.put([ipaddress.ip_address(entry[4][0]) for entry in found])
        except (OSError, ValueError) as error:  # ValueError: no such name can be (a label is too long)
            answer.put(error)
        finally:
            _lookups.release()

    threading.Thread(target=look, name="resolve", daemon=True).start()
    try:
        said = answer.get(timeout=max(0.0, end - time.monotonic()))
    except queue.Empty:
        raise Unasked(f"The name {host} was not resolved within {seconds:.1f} s.") from None
    if isinstance(said, Exception):
        reason = getattr(said, "strerror", None) or said
        raise Unasked(f"The name {host} cannot be resolved: {reason}.") from said
    return said


# --- ourselves ---------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def _our_places(_period: int) -> frozenset[tuple[IP, int]]:
    """Addresses and ports of our database, broker and web server, as far as they have any."""
    return frozenset(
        (plain(address), port) for host, port in _our_hosts() for address in _addresses_if_any(host)
    )


def _our_hosts() -> Iterator[tuple[str, int]]:
    database: dict[str, Any] = settings.DATABASES["default"]
    if (host := database.get("HOST", "")) and not host.startswith("/"):  # a folder: of a socket
        yield host, int(database.get("PORT") or _PORTS["postgresql"])
    for url in (settings.REDIS_URL, settings.SITE_URL):
        parts = urlsplit(url)
        if parts.hostname and parts.scheme in _PORTS:
            yield parts.hostname, parts.port or _PORTS[parts.scheme]


def _addresses_if_any(host: str) -> list[IP]:
    try:
        return _resolved(host, OWN_LOOKUP)
    except Unasked:
        return []  # then nobody else finds it under that name either
