"""The database as it fails: a statement that does not arrive, an answer that is lost, a long outage."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from django.db import OperationalError, connection

from tests.chaos.clock import Clock

MOST_STATEMENTS = 9  # a step makes about so many; the one that fails is chosen by the run's seed


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


class Database:
    """The connection of the harness. While ``dead`` a killed process goes through its last blocks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reset(random.Random(0))

    def reset(self, chance: random.Random) -> None:
        """All is well."""
        self._chance = chance
        self.dead = False
        self.in_doubt = False  # what was asked was done, and the answer was lost
        self._countdown: int | None = None
        self._after = False
        self._away_until = 0.0
        self._outage = 0.0

    def lose(self, *, after: bool = False, seconds: float = 0.0) -> None:
        """Lose the connection at one of the next statements, for *seconds*; *after*: once it is done."""
        self._countdown = self._chance.randint(1, MOST_STATEMENTS)
        self._after, self._outage = after, seconds

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """In this block every statement and every commit may fail."""
        real: Callable[[], None] = connection._commit  # type: ignore[attr-defined]  # every commit passes it

        def commit() -> None:
            self._pass(real)

        with connection.execute_wrapper(self._execute), mock.patch.object(connection, "_commit", commit):
            yield

    def _execute(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        return self._pass(lambda: execute(*arguments))

    def _pass(self, act: Callable[[], Any]) -> Any:
        if self.dead:
            raise Killed
        if self._clock.now < self._away_until:
            raise OperationalError("the database is away")
        if not self._due():
            return act()
        if self._after:
            act()
        self.in_doubt = self._after
        self._away_until = self._clock.now + self._outage
        if connection.connection is not None:
            connection.connection.rollback()  # what a server does when a client vanishes
        raise OperationalError("the connection to the database is lost")

    def _due(self) -> bool:
        if self._countdown is None:
            return False
        self._countdown -= 1
        if self._countdown:
            return False
        self._countdown = None
        return True
