"""A house in which things go wrong, and a clock that is moved by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Letter, Team, User
from albatross.models import Instance
from tests.api.house import House
from unikernels.alerts.models import Alert
from unikernels.alerts.services import settle
from unikernels.alerts.telling import tell
from unikernels.models import Unikernel
from unikernels.statistics.grids import pack_tick
from unikernels.statistics.models import Tick
from unikernels.statistics.rates import Sample


@pytest.fixture
def house(robur: Team, settings: Any, tmp_path: Path) -> House:
    settings.IMAGE_DIR = tmp_path / "images"
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return House(robur)


class Clock:
    """This minute, and what comes after. ``pass_`` lets time pass, and looks and tells at its end."""

    def __init__(self) -> None:
        self.now = timezone.now().replace(second=0, microsecond=0)

    def pass_(self, **time: float) -> int:
        """Some time later: how many letters were written."""
        self.now += timedelta(**time)
        seen(self.now)
        settle(self.now)
        return tell(self.now)

    def ago(self, **time: float) -> datetime:
        return self.now - timedelta(**time)


@pytest.fixture
def clock(house: House) -> Clock:
    clock = Clock()
    seen(clock.now)
    return clock


def seen(now: datetime) -> None:
    """All instances that are online were seen just now."""
    Instance.objects.filter(status="online").update(seen_at=now)


def silence(now: datetime, *names: str) -> None:
    """The instances stop to answer (without names: all)."""
    found = Instance.objects.filter(name__in=names) if names else Instance.objects.all()
    found.update(status="degraded", degraded_since=now, trouble="network", trouble_text="Connection refused.")


def answer() -> None:
    """All instances answer again."""
    Instance.objects.update(status="online", degraded_since=None, trouble="", trouble_text="")


def uses(unikernel: Unikernel, memory: int) -> None:
    """*unikernel* has so many MB of memory."""
    Unikernel.objects.filter(pk=unikernel.pk).update(observed={**unikernel.observed, "memory": memory})


def measured(unikernel: Unikernel, clock: Clock, *, mb: int) -> None:
    """The statistics of this moment say that *unikernel* uses so many MB."""
    sample = Sample(cpu=0.5, memory=mb * 2**20, received=100.0, sent=200.0)
    Tick.objects.update_or_create(
        instance=unikernel.instance,
        at=int(clock.now.timestamp()),
        defaults={"data": pack_tick({unikernel.pk: sample})},
    )


def open_alerts() -> list[tuple[str, str]]:
    """Rule and title of what is open."""
    return sorted(Alert.objects.filter(resolved_at=None).values_list("rule", "title"))


def letters_to(user: User) -> list[Letter]:
    """The letters to *user*, oldest first."""
    return list(user.letters.order_by("pk"))


def subjects_to(user: User) -> list[str]:
    """Their subjects."""
    return [letter.subject for letter in letters_to(user)]
