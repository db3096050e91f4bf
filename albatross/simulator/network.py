"""The addresses of simulated unikernels: a part of 127.77.0.0/16 for each instance."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_interface

from albatross.simulator.state import Labels

SIMULATED = IPv4Network("127.77.0.0/16")  # loopback, and nobody else's
DEFAULT_NETWORK = IPv4Network("127.77.0.0/24")


class Network:
    """Gives addresses to unikernels, the same again to the same name while nobody else has it."""

    def __init__(self, network: IPv4Network = DEFAULT_NETWORK) -> None:
        if not network.subnet_of(SIMULATED):
            raise ValueError(f"{network} is not a part of {SIMULATED}")
        self._network = network
        self._held: dict[Labels, IPv4Address] = {}
        self._last: dict[Labels, IPv4Address] = {}

    def take(self, owner: Labels, wanted: str | None) -> IPv4Address | None:
        """The address *wanted* (``127.77.1.5/24``) if it is simulated, else a free one; None: all taken."""
        address = _simulated(wanted) or self._free(owner)
        if address is not None:
            self._held[owner] = self._last[owner] = address
        return address

    def release(self, owner: Labels) -> None:
        self._held.pop(owner, None)

    def _free(self, owner: Labels) -> IPv4Address | None:
        held = set(self._held.values())
        last = self._last.get(owner)
        if last is not None and last in self._network and last not in held:
            return last
        promised = held | set(self._last.values())
        for taken in (promised, held):  # one that a stopped unikernel had only when no other is left
            for address in self._network.hosts():
                if address not in taken:
                    return address
        return None


def _simulated(wanted: str | None) -> IPv4Address | None:
    try:
        address = ip_interface(wanted or "").ip
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) and address in SIMULATED else None
