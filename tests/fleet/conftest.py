"""What the tests about instances, inventory, quotas, consoles and blocks share."""

from __future__ import annotations

from tests.redis_server import redis_process, redis_server

__all__ = ["redis_process", "redis_server"]
