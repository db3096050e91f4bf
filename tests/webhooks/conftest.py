"""A team with a webhook to a receiver on the simulated network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from accounts.actors import SYSTEM
from accounts.models import Team
from tests.api.house import House
from tests.webhooks.receiver import Receiver, receiving
from unikernels.webhooks.kinds import CHOICES
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.webhooks.services import webhook_add

Hook = Callable[..., tuple[Webhook, str]]


@pytest.fixture
def here(simulated_network: str) -> str:
    """An address of this worker that no simulated unikernel takes by itself."""
    return simulated_network.replace("0/24", "202")


@pytest.fixture
def receiver(here: str) -> Iterator[Receiver]:
    with receiving(here) as receiver:
        yield receiver


@pytest.fixture
def hook_to(robur: Team) -> Hook:
    """``hook_to(url, *events)``: a webhook of robur and its secret; without events, of all."""

    def hook_to(url: str, *events: str, team: Team = robur) -> tuple[Webhook, str]:
        return webhook_add(actor=SYSTEM, team=team, url=url, events=events or [*CHOICES])

    return hook_to


@pytest.fixture
def hook(hook_to: Hook, receiver: Receiver) -> Webhook:
    return hook_to(receiver.url)[0]


@pytest.fixture
def house(robur: Team, settings: Any, tmp_path: Path) -> House:
    settings.IMAGE_DIR = tmp_path / "images"
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return House(robur)


def let_pass(**time: float) -> None:
    """As if that much time had passed for every delivery that waits."""
    passed = timedelta(**time)
    Delivery.objects.update(due_at=F("due_at") - passed, claimed_until=F("claimed_until") - passed)


def fate(delivery: Delivery) -> tuple[str, int]:
    """How *delivery* stands, and after how many tries."""
    delivery.refresh_from_db()
    return delivery.state, delivery.tries
