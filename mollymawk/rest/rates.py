"""How often one credential may ask: a bucket of requests that fills up again, told with every answer.

Each web process counts by itself: a limit that protects us must not cost a write for each request, and
must hold while the broker is away. With n processes a credential gets up to n times as much.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from mollymawk.rest.idempotency import credential_of

MAX_BUCKETS = 10_000  # credentials that are counted at a time; who has not asked for longest is forgotten
PERIOD = 60.0  # seconds in which an empty bucket is full again


@dataclass(slots=True)
class Bucket:
    """What is left, and when that was reckoned."""

    left: float
    at: float


class Buckets:
    """One bucket for each name."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, threading.Lock()
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, name: str, limit: int) -> float:
        """Take one of *limit* a minute; what is left, below 0 when there was none."""
        with self._lock:
            now = self._now()
            bucket = self._buckets.setdefault(name, Bucket(limit, now))
            self._buckets.move_to_end(name)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
            full = min(float(limit), bucket.left + (now - bucket.at) * limit / PERIOD)
            bucket.at, bucket.left = now, full - 1 if full >= 1 else full
            return bucket.left if full >= 1 else full - 1


_buckets = Buckets()


class PerCredential(BaseThrottle):
    """``API_REQUESTS_PER_MINUTE`` for each token, and for each person with a session; 0: as many as come."""

    def __init__(self) -> None:
        self._wait = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        """Take one, and have the answer tell what is left."""
        limit = settings.API_REQUESTS_PER_MINUTE
        if not limit or not request.user.is_authenticated:
            return True
        left = _buckets.take(credential_of(request), limit)
        self._wait = max(1.0, -left * PERIOD / limit)
        view.headers |= {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(max(0, math.floor(left))),
            "RateLimit-Reset": str(math.ceil((limit - max(0.0, left)) * PERIOD / limit)),
        }
        return left >= 0

    def wait(self) -> float:
        """Seconds until there is one again."""
        return math.ceil(self._wait)
