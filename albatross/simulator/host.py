"""The machine that a simulated instance pretends to run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from albatross.messages import MAX_INT, Policy


@dataclass(frozen=True, slots=True)
class Host:
    """What the daemon finds at its start: ``memory`` and ``disk`` in MB, ``tenders`` by ABI version."""

    cpus: int = 4
    memory: int = 16_384
    disk: int = 102_400
    bridges: tuple[str, ...] = ("service", "management")
    tenders: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({"hvt": 2, "spt": 2}))
    directory: str = "/var/lib/albatross"

    def policy(self) -> Policy:
        """The policy of the root: everything that the machine has."""
        return Policy(
            unikernels=MAX_INT,
            cpuids=frozenset(range(self.cpus)),
            memory=self.memory,
            block=self.disk,
            bridges=frozenset(self.bridges),
        )
