"""The scenes: what runs before, and what is asked for."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from django.utils import timezone

from accounts.actors import Actor
from accounts.models import Membership, Quota, Role, Team, User
from albatross.messages import Command, Config, Info, Policy, Success, UnikernelCreate
from albatross.models import Instance, ObservedPolicy
from albatross.names import Name
from albatross.simulator.authority import Papers
from albatross.simulator.images import build_image
from mollymawk.errors import Refused
from mollymawk.keyring import seal
from tests.chaos.points import Scene
from tests.chaos.yard import Told
from unikernels import models
from unikernels.builds.simulator.catalogue import Catalogue, SimulatedBuild
from unikernels.builds.simulator.publishing import unikernel
from unikernels.configuration import Configuration
from unikernels.images.services import image_add
from unikernels.inventory.observed import write_observed
from unikernels.operations import services
from unikernels.operations.machine import Kind
from unikernels.versions import version_add

POLICY = Policy(
    unikernels=1000, cpuids=frozenset({0, 1}), memory=100_000, block=64, bridges=frozenset({"service"})
)
PATH = "robur"

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
DAY = datetime(2026, 1, 1, tzinfo=UTC)
DYING = Configuration(memory=48, arguments=("--exit=2", "--exit-after=0.1"))


class Host(Protocol):
    """The instance, as whoever sits at it."""

    def run(self, command: Command, name: Name) -> Success: ...

    def running(self, name: Name) -> Info | None: ...


class Stage:
    """The people, rows and images that all scenes share; the database has to be empty."""

    def __init__(self, host: Host, papers: Papers, address: str, builder_url: str) -> None:
        self.host = host
        self.user = User.objects.create_user("dave@example.org", is_active=True)
        self.team = Team.objects.create(name=PATH, domain=PATH)
        Membership.objects.create(team=self.team, user=self.user, role=Role.DEPLOYER)
        self.actor = Actor(self.user, "session")
        self.instance = Instance.objects.create(
            name="fra-1",
            address=address,
            server_ca=papers.ca_pem,
            certificate=papers.ca_pem,
            sealed_key=seal(papers.key_pem),
        )
        _grant(self.team, self.instance)
        self.images: dict[str, bytes] = {name: build_image(**words) for name, words in IMAGES.items()}
        self.catalogue = Catalogue()
        row = models.Builder.objects.create(name="builds", url=builder_url)
        self.builds = {
            name: build_row(
                row, self.catalogue.add(unikernel(job=name, started=DAY, number=1, **IMAGES[name]))
            )
            for name in BUILT
        }
        self.uploaded = {name: self._upload(name) for name in ("old", *UPLOADED)}

    def _upload(self, name: str) -> models.Image:
        data = io.BytesIO(self.images[name])
        return image_add(actor=self.actor, team=self.team, file=data, name=name).image


def _grant(team: Team, instance: Instance) -> None:
    limits = {
        "unikernels": POLICY.unikernels,
        "memory": POLICY.memory,
        "block": POLICY.block,
        "cpuids": sorted(POLICY.cpuids),
        "bridges": sorted(POLICY.bridges),
    }
    Quota.objects.create(team=team, instance=instance, state=Quota.State.APPLIED, **limits)
    ObservedPolicy.objects.create(instance=instance, path=PATH, observed_at=timezone.now(), **limits)


def full_name(name: str) -> Name:
    """Of a unikernel of the team."""
    return Name.of(PATH, label=name)


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


def prepare(stage: Stage, scene: Scene, name: str = "hello") -> None:
    """What runs when the change is asked for, on the instance and in the rows."""
    if scene.kind is Kind.DEPLOY:
        return
    thing = models.Unikernel.objects.create(
        instance=stage.instance, team=stage.team, path=PATH, name=name, state="running"
    )
    image = "old" if scene.old == "held" else scene.old
    old = _version(stage, thing, image, OLD)
    if scene.kind is Kind.ROLLBACK:
        image = f"uploaded-{scene.new}"
        new = _version(stage, thing, image, NEW)
        _start(stage, thing, new, image, NEW)
        _open_window(stage, thing, old, new)
    else:
        _start(stage, thing, old, image, OLD)


def _version(
    stage: Stage, thing: models.Unikernel, image: str, configuration: Configuration
) -> models.Version:
    held = stage.uploaded.get(image)
    return version_add(
        unikernel=thing,
        digest=hashlib.sha256(stage.images[image]).hexdigest(),
        image=held,
        configuration=configuration,
        origin=models.Version.Origin.UPLOAD if held else models.Version.Origin.ADOPTED,
        user=stage.user,
    )


def _start(
    stage: Stage, thing: models.Unikernel, version: models.Version, image: str, configuration: Configuration
) -> None:
    config = Config(arguments=configuration.to_arguments(), image=stage.images[image])
    stage.host.run(UnikernelCreate(config), thing.full_name)
    models.Unikernel.objects.filter(pk=thing.pk).update(current=version)
    models.Version.objects.filter(pk=version.pk).update(ran_at=timezone.now())
    thing.current = version
    write_observed(thing, stage.host.running(thing.full_name), timezone.now())


def _open_window(stage: Stage, thing: models.Unikernel, old: models.Version, new: models.Version) -> None:
    now = timezone.now()
    done = models.Operation.objects.create(
        kind=Kind.UPGRADE,
        state="succeeded",
        unikernel=thing,
        team=stage.team,
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
        started=Told.of(stage.host.running(thing.full_name)).started,
        due_at=now + timedelta(seconds=600),
    )


def ask(stage: Stage, scene: Scene, name: str = "hello") -> models.Operation:
    """Ask for the change of *scene*."""
    if scene.kind is Kind.DEPLOY:
        return services.deploy(
            actor=stage.actor,
            team=stage.team,
            instance=stage.instance,
            name=name,
            image=stage.uploaded[f"uploaded-{scene.new}"],
            configuration=NEW,
            accept=["new-abi"],
        )
    thing = models.Unikernel.objects.get(name=name)
    match scene.kind:
        case Kind.CONFIGURE:
            wanted = DYING if scene.new == "dies" else NEW
            return services.configure(actor=stage.actor, unikernel=thing, configuration=wanted)
        case Kind.UPGRADE:
            yes = [] if scene.new == "wrong-abi" else ["new-abi"]
            build = stage.builds[scene.new]
            return services.upgrade(
                actor=stage.actor, unikernel=thing, to=build, configuration=NEW, accept=yes
            )
        case Kind.ROLLBACK:
            return services.rollback(actor=stage.actor, unikernel=thing)
        case Kind.RESTART:
            return services.restart(actor=stage.actor, unikernel=thing)
        case Kind.DESTROY:
            return services.destroy(actor=stage.actor, unikernel=thing)
    raise Refused(f"nobody asks for a {scene.kind}")
