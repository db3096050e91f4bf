"""What our own processes tell of themselves, and what the page says when nobody can."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.metrics.conftest import Scrape
from unikernels.metrics import processes
from unikernels.redis import connection

pytestmark = pytest.mark.django_db


def test_a_process_that_told_lives_until_it_is_silent(redis_server: str, scrape: Scrape) -> None:
    assert scrape().one("mollymawk_processes", program="beat") == 0
    for pid in (7, 8):
        processes.tell(processes.Process("worker", "host-1", pid, 1_800_000_000.0, 1.5, 64 * 2**20))
    samples = scrape()
    assert samples.one("mollymawk_processes", program="worker") == 2
    assert samples.one("mollymawk_processes", program="beat") == 0
    its = {"program": "worker", "host": "host-1", "pid": "7"}
    assert samples.one("mollymawk_process_cpu_seconds", **its) == 1.5
    assert samples.one("mollymawk_process_memory_resident_bytes", **its) == 64 * 2**20
    assert samples.one("mollymawk_process_started_timestamp_seconds", **its) == 1_800_000_000
    assert 0 < connection().ttl("process:worker:host-1:7") <= processes.KEPT
    connection().delete("process:worker:host-1:7")
    assert scrape().one("mollymawk_processes", program="worker") == 1


def test_a_process_knows_what_it_uses() -> None:
    mine = processes.this("web", 1.0)
    assert (mine.program, mine.pid, mine.started) == ("web", os.getpid(), 1.0)
    assert mine.cpu > 0.1
    assert 20 * 2**20 < mine.memory < 20 * 2**30


def test_messages_that_wait_are_counted(redis_server: str, scrape: Scrape) -> None:
    connection().lpush("background", "one", "two")
    samples = scrape()
    assert samples.one("mollymawk_queue_messages", queue="background") == 2
    assert samples.one("mollymawk_queue_messages", queue="celery") == 0


def test_without_the_broker_the_page_is_there_and_says_so(settings: Any, scrape: Scrape) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis"
    samples = scrape()
    assert samples.one("mollymawk_broker_up") == 0
    assert samples.of("mollymawk_processes") == samples.of("mollymawk_queue_messages") == []
    assert samples.one("mollymawk_operations_under_way") == 0
