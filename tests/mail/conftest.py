"""A post office, a house with something to write about, and a clock that can be moved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import F

from accounts.models import Letter, Team
from tests.api.house import House
from tests.commands.conftest import run
from tests.mail.office import PostOffice

__all__ = ["run"]


@pytest.fixture
def house(robur: Team, settings: Any, tmp_path: Path) -> House:
    settings.IMAGE_DIR = tmp_path / "images"
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return House(robur)


@pytest.fixture
def mailed(db: None, settings: Any) -> Iterator[None]:
    """Mail goes out by SMTP; to nobody, until a test says where."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    yield
    cache.clear()  # a sender that was made to die holds it


@pytest.fixture
def office(mailed: None, settings: Any) -> Iterator[PostOffice]:
    office = PostOffice()
    office.start()
    office.handler.greeted = 0  # the library knocks once itself
    settings.EMAIL_PORT = office.port
    yield office
    office.stop()


def let_pass(**time: float) -> None:
    """As if that much time had passed for every letter that waits."""
    Letter.objects.update(due_at=F("due_at") - timedelta(**time))


def grow_old(**time: float) -> None:
    """As if every letter had been written that much earlier."""
    passed = timedelta(**time)
    Letter.objects.update(due_at=F("due_at") - passed, created_at=F("created_at") - passed)
