"""The watcher as a whole: one thread for leases, looks and statistics, one for consoles, one event."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, connections

from unikernels.redis import RedisError
from unikernels.watcher.consoles import Consoles
from unikernels.watcher.leases import Leases
from unikernels.watcher.looks import Looks
from unikernels.watcher.presence import announce, leave
from unikernels.watcher.shares import LEASE, RENEWAL
from unikernels.watcher.statistics import Statistics

log = logging.getLogger(__name__)

LOOK_GAP = 1.0  # seconds between two looks at the rows of instances; one small query
WANT_GAP = 0.25  # between two looks at which consoles are wanted; one command to Redis
END_TIME = 2.0  # that the threads may take to end
LOOKS_END_TIME = 1.0  # of it, that looks under way may take; one that hangs is left behind


class Watcher:
    """Watches until *stop* is set. ``run`` blocks."""

    def __init__(self, stop: threading.Event, name: str | None = None) -> None:
        self.name = name or f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(3)}"
        self._stop = stop
        self._leases = Leases(self.name)
        self._looks = Looks(self.name)
        self._consoles = Consoles(self._holds)
        self._statistics = Statistics(self._holds)
        self._held: frozenset[int] = frozenset()
        self._held_until = 0.0
        self._announce_at = 0.0

    def run(self) -> bool:
        """True when it was stopped; False when a part of it ended by itself, which nobody foresaw."""
        log.info("watching as %s", self.name)
        threads = [self._start(self._watch_instances), self._start(self._watch_consoles)]
        while not self._stop.wait(LOOK_GAP / 2) and all(thread.is_alive() for thread in threads):
            pass
        asked = self._stop.is_set()
        self._stop.set()
        end = time.monotonic() + END_TIME
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        log.info("stopped")
        return asked

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        # Daemons: a look that hangs, or a database that does not answer, keeps nobody from ending.
        thread = threading.Thread(target=work, name=work.__name__, daemon=True)
        thread.start()
        return thread

    def _holds(self, instance: int) -> bool:
        """Whether *instance* is ours for certain: not when the rows could not be read for too long."""
        return instance in self._held and time.monotonic() < self._held_until

    def _watch_instances(self) -> None:
        while not self._stop.is_set():
            try:
                self._settle()
            except DatabaseError as error:
                log.warning("the database does not answer: %s", error)
                connections.close_all()
            self._stop.wait(LOOK_GAP)
        self._statistics.stop()
        self._looks.wait(LOOKS_END_TIME)
        try:
            self._leases.release()
        except DatabaseError as error:
            log.warning("leases stay for %s: %s", LEASE, error)
        connections.close_all()

    def _settle(self) -> None:
        began = time.monotonic()
        rows = self._leases.settle()
        self._held = frozenset(row.pk for row in rows)
        self._held_until = began + (LEASE - RENEWAL).total_seconds()  # what is certainly left of each
        self._looks.begin(rows)
        self._statistics.settle(self._held)

    def _watch_consoles(self) -> None:
        told = ""
        while not self._stop.is_set():
            trouble = self._settle_consoles()
            if trouble != told:
                log.warning("consoles: %s", trouble or "all is well again")
            told = trouble
            self._stop.wait(LOOK_GAP if trouble else WANT_GAP)
        try:
            self._consoles.stop()
            leave(self.name)
        except RedisError as error:
            log.warning("consoles: %s", error)
        connections.close_all()

    def _settle_consoles(self) -> str:
        """One round; what kept it from succeeding, or an empty text."""
        try:
            self._announce()
            self._consoles.settle()
        except (RedisError, DatabaseError) as error:
            self._leases.watchers = 1
            connections.close_all()
            return str(error)
        return ""

    def _announce(self) -> None:
        if (now := time.monotonic()) >= self._announce_at:
            self._leases.watchers = announce(self.name)
            self._announce_at = now + RENEWAL.total_seconds()
