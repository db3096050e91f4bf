"""Questions that ``manage.py up`` asks before and while it starts things."""

from __future__ import annotations

import fcntl
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.error import URLError

from django.core.exceptions import ImproperlyConfigured

from mollymawk.embedded.environment import make_private
from mollymawk.embedded.programs import HOST


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Refuse a second one in the same folder. The kernel lets go of the lock however we end."""
    make_private(folder)
    with (folder / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ImproperlyConfigured(
                f"It runs already in {folder}; set DATA_DIR for another one."
            ) from error
        yield


def check_port(port: int) -> None:
    """Raise ``ImproperlyConfigured`` when we could not listen on *port*."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the web server does
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or "no such port"
            text = f"Port {port} cannot be used: {why}. Choose another one: make run PORT=8001"
            raise ImproperlyConfigured(text) from error


def listens(address: str) -> bool:
    """Whether somebody takes connections at ``host:port``."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except (OSError, ValueError):
        return False
    return True


def healthy(url: str) -> bool:
    """Whether our web server at *url* says that it reaches everything."""
    try:
        with urllib.request.urlopen(f"{url}healthz", timeout=5) as answer:  # noqa: S310  # our own address
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, OSError):
        return False
