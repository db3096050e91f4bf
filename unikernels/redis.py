"""The way to Redis, which holds what may be lost: who looks at a console, and its last lines.

Whatever stands there is rebuilt from the instances; the database is the truth about everything else.
"""

from __future__ import annotations

from functools import cache

import redis
import redis.asyncio
from django.conf import settings

CONNECT_TIME = 2.0  # seconds
ANSWER_TIME = 2.0  # seconds; everything we ask is small

RedisError = redis.RedisError


def connection() -> redis.Redis:
    """The client of this process; safe to use from several threads. Answers are bytes."""
    return _connection(settings.REDIS_URL)


@cache
def _connection(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_connect_timeout=CONNECT_TIME, socket_timeout=ANSWER_TIME)


def async_connection() -> redis.asyncio.Redis:
    """A new client for the running event loop; whoever takes it ends it with ``aclose``.

    Answers have no time limit: put ``asyncio.timeout`` around each. With one of its own the library
    sends inside ``asyncio.wait_for``, which on Python 3.11 can swallow a cancellation, so that a
    task goes on for ever.
    """
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=CONNECT_TIME, socket_timeout=None
    )
