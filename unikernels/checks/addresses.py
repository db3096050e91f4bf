"""Which addresses a check or a webhook may reach (pure).

Global ones, and for checks the networks that a superuser set on the instance. Never this machine, its links, what
hands out credentials to machines (metadata services), and our own database, broker and web server.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # nearly everywhere; link-local is refused anyway
        "168.63.129.16",  # Azure: a global address
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle Cloud
        "fd00:ec2::254",  # Amazon
        "fd20:ce::254",  # Google Cloud
        "fd00:42::42",  # Scaleway
    )
)
# All that is handed out to anybody (RFC 4291, 4193); the rest of IPv6 is for protocols.
_UNICAST = (ipaddress.ip_network("2000::/3"), ipaddress.ip_network("fc00::/7"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address, seen from an IPv6 network
_TEREDO = ipaddress.ip_network("2001::/32")  # tunnels to IPv4 addresses of others


@dataclass(frozen=True, slots=True)
class Reach:
    """What the checks of one instance may reach: *networks* beside global addresses, never *ours*.

    *simulated* are networks within 127.0.0.0/8 that are exempt from the rule about this machine; *who* are
    they, for whom it is told: checks or webhooks.
    """

    networks: tuple[Network, ...] = ()
    ours: frozenset[tuple[IP, int]] = frozenset()
    simulated: tuple[Network, ...] = ()
    who: str = "checks"


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks that stand on an instance."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def plain(address: IP) -> IP:
    """*address* in the form in which it is connected to: IPv4-mapped IPv6 is IPv4."""
    return getattr(address, "ipv4_mapped", None) or address


def refusal(address: IP, port: int, reach: Reach) -> str:
    """Why nobody may connect to *address* and *port*: a sentence, or empty when it may."""
    judged = _meant(plain(address))
    if _within(judged, reach.simulated):
        return ""
    if judged in METADATA:
        return f"{address} gives credentials to machines: {reach.who} never reach it."
    if _special(judged):
        return f"{address} is of this machine, of its link or for a special use: {reach.who} never reach it."
    if (judged, port) in reach.ours:
        return (
            f"{address} port {port} is not for {reach.who}."  # whose it is concerns nobody who may not know
        )
    if judged.is_global or _within(judged, reach.networks):
        return ""
    return f"{address} is a private address, in no network that {reach.who} may reach."


def _meant(address: IP) -> IP:
    """The IPv4 address at which packets to an IPv6 address of a translator arrive."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.sixtofour or address


def _special(address: IP) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        return address.scope_id is not None or address in _TEREDO or not _within(address, _UNICAST)
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved  # the broadcast address too
        or address in ipaddress.ip_network("0.0.0.0/8")  # Linux connects 0.0.0.0 to itself
    )


def _within(address: IP, among: Iterable[Network]) -> bool:
    return any(address in network for network in among)
