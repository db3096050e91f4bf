"""The way to Redis, which holds what may be lost: who looks at a console, and its last lines.

Whatever stands there is rebuilt from the instances; the database is the truth about everything else.
"""

from __future__ import annotations

from functools import cache

import redis
import redis.asyncio
from django.conf import settings

# Seconds. The longest that we let Redis wait for us (BLOCK) has to stay below the answer's.
CONNECT_TIME = 2.0
ANSWER_TIME = 20.0

RedisError = redis.RedisError


def connection() -> redis.Redis:
    """The client of this process; safe to use from several threads. Answers are bytes."""
    return _connection(settings.REDIS_URL)


@cache
def _connection(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_connect_timeout=CONNECT_TIME, socket_timeout=ANSWER_TIME)


def async_connection() -> redis.asyncio.Redis:
    """A new client for the running event loop; whoever takes it ends it with ``aclose``."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=CONNECT_TIME, socket_timeout=ANSWER_TIME
    )
