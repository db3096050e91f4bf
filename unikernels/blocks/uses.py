"""Who has a block device now, and which versions ask for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from unikernels.configuration import parse
from unikernels.models import Block, Unikernel, Version

MAX_VERSIONS = 200  # of one domain on one instance that are looked through, the newest first


@dataclass(frozen=True, slots=True)
class Use:
    """A running unikernel that has a block device."""

    pk: int
    name: str


def uses_of(found: Iterable[Block]) -> dict[tuple[int, str, str], list[Use]]:
    """Which running unikernels have these block devices, by instance, path and name."""
    active = {(block.instance_id, block.path) for block in found if block.active}
    uses: dict[tuple[int, str, str], list[Use]] = defaultdict(list)
    holders = Unikernel.objects.filter(
        instance__in={place for place, _ in active}, path__in={path for _, path in active}
    )
    for pk, name, instance, path, observed in holders.values_list(
        "pk", "name", "instance", "path", "observed"
    ):
        for held in observed.get("blocks", ()):
            uses[instance, path, held["host_device"]].append(Use(pk, name))
    return uses


@dataclass(slots=True)
class Asker:
    """A unikernel whose kept versions ask for a block device. ``current``: so does what runs, or ran last."""

    pk: int
    name: str
    numbers: list[int] = field(default_factory=list)
    current: bool = False

    @property
    def versions(self) -> str:
        """``version 3`` or ``versions 2, 3``."""
        return f"version{'s' if len(self.numbers) > 1 else ''} {', '.join(map(str, sorted(self.numbers)))}"


def askers_of(block: Block) -> list[Asker]:
    """The unikernels beside *block* whose versions, with bytes that are held or can be fetched, name it."""
    versions = Version.objects.filter(
        unikernel__instance=block.instance, unikernel__path=block.path, pruned_at=None
    )
    newest = versions.exclude(configuration__blocks={}).select_related("unikernel").order_by("-pk")
    askers: dict[int, Asker] = {}
    for version in newest[:MAX_VERSIONS]:
        if _names(version, block.name):
            unikernel = version.unikernel
            asker = askers.setdefault(unikernel.pk, Asker(unikernel.pk, unikernel.name))
            asker.numbers.append(version.number)
            asker.current |= version.pk == unikernel.current_id
    return sorted(askers.values(), key=lambda asker: asker.name)


def _names(version: Version, name: str) -> bool:
    return any((block.host_device or block.name) == name for block in parse(version.configuration).blocks)
