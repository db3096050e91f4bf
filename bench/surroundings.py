"""What measurements run in: a folder, settings, a database that ends with them, and processes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import django
from django.core.management import call_command

from mollymawk.embedded.environment import prepare, socket_path
from mollymawk.embedded.programs import broker
from mollymawk.embedded.supervisor import Program
from mollymawk.embedded.tether import die_with

START_TIME = 60.0  # seconds that a process may take to be ready


@contextlib.contextmanager
def project() -> Iterator[Path]:
    """A folder with an empty, migrated database and a broker; Django is set up for it."""
    with tempfile.TemporaryDirectory(prefix="mollymawk-bench-") as name:
        folder = Path(name)
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "mollymawk.settings",
            "DATA_DIR": name,
            "LOG_LEVEL": "WARNING",
            "API_REQUESTS_PER_MINUTE": "0",  # we ask as often as we can
        }
        os.environ.pop("SECRET_KEY", None)
        prepare(os.environ, folder, make=True)
        django.setup()
        call_command("migrate", verbosity=0)
        path = socket_path(folder)
        path.parent.mkdir(exist_ok=True)
        with running(broker(path, folder), ready=path.exists):
            yield folder


@contextlib.contextmanager
def running(program: Program, *, ready: Callable[[], bool]) -> Iterator[subprocess.Popen[bytes]]:
    """*program* as a process that ends with the block, or with us. Its output is shown if it does not start."""
    parent = os.getpid()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            program.command,
            env=os.environ | program.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: die_with(parent),  # noqa: PLW1509  # before any thread is started
        )
        try:
            end = time.monotonic() + START_TIME
            while not ready():
                if process.poll() is not None or time.monotonic() > end:
                    output.seek(0)
                    sys.exit(f"{program.name} did not start:\n{output.read().decode(errors='replace')}")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
