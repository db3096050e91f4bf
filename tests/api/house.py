"""Rows for the stories of the API: team robur has something of everything on instance fra-1."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone

from accounts.actors import SYSTEM, Actor
from accounts.invitations.models import Invitation
from accounts.invitations.services import PAUSE, invite
from accounts.models import ApiToken, Quota, Role, Team, User
from accounts.publishers.models import Issuer, Publisher
from accounts.publishers.services import publisher_add
from accounts.services import member_set, team_create, token_issue
from albatross.messages import QUIT, Info, NetInUse, Policy, Timestamp, Typ
from albatross.models import Instance, ObservedPolicy
from albatross.simulator.images import build_image
from mollymawk.keyring import seal
from unikernels.alerts.models import Alert
from unikernels.blocks.files import file_receive
from unikernels.builds.compare import Change, Changes, Difference, Package, Side
from unikernels.builds.packing import pack_changes
from unikernels.configuration import Configuration, from_info
from unikernels.images.services import image_add
from unikernels.inventory.observed import observed_fields
from unikernels.models import (
    Block,
    BlockFile,
    Build,
    Builder,
    Check,
    Freeze,
    Image,
    Lookup,
    Operation,
    QuotaRequest,
    RollbackWindow,
    TeamImage,
    Unikernel,
    Version,
)
from unikernels.operations.machine import Kind, State
from unikernels.quotas.requests import quota_ask
from unikernels.versions import version_add
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.webhooks.services import webhook_add, webhook_ping

POLICY = Policy(unikernels=4, cpuids=frozenset({0, 1}), memory=256, block=64, bridges=frozenset({"service"}))
SECRET = "--password=swordfish"
ARGUMENTS = ("--ipv4=10.0.0.2/24", SECRET)


def fields_of(policy: Policy) -> dict[str, Any]:
    """The columns of *policy* in a quota or an observed policy."""
    return {
        "unikernels": policy.unikernels,
        "memory": policy.memory,
        "block": policy.block,
        "cpuids": sorted(policy.cpuids),
        "bridges": sorted(policy.bridges),
    }


def instance_row(name: str) -> Instance:
    """An instance that nobody ever asks."""
    return Instance.objects.create(
        name=name,
        address="192.0.2.1:1025",
        server_ca="PEM",
        certificate="PEM",
        sealed_key=seal("PEM"),
        status=Instance.Status.ONLINE,
        seen_at=timezone.now(),
    )


def share(team: Team, instance: Instance, policy: Policy = POLICY) -> Quota:
    """*team* may use *instance* within *policy*."""
    fields = fields_of(policy)
    now = timezone.now()
    ObservedPolicy.objects.create(instance=instance, path=team.domain, observed_at=now, **fields)
    return Quota.objects.create(team=team, instance=instance, state=Quota.State.APPLIED, **fields)


def image_of_team(team: Team, **kind: Any) -> TeamImage:
    """An image in the store."""
    kind.setdefault("devices", [("service", "net")])
    return image_add(actor=SYSTEM, team=team, file=io.BytesIO(build_image(**kind)), name="hello.hvt")


def report(image: Image, **fields: Any) -> Info:
    """What an instance reports of a unikernel with this image."""
    facts: dict[str, Any] = {
        "typ": Typ.SOLO5,
        "fail_behaviour": QUIT,
        "cpuids": frozenset({0}),
        "memory": 32,
        "digest": bytes.fromhex(image.digest),
        "bridges": (NetInUse("service", "service", bytes(6)),),
        "arguments": ARGUMENTS,
        "started": Timestamp(1_700_000_000_000),
    }
    return Info(**(facts | fields))


def runs(team: Team | None, instance: Instance, image: Image, name: str, path: str = "") -> Unikernel:
    """A unikernel that is reported to run and was never put in place from here."""
    path = path or (team.domain if team else "legacy")
    unikernel = Unikernel.objects.create(
        instance=instance, team=team, path=path, name=name, state=Unikernel.Presence.RUNNING
    )
    Unikernel.objects.filter(pk=unikernel.pk).update(**observed_fields(unikernel, report(image), judged=None))
    unikernel.refresh_from_db()
    return unikernel


def managed(unikernel: Unikernel, image: Image) -> Version:
    """What runs becomes the first version of *unikernel*."""
    configuration: Configuration = from_info(report(image))
    version = version_add(
        unikernel=unikernel,
        digest=image.digest,
        image=image,
        configuration=configuration,
        origin=Version.Origin.UPLOAD,
        user=None,
    )
    Version.objects.filter(pk=version.pk).update(ran_at=timezone.now())
    Unikernel.objects.filter(pk=unikernel.pk).update(current=version)
    unikernel.refresh_from_db()
    return version


def under_way(unikernel: Unikernel, **fields: Any) -> Operation:
    """A restart that waits for a worker."""
    facts: dict[str, Any] = {
        "kind": Kind.RESTART,
        "state": State.PREFLIGHT,
        "unikernel": unikernel,
        "team": unikernel.team,
        "target": unikernel.current,
        "credential": "session",
        "deadline_at": timezone.now() + timedelta(minutes=10),
    }
    return Operation.objects.create(**(facts | fields))


def _side(build: Build) -> Side:
    """*build*, as its builder tells it when builds are compared."""
    return Side(build.job, build.uuid, build.platform, build.started_at, build.started_at, True, build.size)


@dataclass
class House:
    """One of everything, for team robur."""

    team: Team
    instance: Instance = field(init=False)

    def __post_init__(self) -> None:
        self.instance = instance_row("fra-1")
        self.quota = share(self.team, self.instance)
        self.image = image_of_team(self.team)
        self.unikernel = runs(self.team, self.instance, self.image.image, "hello")
        self.version = managed(self.unikernel, self.image.image)
        self.found = runs(
            self.team, self.instance, self.image.image, "found"
        )  # of the team, started by others
        self.unmanaged = runs(None, self.instance, self.image.image, "wiki")
        self.busy = runs(self.team, self.instance, self.image.image, "busy")
        managed(self.busy, self.image.image)
        self.operation = under_way(self.busy)
        self.block = Block.objects.create(
            instance=self.instance, team=self.team, path=self.team.domain, name="data", size=16
        )
        self.spare = image_of_team(self.team, padding=10)  # no version needs it

    @cached_property
    def member(self) -> User:
        """One more member of the team."""
        user = User.objects.create(email="erin@example.org", is_active=True)
        member_set(actor=SYSTEM, team=self.team, user=user, role=Role.VIEWER)
        return user

    @cached_property
    def empty(self) -> Team:
        """Another team of whoever owns this one, of which nothing is anywhere."""
        owner = self.team.memberships.get(role=Role.OWNER).user
        return team_create(actor=SYSTEM, name="empty", owner=owner)

    @cached_property
    def invitation(self) -> Invitation:
        """Somebody was invited some time ago."""
        made = invite(actor=SYSTEM, team=self.team, email="guest@example.org", role=Role.VIEWER)
        Invitation.objects.filter(pk=made.pk).update(sent_at=made.sent_at - 2 * PAUSE)
        return made

    @cached_property
    def root(self) -> ObservedPolicy:
        """What the whole instance has."""
        return ObservedPolicy.objects.create(
            instance=self.instance,
            path="",
            observed_at=timezone.now(),
            **fields_of(
                Policy(100, frozenset({0, 1, 2, 3}), 1024, 1024, frozenset({"service", "management"}))
            ),
        )

    @cached_property
    def asked(self) -> QuotaRequest:
        """The team asks for more of fra-1."""
        return quota_ask(
            actor=SYSTEM,
            team=self.team,
            instance=self.instance,
            unikernels=8,
            memory=512,
            block=64,
            why="A resolver for each site.",
        )

    @cached_property
    def content(self) -> BlockFile:
        """The content of a block device, kept here."""
        return file_receive(actor=SYSTEM, team=self.team, name="content.img", pieces=[b"content"])

    @cached_property
    def empty_instance(self) -> Instance:
        """An instance on which the team may have something, and has nothing."""
        instance = instance_row("ams-1")
        share(self.team, instance)
        return instance

    @cached_property
    def builder(self) -> Builder:
        """A builder that nobody ever asks."""
        return Builder.objects.create(name="builds", url="https://builds.example.org")

    @cached_property
    def build(self) -> Build:
        """The build that hello runs, from the builder."""
        build = self.make_build("01", self.image.image.digest)
        Version.objects.filter(pk=self.version.pk).update(build=build, origin=Version.Origin.BUILD)
        return build

    @cached_property
    def newer(self) -> Build:
        """A newer build of the job of hello."""
        build = self.make_build("02", "2" * 64)
        Unikernel.objects.filter(pk=self.unikernel.pk).update(newest=build, standing="update")
        return build

    @cached_property
    def check(self) -> Check:
        """A check of hello that was never asked."""
        return Check.objects.create(
            unikernel=self.unikernel, name="web", kind="tcp", settings={"address": "10.0.0.2:80"}
        )

    @cached_property
    def issuer(self) -> Issuer:
        """A server that vouches for workflows, and that nobody ever asks."""
        url = "https://issuer.example.org"
        return Issuer.objects.create(name="issuer", url=url, kind=Issuer.Kind.GITHUB)

    @cached_property
    def publisher(self) -> Publisher:
        """A workflow that the team trusts."""
        return publisher_add(
            actor=Actor(self.team.memberships.filter(role=Role.OWNER)[0].user, "session"),
            team=self.team,
            issuer=self.issuer,
            repository="robur/unikernels",
            repository_id="4711",
            owner_id="42",
            workflow="deploy.yml",
        )

    @cached_property
    def alert(self) -> Alert:
        """The team has used up its memory."""
        return Alert.objects.create(
            rule="quota",
            subject=f"quota:{self.quota.pk}:memory",
            team=self.team,
            instance=self.instance,
            title="robur on fra-1: 250 of 256 MB of memory used",
            path="/quotas/",
        )

    @cached_property
    def webhook(self) -> Webhook:
        """A webhook of the team that is never sent anything."""
        hook, _ = webhook_add(
            actor=SYSTEM,
            team=self.team,
            url="https://hooks.example.org/mollymawk?key=swordfish",
            events=["operation.failed", "check.down"],
        )
        return hook

    @cached_property
    def delivery(self) -> Delivery:
        """What it was to be sent."""
        return webhook_ping(actor=SYSTEM, hook=self.webhook)

    @cached_property
    def freezes(self) -> tuple[str, str]:
        """Nothing is upgraded by itself, of anybody and of the team; where the switches are."""
        Freeze.objects.create(team=None, reason="holidays")
        Freeze.objects.create(team=self.team, reason="release")
        return "system", f"teams/{self.team.name}"

    @cached_property
    def jobs(self) -> Lookup:
        """What the builder said when it was asked for its jobs."""
        return self.answered("jobs", "", [{"name": "hello", "section": "", "synopsis": "Greets."}])

    @cached_property
    def builds(self) -> Lookup:
        """What the builder said when it was asked for the builds of hello."""
        return self.answered("builds", "hello", [{"uuid": self.newer.uuid}, {"uuid": self.build.uuid}])

    @cached_property
    def changes(self) -> Lookup:
        """What the builder said when it was asked what changed from what hello runs to the newer build."""
        solo5, risen = Package("solo5", "0.9.0"), Change("tls", "1.0.0", "2.0.0")
        told = Changes(_side(self.build), _side(self.newer), Difference((solo5,), (), (risen,)))
        data = {"changes": pack_changes(told), "old": None, "new": None}
        return self.answered("changes", f"{self.build.uuid}/{self.newer.uuid}", data)

    def answered(self, what: str, key: str, data: Any) -> Lookup:
        """A question that the builder answered."""
        now = timezone.now()
        return Lookup.objects.create(
            builder=self.builder, what=what, key=key, asked_at=now, answered_at=now, data=data
        )

    def make_build(self, number: str, digest: str) -> Build:
        """A build of the builder."""
        return Build.objects.create(
            builder=self.builder,
            job="hello",
            uuid=f"00000000-0000-4000-8000-0000000000{number}",
            platform="debian-13",
            started_at=timezone.now() - timedelta(days=100 - int(number)),
            digest=digest,
            size=4096,
            target="hvt",
            abi_version=1,
            devices=[["service", "net"]],
        )

    @cached_property
    def window(self) -> RollbackWindow:
        """Version 2 of hello was put in place a minute ago, and may be taken back."""
        second = managed(self.unikernel, self.image.image)
        opener = under_way(
            self.unikernel,
            kind=Kind.UPGRADE,
            state=State.SUCCEEDED,
            fallback=self.version,
            target=second,
            finished_at=timezone.now(),
        )
        return RollbackWindow.objects.create(
            unikernel=self.unikernel,
            to=self.version,
            operation=opener,
            until=timezone.now() + timedelta(minutes=9),
            due_at=timezone.now(),
        )

    def token(self) -> ApiToken:
        """A token of an owner of the team."""
        owner = self.team.memberships.get(role=Role.OWNER).user
        return token_issue(actor=Actor(owner, "session"), team=self.team, name="old", role=Role.VIEWER)[0]
