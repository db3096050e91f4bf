"""``/healthz``: whether this process reaches what it needs. For supervisors and load balancers; no secrets."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

BROKER_TIME = 2.0  # seconds; whoever asks wants to know soon


@never_cache
@require_safe
def health(_request: HttpRequest) -> HttpResponse:
    """200 when everything answers, else 503; the body names what does not."""
    found = {name: probe() for name, probe in PROBES.items()}
    status = HTTPStatus.OK if all(found.values()) else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse(
        {name: "ok" if good else "unreachable" for name, good in found.items()}, status=status
    )


def database_answers() -> bool:
    """Whether the database takes a query."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def broker_answers() -> bool:
    """Whether the broker takes commands."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=BROKER_TIME, socket_timeout=BROKER_TIME
        ) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


PROBES: dict[str, Callable[[], bool]] = {"database": database_answers, "broker": broker_answers}
