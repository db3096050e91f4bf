"""What the pages show of builds, upgrades and ways back, written straight into the database of a ``World``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from accounts.actors import SYSTEM
from accounts.events import record
from tests.api.house import image_of_team, under_way
from tests.pages.world import World
from unikernels.builds import compare
from unikernels.builds.answers import Solo5
from unikernels.builds.packing import pack_changes, pack_solo5
from unikernels.models import (
    Build,
    Builder,
    Check,
    CheckResult,
    Image,
    Lookup,
    Operation,
    RollbackWindow,
    Standing,
    Unikernel,
    Version,
)
from unikernels.operations.facts import Memo
from unikernels.operations.machine import Kind, State
from unikernels.versions import configuration_of, version_add

NET, STORAGE = ["service", "net"], ["storage", "block"]
DIFF = """--- logs.0.9.0
+++ logs.0.9.0
@@ -10,7 +10,7 @@
 depends: [
   "ocaml" {>= "4.14.0"}
-  "dune" {>= "2.7"}
+  "dune" {>= "3.0"}
 ]"""
JOBS = {
    "static-website": "A web server for static files",
    "dns-primary-git": "Primary DNS authoritative name server with git storage",
    "tlstunnel": "TLS reverse proxy",
    "caldav": "A CalDAV server",
    "qubes-firewall": "",
}


@dataclass
class Updates:
    """Builder ``robur`` has newer builds; ``answers`` was upgraded a moment ago and can go back."""

    world: World

    def __post_init__(self) -> None:
        world = self.world
        self.builder = Builder.objects.create(
            name="robur", url="https://builds.robur.coop", seen_at=world.now
        )
        self.old = self.build("static-website", 9, world.web_image.image)
        self.new = self.build("static-website", 0, size=4_400_000)
        self.grown = self.build("store", 1, devices=[NET, STORAGE, ["cache", "block"]], target="spt")
        self.stands(world.web, "update", self.old, self.new)
        was = self.build("store", 30, world.store_image.image)
        self.stands(world.store, "reconfigure", was, self.grown, "Device cache (block) is new.")
        self.stands(world.dns, "unknown", None, None)
        self.changes = self.answered(Lookup.What.CHANGES, f"{self.old.uuid}/{self.new.uuid}", self._changes())
        self.answered(Lookup.What.JOBS, "", [told(name, text) for name, text in JOBS.items()])
        self.answered(Lookup.What.BUILDS, "static-website", [build_told(self.new), build_told(self.old)])
        self.answers = self._upgraded()
        self.fetching = self._fetching()

    # --- builds ---

    def build(self, job: str, days: int, image: Image | None = None, **facts: Any) -> Build:
        """A build of *days* ago; of *image*, or of bytes that nobody has here."""
        started = self.world.now - timedelta(days=days, hours=2)
        number = Build.objects.count() + 1
        common = {"platform": "debian-12", "target": "hvt", "abi_version": 2, "devices": [NET]}
        if image is not None:
            common |= {"target": image.target, "abi_version": image.abi_version, "devices": image.devices}
        return Build.objects.create(
            builder=self.builder,
            job=job,
            uuid=f"00000000-0000-4000-8000-{number:012}",
            started_at=started,
            finished_at=started + timedelta(minutes=14),
            digest=image.digest if image else f"{number:02}ab{days:02}cd" * 8,
            **({"size": image.size if image else 1_000_000} | common | facts),
        )

    def stands(
        self, unikernel: Unikernel, standing: str, found: Build | None, newest: Build | None, *reasons: str
    ) -> None:
        """What the polling found out about a unikernel."""
        Standing.objects.create(
            builder=self.builder,
            digest=unikernel.digest,
            standing=standing,
            reasons=list(reasons),
            found=found,
            newest=newest,
            judged_at=self.world.now,
        )
        Unikernel.objects.filter(pk=unikernel.pk).update(standing=standing, newest=newest)
        unikernel.refresh_from_db()

    def answered(self, what: str, key: str, data: Any, trouble: str = "") -> Lookup:
        """A question that a worker answered a moment ago."""
        return Lookup.objects.create(
            builder=self.builder,
            what=what,
            key=key,
            asked_at=self.world.now,
            answered_at=self.world.now,
            data=data,
            trouble_text=trouble,
        )

    def _changes(self) -> dict[str, Any]:
        package, change = compare.Package, compare.Change
        changes = compare.Changes(
            old=side(self.old),
            new=side(self.new),
            opam=compare.Difference(
                (package("ca-certs-nss", "3.121"),),
                (package("angstrom", "0.16.1"),),
                (change("tls", "2.0.2", "2.0.3"), change("logs", "0.8.0", "0.9.0")),
            ),
            system=compare.Difference((), (), (change("libc6", "2.36-9+deb12u9", "2.36-9+deb12u10"),)),
            environment=compare.Difference((), (), (change("ORB_VERSION", "1.0.3", "1.0.4"),)),
            opam_files=(compare.OpamFile("logs", "0.9.0", DIFF),),
        )
        notes = pack_solo5(Solo5("hvt", 2, (("service", "net"),)))
        return {"changes": pack_changes(changes), "old": notes, "new": notes}

    # --- a unikernel with a way back ---

    def _upgraded(self) -> Unikernel:
        """Version 3 runs since a minute and may be taken back; an upgrade before it was."""
        world = self.world
        unikernel = world._running("answers", world.dns_image.image, memory=16)
        first = unikernel.current
        assert first is not None
        lost = self.version(unikernel, first, f"{'0f' * 32}", None, Version.Origin.UPLOAD)
        Version.objects.filter(pk=lost.pk).update(pruned_at=world.now - timedelta(days=2))
        build = self.build("answers", 1, world.web_image.image)
        third = self.version(unikernel, first, build.digest, world.web_image.image, Version.Origin.BUILD)
        Version.objects.filter(pk=third.pk).update(build=build)
        self.check = Check.objects.create(
            unikernel=unikernel,
            name="web",
            kind=Check.Kind.HTTP,
            settings={"url": "http://10.0.0.2/", "connect": None, "status": [200, 399], "text": ""},
        )
        self.reverted = self.finished(unikernel, Kind.UPGRADE, lost, first, 50, reverted=True)
        cause = "2 of the last 10 checks failed: web: status 502."
        self.taken_back = self.finished(
            unikernel, Kind.ROLLBACK, first, lost, 49, cause=cause, credential="system", requested_by=None
        )
        self.upgraded = self.finished(unikernel, Kind.UPGRADE, third, first, 1)
        self._results(self.upgraded)
        Unikernel.objects.filter(pk=unikernel.pk).update(current=third, digest=third.digest)
        self.window = RollbackWindow.objects.create(
            unikernel=unikernel,
            to=first,
            operation=self.upgraded,
            until=world.now + timedelta(minutes=9),
            due_at=world.now,
        )
        unikernel.refresh_from_db()
        return unikernel

    def version(
        self, unikernel: Unikernel, like: Version, digest: str, image: Image | None, origin: Version.Origin
    ) -> Version:
        """The next version, with the configuration of *like*; it has run."""
        version = version_add(
            unikernel=unikernel,
            digest=digest,
            image=image,
            configuration=configuration_of(like),
            origin=origin,
            user=self.world.person,
        )
        Version.objects.filter(pk=version.pk).update(ran_at=self.world.now)
        return version

    def finished(
        self,
        unikernel: Unikernel,
        kind: Kind,
        target: Version,
        fallback: Version,
        minutes: int,
        **facts: Any,
    ) -> Operation:
        """An operation that ended *minutes* ago."""
        ended = self.world.now - timedelta(minutes=minutes)
        common: dict[str, Any] = {
            "kind": kind,
            "state": State.SUCCEEDED,
            "target": target,
            "fallback": fallback,
            "requested_by": self.world.person,
            "created_at": ended - timedelta(seconds=33),
            "finished_at": ended,
        }
        operation = under_way(unikernel, **(common | facts))
        subject = f"unikernel:{unikernel.pk}"
        record(actor=SYSTEM, kind=f"operation.{kind}", subject=subject, operation=operation.pk, now="check")
        return operation

    def _results(self, operation: Operation) -> None:
        for at, (outcome, text) in enumerate(
            [("passed", "status 200"), ("failed", "status 502, wanted 200 to 399"), ("passed", "status 200")]
        ):
            CheckResult.objects.create(
                check_row=self.check,
                operation=operation,
                at=self.world.now - timedelta(seconds=80 - at),
                outcome=outcome,
                latency=0.012 + at,
                text=text,
            )

    def _fetching(self) -> Operation:
        """A deploy by job that downloads."""
        copy = image_of_team(self.world.team, padding=77)
        unikernel = Unikernel.objects.create(
            instance=self.world.near, team=self.world.team, path=self.world.team.domain, name="tunnel"
        )
        version = version_add(
            unikernel=unikernel,
            digest=copy.image.digest,
            image=None,
            configuration=configuration_of(self.answers.versions.get(number=1)),
            origin=Version.Origin.BUILD,
            user=self.world.person,
        )
        memo = Memo(fetched=3_100_000, fetch_size=5_200_000)
        return under_way(unikernel, kind=Kind.DEPLOY, state=State.FETCH, target=version, memo=memo.to_json())


def told(name: str, synopsis: str) -> dict[str, str]:
    """A job as a lookup has it."""
    return {"name": name, "section": "Unikernels", "synopsis": synopsis}


def build_told(build: Build) -> dict[str, Any]:
    """A build as a lookup has it; the row says the rest."""
    return {"uuid": build.uuid, "platform": build.platform, "digest": build.digest}


def side(build: Build) -> compare.Side:
    """One side of a comparison."""
    assert build.finished_at is not None
    return compare.Side(
        build.job, build.uuid, build.platform, build.started_at, build.finished_at, True, build.size
    )
