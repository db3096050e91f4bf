"""Rows for rounds: unikernels of one team with a newer build, made without an instance behind them."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Team
from albatross.models import Instance
from tests.operations.conftest import House, house, simulated
from unikernels.configuration import Configuration
from unikernels.models import Build, Builder, Image, Operation, Standing, Unikernel, Version
from unikernels.operations.machine import Kind, State
from unikernels.versions import version_add

__all__ = ["House", "house", "simulated"]

_numbers = itertools.count(1)


def digest(number: int) -> str:
    return f"{number:064x}"


def an_hour_after_opening(minutes: int = 1440) -> dict[str, Any]:
    """A maintenance window that opened an hour ago; closed again when it is open for less."""
    start = timezone.now() - timedelta(hours=1)
    return {
        "weekdays": [0, 1, 2, 3, 4, 5, 6],
        "start": f"{start:%H:%M}",
        "minutes": minutes,
        "zone": "UTC",
    }


class Fleet:
    """Makes rows, in few words."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.instance = self.add_instance("fra-1")
        self.builder = Builder.objects.create(name="builds", url="https://builds.example.org")

    def add_instance(self, name: str) -> Instance:
        return Instance.objects.create(name=name, address="192.0.2.1:1025", status=Instance.Status.ONLINE)

    def add_image(self, size: int = 1000) -> Image:
        return Image.objects.create(
            digest=digest(10**6 + next(_numbers)), size=size, target="hvt", abi_version=2, devices=[]
        )

    def add_version(self, unikernel: Unikernel, image: Image | None = None, **fields: Any) -> Version:
        image = image or self.add_image()
        version = version_add(
            unikernel=unikernel,
            digest=image.digest,
            image=image,
            configuration=Configuration(),
            origin=Version.Origin.BUILD,
            user=None,
        )
        Version.objects.filter(pk=version.pk).update(**fields)
        version.refresh_from_db()
        return version

    def add_build(self, digest_: str, age: timedelta = timedelta()) -> Build:
        number = next(_numbers)
        return Build.objects.create(
            builder=self.builder,
            job="hello",
            uuid=f"00000000-0000-4000-8000-{number:012}",
            platform="debian-12",
            started_at=timezone.now() - age,
            digest=digest_,
        )

    def add(self, name: str, team: Team | None = None, instance: Instance | None = None) -> Unikernel:
        """One that runs, without a newer build."""
        owner = team or self.team
        unikernel = Unikernel.objects.create(
            instance=instance or self.instance,
            team=owner,
            path=owner.domain,
            name=name,
            state=Unikernel.Presence.RUNNING,
        )
        unikernel.current = self.add_version(unikernel, ran_at=timezone.now() - timedelta(days=3))
        unikernel.save()
        return unikernel

    def waiting(self, name: str, **place: Any) -> Unikernel:
        """One that is to be upgraded by itself at any time."""
        unikernel = self.add(name, **place)
        unikernel.update_mode = Unikernel.UpdateMode.AUTOMATIC
        unikernel.maintenance = an_hour_after_opening()
        unikernel.save()
        self.find_newer(unikernel)
        return unikernel

    def find_newer(self, unikernel: Unikernel) -> Build:
        """What polling leaves behind when there is another build for what runs."""
        assert unikernel.current is not None
        newest = self.add_build(digest(next(_numbers)))
        unikernel.standing, unikernel.newest = "update", newest
        unikernel.save()
        Standing.objects.update_or_create(
            builder=self.builder,
            digest=unikernel.current.digest,
            defaults={"standing": "update", "newest": newest, "judged_at": timezone.now()},
        )
        return newest

    def upgraded(
        self, unikernel: Unikernel, state: State, *, credential: str = "automatic", at: datetime | None = None
    ) -> Operation:
        """An upgrade of it that ended so (unfinished: CHECK)."""
        at = at or timezone.now()
        assert unikernel.current is not None
        return Operation.objects.create(
            kind=Kind.UPGRADE,
            state=state,
            unikernel=unikernel,
            team=unikernel.team,
            target=self.add_version(unikernel),
            fallback=unikernel.current,
            credential=credential,
            created_at=at,
            deadline_at=at,
            finished_at=None if state is State.CHECK else at,
        )


@pytest.fixture
def fleet(db: None) -> Fleet:
    return Fleet(Team.objects.create(name="robur", domain="robur"))
