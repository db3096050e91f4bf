"""What a simulated instance knows, and the checks that guard it: no sockets, no files, no clock.

Texts and their order are Albatross's own (``albatross-protocol`` 4.0 to 4.9); a check that fails
raises ``Refused`` with the text. MB are 2^20 bytes throughout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from albatross.messages import (
    Arguments,
    BlockInUse,
    BlockState,
    Config,
    Info,
    NetDevice,
    NetInUse,
    Policy,
    Timestamp,
)
from albatross.names import Name
from albatross.simulator.host import Host

Labels = tuple[str, ...]

DEFAULT_SECTOR = 512
_MAC_PREFIX = bytes.fromhex("008041")
_AFTER_ANY_BYTE = 256


class Refused(Exception):
    """The daemon answers with this failure text."""


@dataclass(frozen=True, slots=True)
class Running:
    """A unikernel whose process was started. ``stored`` names the image file; no bytes are here."""

    name: Name
    config: Config
    stored: str
    digest: bytes
    started: Timestamp

    @property
    def arguments(self) -> Arguments:
        return self.config.arguments

    @property
    def blocks(self) -> frozenset[Labels]:
        """The block devices of the host that it holds."""
        return frozenset((*self.name.path, d.host_device or d.name) for d in self.arguments.blocks)


@dataclass(frozen=True, slots=True)
class Usage:
    """What the unikernels at and below a path use together."""

    unikernels: int
    memory: int
    cpuids: frozenset[int]
    bridges: frozenset[str]


@dataclass(slots=True)
class State:
    """Policies, running unikernels and block devices (their size in MB), each by its labels."""

    host: Host
    policies: dict[Labels, Policy] = field(default_factory=dict)
    running: dict[Labels, Running] = field(default_factory=dict)
    blocks: dict[Labels, tuple[Name, int]] = field(default_factory=dict)

    def policy_at(self, path: Labels) -> Policy | None:
        return self.policies.get(path) if path else self.host.policy()

    def usage(self, path: Labels, *, without: Labels | None = None) -> Usage:
        """The use at and below *path*, as if the unikernel *without* were gone."""
        those = [r.arguments for r in self._running_below(path) if r.name.labels != without]
        return Usage(
            unikernels=len(those),
            memory=sum(a.memory for a in those),
            cpuids=frozenset().union(*(a.cpuids for a in those)),
            bridges=frozenset(bridge_of(d) for a in those for d in a.bridges),
        )

    def block_usage(self, path: Labels) -> int:
        return sum(size for name, size in self.blocks.values() if is_below(name, path))

    def busy_blocks(self, *, without: Labels | None = None) -> frozenset[Labels]:
        """Block devices held by running unikernels other than *without*."""
        return frozenset().union(*(r.blocks for k, r in self.running.items() if k != without))

    def _running_below(self, path: Labels) -> Iterator[Running]:
        return (r for r in self.running.values() if is_below(r.name, path))

    # --- policies ------------------------------------------------------------------------------

    def set_policy(self, path: Labels, policy: Policy) -> str:
        """Store *policy* for *path* if it fits between those above, those below and the present use."""
        if self.policies.get(path) == policy:
            return "no modification of policy"
        for length in range(len(path) - 1, 0, -1):
            if above := self.policies.get(path[:length]):
                check_within(above, policy)
        for below in sorted(self.policies, key=listing_order):
            if len(below) > len(path) and below[: len(path)] == path:
                check_within(policy, self.policies[below])
        self._check_policy_covers_use(path, policy)
        self.policies[path] = policy
        return "added policy"

    def _check_policy_covers_use(self, path: Labels, policy: Policy) -> None:
        used, used_blocks = self.usage(path), self.block_usage(path)
        if extra := used.cpuids - policy.cpuids:
            raise Refused(f"policy does not allow CPUids {_join(extra)}")
        if used.bridges - policy.bridges:
            raise Refused(
                f"policy allows bridges {_join(policy.bridges)}, which is not a superset of {_join(used.bridges)}"
            )
        limit = "unikernel would exceed running {} limit set by policy to {}"
        if used.unikernels > policy.unikernels:
            raise Refused(limit.format("unikernel", f"{policy.unikernels}, running {used.unikernels}"))
        if used.memory > policy.memory:
            raise Refused(limit.format("memory", f"{policy.memory} MB, used {used.memory} MB"))
        if used_blocks > (policy.block or 0):
            raise Refused(limit.format("block storage", f"{policy.block or 0} MB, used {used_blocks} MB"))

    # --- checks before a start -----------------------------------------------------------------

    def check_name_free(self, name: Name) -> None:
        if name.labels in self.running:
            raise Refused("Unikernel with same name is already running")

    def check_resources(self, name: Name, arguments: Arguments, *, without: Labels | None = None) -> None:
        """Policy at exactly the path of *name*, then the block devices."""
        if policy := self.policy_at(name.path):
            self._check_policy_allows(policy, self.usage(name.path, without=without), arguments)
        busy = self.busy_blocks(without=without)
        for device in arguments.blocks:
            labels = (*name.path, device.host_device or device.name)
            told = f"block device {':'.join(name.path)}:{labels[-1]}"
            if labels not in self.blocks:
                raise Refused(f"{told} not found")
            if labels in busy:
                raise Refused(f"{told} already in use")

    @staticmethod
    def _check_policy_allows(policy: Policy, used: Usage, arguments: Arguments) -> None:
        if used.unikernels >= policy.unikernels:
            raise Refused(f"maximum amount of unikernels ({policy.unikernels}) reached")
        if used.memory + arguments.memory > policy.memory:
            raise Refused(
                f"maximum allowed memory ({policy.memory}, used {used.memory}) would be exceeded "
                f"(requesting {arguments.memory})"
            )
        if extra := arguments.cpuids - policy.cpuids:
            raise Refused(f"CPUids {_join(extra)} are not allowed by policy")
        if others := frozenset(map(bridge_of, arguments.bridges)) - policy.bridges:
            raise Refused(f"bridges {_join(others)} not allowed by policy")

    def check_bridges_exist(self, arguments: Arguments) -> None:
        for device in arguments.bridges:
            if bridge_of(device) not in self.host.bridges:
                raise Refused(f"interface {bridge_of(device)} does not exist")

    # --- block devices -------------------------------------------------------------------------

    def check_block_addition(self, name: Name, size: int) -> None:
        if name.labels in self.blocks:
            raise Refused("block device with same name already exists")
        policy = self.policy_at(name.path)
        if policy is None:
            return
        if policy.block is None:
            raise Refused("no block devices are allowed by policy")
        used = self.block_usage(name.path)
        if used + size > policy.block:
            raise Refused(
                f"block device policy limit of {policy.block} MB (used {used} MB) would be exceeded "
                f"by the request ({size} MB)"
            )

    def check_block_idle(self, name: Name, verb: str) -> int:
        """The size in MB of a device that exists and that nothing holds; *verb* begins the refusal."""
        if name.labels not in self.blocks:
            raise Refused(f"{verb} block: not found")
        if name.labels in self.busy_blocks():
            raise Refused(f"{verb} block: is in use")
        return self.blocks[name.labels][1]

    # --- lists ---------------------------------------------------------------------------------

    def list_unikernels(self, queried: Name) -> list[tuple[Name, Info]]:
        """One by its full name, or all at and below a path with names relative to it."""
        if queried.label is not None:
            found = self.running.get(queried.labels)
            return [(queried, self.describe(found, found.name.path))] if found else []
        return [
            (r.name.relative_to(queried.path), self.describe(r, r.name.path[len(queried.path) :]))
            for r in _listed(self._running_below(queried.path))
        ]

    def describe(self, one: Running, block_path: Labels) -> Info:
        """*one* as info tells it. Sizes are looked up below *block_path*, and 0 when not found.

        The daemon looks with the name that it is about to tell, so a list for a path other than
        the root finds no size, or that of a device of the root.
        """
        arguments = one.arguments

        def size(device: str) -> int:
            return self.blocks.get((*block_path, device), (one.name, 0))[1]

        blocks = tuple(
            BlockInUse(
                d.name,
                d.host_device or d.name,
                d.sector_size or DEFAULT_SECTOR,
                size(d.host_device or d.name),
            )
            for d in arguments.blocks
        )
        nets = tuple(
            NetInUse(d.name, bridge_of(d), d.mac or mac_address(one.name, d.name)) for d in arguments.bridges
        )
        return Info(
            typ=one.config.typ,
            fail_behaviour=arguments.fail_behaviour,
            cpuids=arguments.cpuids,
            memory=arguments.memory,
            digest=one.digest,
            startup=arguments.startup,
            blocks=blocks,
            bridges=nets,
            arguments=arguments.arguments,
            started=one.started,
            numcpus=arguments.numcpus,
            linux_boot_partition=arguments.linux_boot_partition,
        )

    def list_blocks(self, queried: Name) -> list[BlockState]:
        busy = self.busy_blocks()
        if queried.label is not None:
            found = self.blocks.get(queried.labels)
            return [BlockState(queried, found[1], queried.labels in busy)] if found else []
        below = {k: v for k, v in self.blocks.items() if is_below(v[0], queried.path)}
        return [
            BlockState(below[k][0].relative_to(queried.path), below[k][1], k in busy)
            for k in sorted(below, key=listing_order)
        ]

    def list_policies(self, queried: Name) -> list[tuple[Name, Policy]]:
        """Policies at and below the path of *queried*, whose label is ignored."""
        everything: dict[Labels, Policy] = {(): self.host.policy(), **self.policies}
        path = queried.path
        below = [labels for labels in everything if labels[: len(path)] == path]
        return [
            (Name(labels[len(path) :]), everything[labels]) for labels in sorted(below, key=listing_order)
        ]


def check_within(above: Policy, below: Policy) -> None:
    """``Refused`` unless *below* asks for no more than *above* allows."""
    allows = "policy above allows"
    if below.unikernels > above.unikernels:
        raise Refused(f"{allows} {above.unikernels} unikernels, which is fewer than {below.unikernels}")
    if below.memory > above.memory:
        raise Refused(f"{allows} {above.memory} MB memory, which is fewer than {below.memory} MB")
    if extra := below.cpuids - above.cpuids:
        raise Refused(f"policy above does not allow CPUids {_join(extra)}")
    if below.bridges - above.bridges:
        raise Refused(
            f"{allows} bridge(s) {_join(above.bridges)}, which is not a superset of {_join(below.bridges)}"
        )
    if below.block is not None and (above.block is None or below.block > above.block):
        raise Refused(f"{allows} {above.block or 0} MB block storage, which is fewer than {below.block} MB")


def is_below(name: Name, path: Labels) -> bool:
    """Whether *name* is at or below *path*."""
    return name.path[: len(path)] == path


def listing_order(labels: Labels) -> tuple[tuple[int, ...], ...]:
    """Sort key: a node before what is below it, siblings from the last label to the first."""
    return tuple((*(-byte for byte in label.encode()), _AFTER_ANY_BYTE) for label in labels)


def _listed(those: Iterable[Running]) -> list[Running]:
    return sorted(those, key=lambda r: listing_order(r.name.labels))


def bridge_of(device: NetDevice) -> str:
    """The bridge of the host that *device* is attached to."""
    return device.bridge or device.name


def mac_address(name: Name, device: str) -> bytes:
    """The address of a network device that was given none (``albatross-protocol`` 4.2)."""
    digest = hashlib.md5(f"{device}{name}".encode(), usedforsecurity=False).digest()
    return _MAC_PREFIX + digest[:3]


def _join(values: Iterable[int] | Iterable[str]) -> str:
    return ", ".join(str(v) for v in sorted(values))
