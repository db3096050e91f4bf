"""A team's world for the pages: every state that a page has to show, written straight into the database.

``look`` (for pictures and for people) makes it beside a first superuser; tests make it for robur.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.utils import timezone

from accounts.actors import SYSTEM, Actor
from accounts.events import record
from accounts.models import Team, User
from albatross.messages import BlockInUse, FailBehaviour, Policy, Timestamp
from albatross.models import Incident, Instance, ObservedPolicy
from tests.api.house import fields_of, image_of_team, instance_row, report, runs, share, under_way
from tests.pages.care import checks_with_a_past
from unikernels.configuration import from_info
from unikernels.inventory.observed import observed_fields
from unikernels.models import Block, Image, Operation, TeamImage, Unikernel, Version
from unikernels.operations.facts import Look, Memo, Sight
from unikernels.operations.machine import Kind, Running, State
from unikernels.versions import configuration_of, version_add

SHARE = Policy(
    unikernels=12,
    cpuids=frozenset({0, 1, 2}),
    memory=1024,
    block=512,
    bridges=frozenset({"service", "inner"}),
)
ROOT = Policy(
    unikernels=64,
    cpuids=frozenset(range(8)),
    memory=16_384,
    block=65_536,
    bridges=frozenset({"service", "inner", "mgmt"}),
)
WAY_OUT = ("check", "fetch", "verify", "preflight", "capture", "swap", "observe", "prove")
CONSOLE = (
    "            |      ___|",
    "  __|  _ \\  |  _ \\ __ \\",
    "\\__ \\ (   | | (   |  ) |",
    "____/\\___/ _|\\___/____/",
    "Solo5: Bindings version v0.9.0",
    "2026-11-22T10:12:03-00:00: [ERROR] [application] zone file: no SOA record",
    "Solo5: solo5_exit(2) called",
)


@dataclass
class World:
    """Team robur on two instances, one of which does not answer."""

    team: Team
    person: User
    now: datetime = field(default_factory=timezone.now)

    def __post_init__(self) -> None:
        self.near, self.far = instance_row("fra-1"), instance_row("hel-2")
        self._trouble()
        for place in (self.near, self.far):
            ObservedPolicy.objects.create(instance=place, path="", observed_at=self.now, **fields_of(ROOT))
        self.quota = share(self.team, self.near, SHARE)
        share(self.team, self.far, replace(SHARE, block=None, memory=256))
        self.web_image = self._image("static-website.hvt", padding=120_000)
        self.dns_image = self._image("dns-primary.hvt", padding=4_200_000)
        self.store_image = self._image(
            "store.spt", target="spt", devices=[("service", "net"), ("storage", "block")]
        )
        self.plain_image = self._image("hello.hvt", devices=[])
        self.web = self._running("static-website", self.web_image.image, days=41)
        self.tunnel = self._running("tlstunnel", self.web_image.image, memory=128, days=2)
        self.dns = self._unstable()
        self.store = self._with_block()
        self.caldav = self._running("caldav", self.web_image.image, place=self.far, memory=96, days=9)
        self.old = self._stopped("old-blog", Unikernel.Presence.STOPPED)
        self.gone = self._stopped("resolver", Unikernel.Presence.MISSING)
        self.outside = self._running("mirror", self.web_image.image, days=1)
        Unikernel.objects.filter(pk=self.outside.pk).update(changed_outside=True)
        self.found = runs(self.team, self.near, self.web_image.image, "started-by-hand")
        self.unmanaged = runs(None, self.near, self.web_image.image, "wiki", path="legacy")
        self.spare = self._block("spare", 64)
        self.busy = self._under_way()
        self.up, self.down = checks_with_a_past(self.web, self.dns, self.now)
        self._events()

    # --- parts ---

    def _image(self, name: str, **kind: Any) -> TeamImage:
        kind.setdefault("devices", [("service", "net")])
        copy = image_of_team(self.team, **kind)
        TeamImage.objects.filter(pk=copy.pk).update(name=name, added_by=self.person)
        copy.refresh_from_db()
        return copy

    def _trouble(self) -> None:
        silent = self.now - timedelta(minutes=2)
        words = "hel-2 could not be reached: connection refused."
        Instance.objects.filter(pk=self.far.pk).update(
            status=Instance.Status.DEGRADED,
            trouble=Instance.Trouble.NETWORK,
            trouble_text=words,
            degraded_since=silent,
            seen_at=silent,
            failures=6,
        )
        self.far.refresh_from_db()
        trouble = Instance.Trouble
        Incident.objects.create(
            instance=self.far, trouble=trouble.NETWORK, text=words, first_at=silent, last_at=self.now, count=6
        )
        Incident.objects.create(
            instance=self.far,
            trouble=trouble.CERTIFICATE,
            text="It refused our certificate: certificate expired. The clocks may differ.",
            first_at=self.now - timedelta(days=3),
            last_at=self.now - timedelta(days=3),
            ended_at=self.now - timedelta(days=3),
        )

    def _running(
        self,
        name: str,
        image: Image,
        *,
        place: Instance | None = None,
        memory: int = 48,
        days: int = 1,
        **facts: Any,
    ) -> Unikernel:
        unikernel = runs(self.team, place or self.near, image, name)
        started = Timestamp.from_datetime(self.now - timedelta(days=days, minutes=7))
        info = report(image, memory=memory, started=started, **facts)
        Unikernel.objects.filter(pk=unikernel.pk).update(**observed_fields(unikernel, info, judged=None))
        version = version_add(
            unikernel=unikernel,
            digest=image.digest,
            image=image,
            configuration=from_info(info),
            origin=Version.Origin.UPLOAD,
            user=self.person,
        )
        Version.objects.filter(pk=version.pk).update(ran_at=self.now)
        Unikernel.objects.filter(pk=unikernel.pk).update(current=version)
        unikernel.refresh_from_db()
        return unikernel

    def _with_block(self) -> Unikernel:
        held = BlockInUse("storage", "data", 512, 256)
        self.data = self._block("data", 256, active=True)
        return self._running("store", self.store_image.image, memory=64, days=12, blocks=(held,))

    def _block(self, name: str, size: int, *, active: bool = False) -> Block:
        return Block.objects.create(
            instance=self.near, team=self.team, path=self.team.domain, name=name, size=size, active=active
        )

    def _stopped(self, name: str, state: str) -> Unikernel:
        unikernel = self._running(name, self.web_image.image)
        Unikernel.objects.filter(pk=unikernel.pk).update(
            state=state,
            state_since=self.now - timedelta(hours=5),
            **observed_fields(unikernel, None, judged=None),
        )
        unikernel.refresh_from_db()
        return unikernel

    def _unstable(self) -> Unikernel:
        """A configure that was taken back three minutes ago."""
        unikernel = self._running("dns-primary", self.dns_image.image, memory=32)
        Unikernel.objects.filter(pk=unikernel.pk).update(unstable=True)
        first = unikernel.current
        assert first is not None
        second = version_add(
            unikernel=unikernel,
            digest=first.digest,
            image=first.image,
            configuration=replace(
                configuration_of(first), memory=64, fail_behaviour=FailBehaviour(True, frozenset({2}))
            ),
            origin=Version.Origin.CONFIGURED,
            user=self.person,
        )
        ended = self.now - timedelta(minutes=3)
        memo = Memo(cause="It ended within 10 s.", console=CONSOLE, ended_in=State.PROVE)
        self.taken_back = under_way(
            unikernel,
            kind=Kind.CONFIGURE,
            state=State.ROLLED_BACK,
            target=second,
            fallback=first,
            going_back=True,
            reason="It ended within 10 s.",
            memo=memo.to_json(),
            requested_by=self.person,
            created_at=ended - timedelta(seconds=41),
            finished_at=ended,
        )
        unikernel.refresh_from_db()
        return unikernel

    def _under_way(self) -> Operation:
        look = Look(self.now.timestamp(), Sight.TARGET, 1)
        memo = Memo(looks=(look,), proving_since=self.now.timestamp(), note="up for 4 of 10 s")
        return under_way(
            self.tunnel,
            kind=Kind.CONFIGURE,
            state=State.PROVE,
            fallback=self.tunnel.current,
            memo=memo.to_json(),
            requested_by=self.person,
            created_at=self.now - timedelta(seconds=14),
            armed_at=self.now - timedelta(seconds=6),
        )

    def failed(self, unikernel: Unikernel, **fields: Any) -> Operation:
        """A deploy that failed."""
        facts: dict[str, Any] = {
            "kind": Kind.DEPLOY,
            "state": State.FAILED,
            "running": Running.NO,
            "reason": "It was created and ended within 10 s.",
            "memo": Memo(console=CONSOLE, ended_in=State.PROVE).to_json(),
            "finished_at": self.now,
            "requested_by": self.person,
        }
        return under_way(unikernel, **(facts | fields))

    def _events(self) -> None:
        """What the timelines show."""
        actor = Actor(self.person, "session")
        for operation in (self.taken_back, self.busy):
            subject = f"unikernel:{operation.unikernel_id}"
            common: dict[str, Any] = {"subject": subject, "operation": operation.pk, "team": self.team}
            record(actor=actor, kind=f"operation.{operation.kind}", now="check", **common)
            for was, now in pairwise(WAY_OUT):
                record(actor=SYSTEM, kind="operation.state", was=was, now=now, **common)
        subject = f"unikernel:{self.dns.pk}"
        common = {"subject": subject, "operation": self.taken_back.pk, "team": self.team}
        record(
            actor=SYSTEM,
            kind="operation.goes-back",
            was="prove",
            now="preflight",
            reason="It ended within 10 s.",
            **common,
        )
        record(actor=SYSTEM, kind="operation.state", was="prove", now="rolled_back", **common)


def crowd(team: Team, instance: Instance, image: Image, number: int) -> None:
    """*number* running unikernels, made in two statements."""
    info = report(image)
    rows = []
    for at in range(number):
        row = Unikernel(
            instance=instance,
            team=team,
            path=team.domain,
            name=f"crowd-{at:03}",
            state=Unikernel.Presence.RUNNING,
        )
        for name, value in observed_fields(row, info, judged=None).items():
            setattr(row, name, value)
        rows.append(row)
    Unikernel.objects.bulk_create(rows)
