"""Following the consoles that somebody looks at, on the instances that this watcher holds."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import connections
from django.utils import timezone

from unikernels.consoles import streams
from unikernels.consoles.follower import Follower
from unikernels.models import Unikernel

log = logging.getLogger(__name__)

MAX_FOLLOWED = 200  # consoles at once: each is a thread and a connection
NOWHERE = -1  # no instance has this key
JOIN_TIME = 0.5  # seconds; followers end by themselves, this only lets them say so


class Consoles:
    """Starts and stops followers. *holds* says whether an instance is ours at this moment."""

    def __init__(self, holds: Callable[[int], bool]) -> None:
        self._holds = holds
        self._followers: dict[int, Follower] = {}
        self._instances: dict[int, int] = {}  # of unikernels that were ever wanted
        self._refused: set[int] = set()

    def settle(self) -> None:
        """Follow what is wanted, and nothing else. Raises ``RedisError`` and ``DatabaseError``."""
        wanted = streams.wanted()
        self._learn(wanted - self._instances.keys())
        ours = {pk for pk in wanted if self._holds(self._instances[pk])}
        for pk, follower in list(self._followers.items()):
            if pk not in ours or not follower.is_alive():
                follower.stop()
                del self._followers[pk]
        for pk in sorted(ours - self._followers.keys()):
            self._follow(pk)
        self._refused &= ours

    def stop(self) -> None:
        """End all of them."""
        followers = list(self._followers.values())
        self._followers = {}
        for follower in followers:
            follower.stop()
        for follower in followers:
            follower.join(JOIN_TIME / len(followers))

    def _learn(self, unknown: set[int]) -> None:
        """Where these unikernels are."""
        if unknown:
            found = Unikernel.objects.filter(pk__in=unknown).values_list("pk", "instance_id")
            self._instances |= dict.fromkeys(unknown, NOWHERE) | dict(found)
            connections.close_all()

    def _follow(self, pk: int) -> None:
        if len(self._followers) < MAX_FOLLOWED:
            self._followers[pk] = Follower(pk)
            self._followers[pk].start()
        elif pk not in self._refused:
            self._refused.add(pk)
            log.warning("console %d: too many are followed already", pk)
            words = (
                "Too many consoles are followed at this moment. This one will be as soon as there is room."
            )
            streams.append_notice(pk, timezone.now(), words)
