"""From a builder in the database to a client that asks it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path

from django.conf import settings
from redis.exceptions import LockError

from unikernels.builds.client import Client
from unikernels.builds.errors import TimedOut
from unikernels.builds.turns import turns_of
from unikernels.builds.web import DEFAULT_LIMITS, Limits, Patience
from unikernels.models import Builder
from unikernels.redis import RedisError, connection

MAX_CLIENTS = 32  # kept at once; a builder that was changed gets a new one

# Seconds after which the turn of a process that died is free again: no comparison takes longer.
COMPARISON_LEASE = DEFAULT_LIMITS.compare + 10


def client_for(builder: Builder) -> Client:
    """The client of this process for *builder*, with its caches. Raises ``RequestRefused``."""
    return _client(builder.pk, builder.url, builder.ca)


@lru_cache(MAX_CLIENTS)
def _client(_pk: int, url: str, ca: str) -> Client:
    return _new(url, ca, DEFAULT_LIMITS)


def new_client(
    builder: Builder,
    limits: Limits | None = None,
    seconds: float | None = None,
    patience: Patience | None = None,
) -> Client:
    """A client that remembers nothing yet; it may be used for *seconds*. Raises ``RequestRefused``."""
    until = None if seconds is None else time.monotonic() + seconds
    return _new(builder.url, builder.ca, limits or DEFAULT_LIMITS, until, patience)


def _new(
    url: str, ca: str, limits: Limits, until: float | None = None, patience: Patience | None = None
) -> Client:
    trusted = str(_ca_file(ca)) if ca else None
    comparing = partial(_only_comparison, url, limits.turn)
    return Client(url, limits=limits, ca=trusted, comparing=comparing, until=until, patience=patience)


@contextmanager
def _only_comparison(url: str, seconds: float) -> Iterator[None]:
    """The turn for a comparison on a server, shared by all processes. Raises ``TimedOut``."""
    name = f"builds:comparing:{url}"
    lock = connection().lock(name, timeout=COMPARISON_LEASE, sleep=0.2, blocking_timeout=seconds)
    with turns_of(url).comparison(seconds):
        try:
            taken = lock.acquire()
        except RedisError as error:
            raise TimedOut("Comparisons wait for their turn in Redis, which does not answer.") from error
        if not taken:
            raise TimedOut("Another comparison on this builder takes too long.")
        try:
            yield
        finally:
            with suppress(LockError, RedisError):  # it ends by itself
                lock.release()


def _ca_file(pem: str) -> Path:
    """A file with *pem*, which requests reads; named by its content, so that it is written once."""
    folder: Path = settings.DATA_DIR / "builders"
    path = folder / f"{hashlib.sha256(pem.encode()).hexdigest()}.pem"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}")
        aside.write_text(pem, encoding="ascii")
        aside.replace(path)
    return path
