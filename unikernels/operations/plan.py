"""The plan of a change: what will be done, why it would not work, what a person has to say yes to.

Pure. The same function serves the dry run (on facts from the database) and the preflight step (on
facts asked for a moment ago); design rule 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from albatross.messages import Info, Policy, Typ
from albatross.names import Name
from unikernels.configuration import Configuration

NO_WAY_BACK = "no-way-back"
NEW_ABI = "new-abi"
FAILING_CHECKS = "failing-checks"
RUNNABLE = frozenset({"hvt", "spt"})


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an image needs: ABI, and devices as (name, "net" or "block"). ``size`` in bytes."""

    target: str
    version: int
    devices: tuple[tuple[str, str], ...]
    size: int = 0

    def names(self, kind: str) -> set[str]:
        """The devices of one kind."""
        return {name for name, device_kind in self.devices if device_kind == kind}


@dataclass(frozen=True, slots=True)
class BlockFact:
    """A block device of the host: its size in MB, whether a running unikernel has it, or a transfer of ours."""

    size: int
    active: bool
    moving: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """What is known of an instance: everything that runs, every policy by path, every block device."""

    unikernels: Mapping[Name, Info]
    policies: Mapping[tuple[str, ...], Policy]
    blocks: Mapping[Name, BlockFact]


@dataclass(frozen=True, slots=True)
class Question:
    """Something that only a person can decide; ``code`` is what they say yes to."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Empty ``refusals`` and no open ``questions``: it can be done."""

    steps: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    warnings: tuple[str, ...] = ()
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def open_questions(self, accepted: frozenset[str]) -> tuple[Question, ...]:
        """The questions not answered by *accepted*."""
        return tuple(q for q in self.questions if q.code not in accepted)


def lower(policy: Policy | None, quota: Policy | None) -> Policy | None:
    """The limits that hold: what the instance enforces and what was granted, the lower of each."""
    if policy is None or quota is None:
        return policy
    block = None if policy.block is None or quota.block is None else min(policy.block, quota.block)
    return Policy(
        unikernels=min(policy.unikernels, quota.unikernels),
        cpuids=policy.cpuids & quota.cpuids,
        memory=min(policy.memory, quota.memory),
        block=block,
        bridges=policy.bridges & quota.bridges,
    )


def check_place(
    *,
    name: Name,
    manifest: Manifest,
    configuration: Configuration,
    world: World,
    quota: Policy | None,
    known_abis: frozenset[tuple[str, int]],
    fresh: bool,
) -> Plan:
    """Would *configuration* with this image run as *name*? *fresh*: the name has to be free."""
    running = world.unikernels.get(name)
    limits = lower(world.policies.get(name.path), quota)
    refusals = [
        *_name_refusals(name, running, fresh=fresh),
        *_abi_refusals(manifest),
        *_device_refusals(manifest, configuration),
        *_limit_refusals(name, configuration, world, limits),
        *_block_refusals(name, configuration, world, running),
    ]
    return Plan(
        refusals=tuple(refusals),
        questions=tuple(_questions(manifest, known_abis)),
        warnings=tuple(_warnings(manifest, configuration)),
    )


def _name_refusals(name: Name, running: Info | None, *, fresh: bool) -> Iterator[str]:
    if running is None:
        return
    if fresh:
        yield f"{name} runs already. Configure it, or destroy it first."
    if running.typ is not Typ.SOLO5:
        yield f"{name} is a BHyve machine. These are shown, never changed."


def _abi_refusals(manifest: Manifest) -> Iterator[str]:
    if manifest.target not in RUNNABLE:
        yield f"The image is built for {manifest.target}. Albatross runs {' and '.join(sorted(RUNNABLE))}."


def _device_refusals(manifest: Manifest, configuration: Configuration) -> Iterator[str]:
    """Albatross compares the names as sets, and only after it killed what ran (protocol 4.2, 4.3)."""
    for kind, word, given in (
        ("net", "network device", [net.name for net in configuration.networks]),
        ("block", "block device", [block.name for block in configuration.blocks]),
    ):
        needed = manifest.names(kind)
        for device in sorted(needed - set(given)):
            yield f"The image needs the {word} {device!r}; say which one of the instance it gets."
        for device in sorted(set(given) - needed):
            yield f"The image has no {word} {device!r}."


def _limit_refusals(
    name: Name, configuration: Configuration, world: World, limits: Policy | None
) -> Iterator[str]:
    if limits is None:
        yield f"{':'.join(name.path) or 'The root'} has no policy on this instance; a quota has to be granted first."
        return
    others = [info for other, info in world.unikernels.items() if _below(other, name.path) and other != name]
    used = sum(info.memory for info in others)
    if len(others) + 1 > limits.unikernels:
        yield f"The quota allows {limits.unikernels} unikernels; {len(others)} others run."
    if used + configuration.memory > limits.memory:
        yield (
            f"The quota allows {limits.memory} MB of memory; others use {used} MB,"
            f" {limits.memory - used} MB are free, {configuration.memory} MB are asked for."
        )
    if denied := configuration.cpuids - limits.cpuids:
        yield f"The quota does not allow CPU {_list(denied)}; allowed: {_list(limits.cpuids)}."
    bridges = {net.bridge or net.name for net in configuration.networks}
    if denied_bridges := bridges - limits.bridges:
        yield f"The quota does not allow bridge {_list(denied_bridges)}; allowed: {_list(limits.bridges)}."


def _block_refusals(
    name: Name, configuration: Configuration, world: World, running: Info | None
) -> Iterator[str]:
    ours = {block.host_device for block in running.blocks} if running else set()
    hosts = [block.host_device or block.name for block in configuration.blocks]
    for host in sorted({host for host in hosts if hosts.count(host) > 1}):
        yield f"The block device {host} is given twice."
    for host in sorted(set(hosts)):
        # Albatross takes this text as it is: no folding, no validation (protocol 4.2).
        fact = world.blocks.get(Name(name.path, host))
        if fact is None:
            yield f"There is no block device {host}. Create it first."
        elif fact.active and host not in ours:
            yield f"The block device {host} is in use by another unikernel."
        elif fact.moving:
            yield f"The content of the block device {host} is being read or written: wait for its end."


def _questions(manifest: Manifest, known_abis: frozenset[tuple[str, int]]) -> Iterator[Question]:
    abi = (manifest.target, manifest.version)
    if manifest.target in RUNNABLE and abi not in known_abis:
        yield Question(
            NEW_ABI,
            f"No image with ABI {manifest.target} version {manifest.version} has been seen running on this"
            " instance, and it does not tell which tenders it has. Without the right one the unikernel"
            " does not start.",
        )


def _warnings(manifest: Manifest, configuration: Configuration) -> Iterator[str]:
    if manifest.size > configuration.memory * 2**20:
        yield (
            f"The image has {manifest.size / 2**20:.0f} MB and gets {configuration.memory} MB of memory."
            " It will hardly start."
        )


def _below(name: Name, path: tuple[str, ...]) -> bool:
    return name.path[: len(path)] == path


def _list(items: object) -> str:
    return ", ".join(str(item) for item in sorted(items)) or "none"  # type: ignore[call-overload]  # sets of int or str
