"""What can be put in place, and whether it would run: the ground of every plan."""

from __future__ import annotations

from accounts.models import Team
from albatross.models import Instance
from albatross.names import Name
from mollymawk.errors import Missing, Refused
from unikernels.checks import rounds
from unikernels.configuration import Configuration
from unikernels.images import store
from unikernels.models import Build, Image, TeamImage, Unikernel, Version
from unikernels.operations.plan import Manifest, Plan, check_place
from unikernels.operations.world import known_abis, manifest_of, quota_of, world_seen

Source = Image | Build
UNTOLD = "The builder does not tell devices and ABI; they are checked once it is downloaded."


def held(team: Team, image: Image) -> None:
    """Raise unless *team* knows *image* and its bytes are there."""
    uploaded = TeamImage.objects.filter(team=team, image=image).exists()
    if not uploaded and not Version.objects.filter(unikernel__team=team, image=image).exists():
        raise Missing("The team has no such image.")
    if not store.held(image.digest):
        raise Refused("The bytes of this image are not in the store. Upload it again.")


def available(team: Team, source: Source) -> None:
    """Raise unless *team* may put *source* in place. A build is fetched by a step of the operation."""
    if isinstance(source, Image):
        held(team, source)
    elif not source.digest:
        raise Refused(f"The builder does not state the SHA-256 of {source}: it cannot be verified.")


def told_manifest(source: Source | None) -> Manifest | None:
    """What *source* needs; None when nobody tells before it is here."""
    if isinstance(source, Image):
        return manifest_of(source)
    if source is None or source.devices is None or source.abi_version is None:
        return None
    devices = tuple((name, kind) for name, kind in source.devices)
    return Manifest(source.target, source.abi_version, devices, source.size or 0)


def place(
    team: Team | None,
    instance: Instance,
    name: Name,
    source: Source | None,
    configuration: Configuration,
    *,
    fresh: bool,
) -> Plan:
    """Would *source* with *configuration* run as *name*? On what the last inventory saw."""
    manifest = told_manifest(source)
    if manifest is None:
        return Plan(warnings=(UNTOLD,)) if source else Plan()
    world = world_seen(instance)
    running = {info.digest.hex() for info in world.unikernels.values()}
    return check_place(
        name=name,
        manifest=manifest,
        configuration=configuration,
        world=world,
        quota=quota_of(team, instance),
        known_abis=known_abis(instance, running),
        fresh=fresh,
    )


def download_of(source: Source | None) -> tuple[str, ...]:
    """The step that gets the bytes of *source*, when they are not here yet."""
    if not isinstance(source, Build) or store.held(source.digest):
        return ()
    return (f"download it from {source.builder} and verify its SHA-256",)


def proof_of(unikernel: Unikernel | None) -> str:
    """How it will be seen that it is well, in words."""
    if unikernel is not None and rounds.configured(unikernel):
        return "see its checks pass"
    return "see it run and stay up for 10 s"


def short(digest: str) -> str:
    """A digest for people."""
    return digest[:8]


def describe_changes(was: Configuration, now: Configuration) -> dict[str, tuple[str, str]]:
    """The fields that change, for people; arguments only by their number."""
    before, after = was.to_json(), now.to_json()
    found = {
        field: (str(before[field]), str(after[field])) for field in before if before[field] != after[field]
    }
    if was.arguments != now.arguments:  # their values are secrets
        found["arguments"] = (_number(was), f"{_number(now)}, not the same ones")
    return found


def _number(configuration: Configuration) -> str:
    count = len(configuration.arguments)
    return "1 argument" if count == 1 else f"{count} arguments"
