"""A house with something of everything, and Prometheus that reads it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team
from tests.api.house import House
from tests.metrics.reading import Samples, read

Scrape = Callable[..., Samples]
LOOPBACK = ip_network("127.0.0.0/8")


@pytest.fixture
def house(robur: Team, settings: Any, tmp_path: Path) -> House:
    settings.IMAGE_DIR = tmp_path / "images"
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return House(robur)


@pytest.fixture
def scrape(settings: Any) -> Scrape:
    """``scrape(token)``: what Prometheus reads with it, or (without) from a network that may read all."""

    def scrape(token: str = "") -> Samples:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if not token:
            settings.METRICS_NETWORKS = [LOOPBACK]
        answer = Client().get("/metrics", headers=headers)
        assert answer.status_code == 200, answer.text
        return read(answer.text)

    return scrape
