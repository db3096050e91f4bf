"""The scenes: what runs before, and what is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from albatross.messages import Config, UnikernelCreate
from mollymawk.errors import Refused
from tests.chaos.points import Scene
from tests.chaos.yard import Told
from unikernels import models
from unikernels.builds.simulator.catalogue import SimulatedBuild
from unikernels.configuration import Configuration
from unikernels.inventory.observed import write_observed
from unikernels.operations import services
from unikernels.operations.machine import Kind
from unikernels.versions import version_add

if TYPE_CHECKING:
    from tests.chaos.world import World

BUILT = ("good", "dies", "sick", "wrong-abi", "other-devices")  # at the builder, never in the store before
UPLOADED = ("uploaded-good", "uploaded-dies", "uploaded-sick")
_DIES: dict[str, Any] = {"exit": 2, "exit_after": 0.1}
IMAGES: Mapping[str, dict[str, Any]] = {
    "old": {"behaviour": {"lines": ["old"]}},  # held in our store
    "foreign": {"behaviour": {"lines": ["foreign"]}},  # only on the instance
    "good": {"behaviour": {"lines": ["good"]}},
    "dies": {"behaviour": _DIES},
    "sick": {"behaviour": {"lines": ["sick"]}},  # runs; the harness's check knows it by its digest
    "wrong-abi": {"version": 99, "behaviour": {}},
    "other-devices": {"devices": [("data", "block")], "behaviour": {}},
    "uploaded-good": {"behaviour": {"lines": ["uploaded"]}},
    "uploaded-dies": {"behaviour": {"lines": ["uploaded"], **_DIES}},
    "uploaded-sick": {"behaviour": {"lines": ["uploaded sick"]}},
}
OLD, NEW = Configuration(memory=32), Configuration(memory=48)
DYING = Configuration(memory=48, arguments=("--exit=2", "--exit-after=0.1"))


def build_row(builder: models.Builder, build: SimulatedBuild) -> models.Build:
    """The row of *build*, of which the builder does not tell what it needs."""
    binary = build.main_binary
    assert binary is not None
    return models.Build.objects.create(
        builder=builder,
        job=build.job,
        uuid=build.uuid,
        platform=build.platform,
        started_at=build.started,
        digest=binary.sha256,
        size=len(binary.data),
    )


def prepare(world: World, scene: Scene) -> None:
    """What runs when the change is asked for, on the instance and in the rows."""
    if scene.kind is Kind.DEPLOY:
        return
    thing = models.Unikernel.objects.create(
        instance=world.instance, team=world.team, path="robur", name="hello", state="running"
    )
    image = "old" if scene.old == "held" else scene.old
    old = _version(world, thing, image, OLD)
    if scene.kind is Kind.ROLLBACK:
        image = f"uploaded-{scene.new}"
        new = _version(world, thing, image, NEW)
        _start(world, thing, new, image, NEW)
        _open_window(world, thing, old, new)
    else:
        _start(world, thing, old, image, OLD)


def _version(
    world: World, thing: models.Unikernel, image: str, configuration: Configuration
) -> models.Version:
    held = world.uploaded.get(image)
    return version_add(
        unikernel=thing,
        digest=hashlib.sha256(world.images[image]).hexdigest(),
        image=held,
        configuration=configuration,
        origin=models.Version.Origin.UPLOAD if held else models.Version.Origin.ADOPTED,
        user=world.user,
    )


def _start(
    world: World, thing: models.Unikernel, version: models.Version, image: str, configuration: Configuration
) -> None:
    config = Config(arguments=configuration.to_arguments(), image=world.images[image])
    world.yard.run(UnikernelCreate(config))
    models.Unikernel.objects.filter(pk=thing.pk).update(current=version)
    models.Version.objects.filter(pk=version.pk).update(ran_at=timezone.now())
    thing.current = version
    write_observed(thing, world.yard.running(), timezone.now())


def _open_window(world: World, thing: models.Unikernel, old: models.Version, new: models.Version) -> None:
    now = timezone.now()
    done = models.Operation.objects.create(
        kind=Kind.UPGRADE,
        state="succeeded",
        unikernel=thing,
        team=world.team,
        target=new,
        fallback=old,
        credential="session",
        created_at=now,
        deadline_at=now,
        finished_at=now,
    )
    models.RollbackWindow.objects.create(
        unikernel=thing,
        to=old,
        operation=done,
        until=now + timedelta(seconds=600),
        started=Told.of(world.yard.running()).started,
        due_at=now + timedelta(seconds=600),
    )


def ask(world: World, scene: Scene) -> models.Operation:
    """Ask for the change of *scene*."""
    if scene.kind is Kind.DEPLOY:
        return services.deploy(
            actor=world.actor,
            team=world.team,
            instance=world.instance,
            name="hello",
            image=world.uploaded[f"uploaded-{scene.new}"],
            configuration=NEW,
            accept=["new-abi"],
        )
    thing = models.Unikernel.objects.get()
    match scene.kind:
        case Kind.CONFIGURE:
            wanted = DYING if scene.new == "dies" else NEW
            return services.configure(actor=world.actor, unikernel=thing, configuration=wanted)
        case Kind.UPGRADE:
            build = world.builds[scene.new]
            return services.upgrade(actor=world.actor, unikernel=thing, to=build, configuration=NEW)
        case Kind.ROLLBACK:
            return services.rollback(actor=world.actor, unikernel=thing)
        case Kind.RESTART:
            return services.restart(actor=world.actor, unikernel=thing)
        case Kind.DESTROY:
            return services.destroy(actor=world.actor, unikernel=thing)
    raise Refused(f"nobody asks for a {scene.kind}")
