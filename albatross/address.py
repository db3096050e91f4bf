"""Where an instance is reached: ``host:port``, ``192.0.2.1:1025``, ``[2001:db8::1]:1025``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from albatross.errors import AddressInvalid

DEFAULT_PORT = 1025  # of albatross-tls-endpoint
MAX_HOST = 253  # characters of a name in the DNS

_HOST = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
_PARTS = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name, IPv4 or IPv6 address) and a TCP port. Build with ``parse``, which validates."""

    host: str
    port: int = DEFAULT_PORT

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``host:port``; the port may be left out. ``AddressInvalid`` with a sentence otherwise."""
        parts = _PARTS.fullmatch(text.strip())
        if parts is None:
            raise AddressInvalid(f"{text!r} is not host:port (write an IPv6 address in brackets: [::1]:1025)")
        port = DEFAULT_PORT if parts["port"] is None else int(parts["port"])
        if not 0 < port < 65536:
            raise AddressInvalid(f"{port} is not a port (1-65535)")
        return cls(_ipv6(parts["six"]) if parts["six"] else _host(parts["name"]), port)

    @property
    def is_literal(self) -> bool:
        """Whether the host is an IP address, so that no name has to be resolved."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _ipv6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError as error:
        raise AddressInvalid(f"{text!r} is not an IPv6 address") from error


def _host(text: str) -> str:
    if len(text) > MAX_HOST or not _HOST.fullmatch(text):
        raise AddressInvalid(f"{text!r} is not the name or address of a host")
    return text.lower()
