"""The facts that a plan is made on: asked of the instance now, or as the database has them."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import Quota, Team
from albatross.client import Client
from albatross.messages import Policy
from albatross.models import Instance
from albatross.names import Name
from mollymawk.errors import Refused
from unikernels.inventory.observed import observed_of
from unikernels.models import Block, Image, Operation, Unikernel, Version
from unikernels.operations.machine import TRANSFERS
from unikernels.operations.plan import BlockFact, Manifest, World


class NoPolicy(Refused):
    """A domain without limits: nothing can be asked for in it."""


def world_now(client: Client, instance: Instance) -> World:
    """What the instance says this moment: three commands at the root, which carry no policy."""
    moving = moving_on(instance)
    return World(
        unikernels=dict(client.unikernels()),
        policies=policies_now(client),
        blocks={
            state.name: BlockFact(state.size, state.active, str(state.name) in moving)
            for state in client.blocks()
        },
    )


def moving_on(instance: Instance) -> set[str]:
    """The block devices whose content a transfer of ours moves; the instance does not tell (protocol 4.9)."""
    rows = Operation.objects.filter(instance=instance, kind__in=TRANSFERS, finished_at=None)
    return set(rows.values_list("block_name", flat=True))


def policies_now(client: Client) -> dict[tuple[str, ...], Policy]:
    """Every policy of the instance by path."""
    return {name.path: policy for name, policy in client.policies()}


def policies_to_carry(client: Client, name: Name) -> tuple[Policy, ...]:
    """The policies on the way to *name*, as they are this moment: what its certificates have to carry.

    A guess would overwrite them, or lock the domain out. Raises ``NoPolicy``.
    """
    policies = policies_now(client)
    paths = [name.path[:depth] for depth in range(1, len(name.path) + 1)]
    if missing := [path for path in paths if path not in policies]:
        raise NoPolicy(f"The instance has no policy for {':'.join(missing[0])} (any more).")
    return tuple(policies[path] for path in paths)


def world_seen(instance: Instance) -> World:
    """What the last inventory saw; good for a dry run, never for a swap."""
    rows = Unikernel.objects.filter(instance=instance)
    reports = ((row.full_name, observed_of(row)) for row in rows)
    moving = moving_on(instance)
    return World(
        unikernels={name: info for name, info in reports if info is not None},
        policies={
            tuple(row.path.split(":")) if row.path else (): row.policy() for row in instance.policies.all()
        },
        blocks={
            row.full_name: BlockFact(row.size, row.active, str(row) in moving)
            for row in Block.objects.filter(instance=instance)
        },
    )


def manifest_of(image: Image) -> Manifest:
    """What *image* needs."""
    devices = tuple((name, kind) for name, kind in image.devices)
    return Manifest(image.target, image.abi_version, devices, image.size)


def quota_of(team: Team | None, instance: Instance) -> Policy | None:
    """What was granted to *team* there, if anything was."""
    quota = Quota.objects.filter(team=team, instance=instance).first() if team else None
    return quota.policy() if quota else None


def known_abis(instance: Instance, running: Iterable[str]) -> frozenset[tuple[str, int]]:
    """ABIs of which an image was verified to run on *instance*, or runs there (*running*: digests)."""
    ran = Version.objects.filter(unikernel__instance=instance, ran_at__isnull=False, image__isnull=False)
    pairs = set(ran.values_list("image__target", "image__abi_version").distinct())
    seen = Image.objects.filter(digest__in=list(running))
    return frozenset(pairs | set(seen.values_list("target", "abi_version").distinct()))


def digests(world: World) -> set[str]:
    """The images that run, as hex."""
    return {info.digest.hex() for info in world.unikernels.values()}
