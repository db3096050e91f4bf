"""Virtual time: an event loop and an agenda that jump to whatever happens next.

``Clock.wait`` is the only place where time passes. Whoever waits in our code (for an answer of the
instance, for the builder, for the next wake-up) comes here; what else is due meanwhile happens first,
in the same thread: other workers, the sweep, people.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextvars import Context
from datetime import UTC, datetime
from typing import Any, TypeVar, TypeVarTuple
from unittest import mock

from django.utils import timezone

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START = 1_800_000_000.0  # seconds since 1970: some day, always the same one
RESOLUTION = 1e-6  # seconds; what a float still tells apart this far from 1970
MAX_DEPTH = 6  # actions that happen while another one waits; more would be a mistake of the harness
_ENDLESS = 200_000  # turns of one wait: then nothing will ever come of it


def unbound(method: Callable[..., T]) -> Callable[..., T]:
    """*method* in a form that can take the place of a method of another class, and gets its instance."""

    def called(*args: Any, **words: Any) -> T:
        return method(*args, **words)

    return called


class Stuck(AssertionError):
    """Somebody waits, and nothing is left that could happen."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop on a ``Clock``. It never sleeps, and its threads are none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = itertools.count()
        self.busy = False
        super().__init__()
        self._clock_resolution = RESOLUTION

    def time(self) -> float:
        return self._clock.now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self.busy = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Do it now: a thread would have a time of its own."""
        del executor
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is for whoever waits for it
            done.set_exception(error)
        return done

    def next_timer(self) -> float:
        """When the next timer is due."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else math.inf

    def turn(self) -> None:
        """Run what is ready now, and the timers that are due."""
        while self._timers and self._timers[0][0] <= self._clock.now:
            heapq.heappop(self._timers)
        self.busy = False
        super().call_soon(self.stop)
        self.run_forever()


class Clock:
    """The time of one process of the harness, and what happens when."""

    def __init__(self) -> None:
        self.now = START
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._depth = 0
        self.loop = Loop(self)

    def seconds(self) -> float:
        """Now, since 1970."""
        return self.now

    def moment(self) -> datetime:
        """Now."""
        return datetime.fromtimestamp(self.now, UTC)

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Have *action* happen at *when*."""
        heapq.heappush(self._agenda, (when, next(self._numbers), action))

    def forget(self) -> None:
        """Nothing is due any more."""
        self._agenda.clear()

    def wait(self, ready: Callable[[], bool], until: float = math.inf) -> None:
        """Let things happen until *ready* or *until*. Raises ``Stuck``."""
        for _ in range(_ENDLESS):
            if ready():
                return
            if self.loop.busy:
                self.loop.turn()
            elif self.now >= until:
                return
            else:
                self._next(until)
        raise Stuck(f"{_ENDLESS} turns, and still waiting at {self.now - START:.3f} s")

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.wait(lambda: False, self.now + seconds)

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        self.wait(lambda: not self.loop.busy)

    def _next(self, until: float) -> None:
        due = self._agenda[0][0] if self._agenda and self._depth < MAX_DEPTH else math.inf
        timer = self.loop.next_timer()
        moment = min(until, due, timer)
        if moment == math.inf:
            raise Stuck("nothing is left to happen")
        self.now = max(self.now, moment)
        if timer <= self.now:
            self.loop.turn()
        elif due <= self.now:
            self._act(heapq.heappop(self._agenda)[2])

    def _act(self, action: Callable[[], None]) -> None:
        self._depth += 1
        try:
            action()
        finally:
            self._depth -= 1

    @contextlib.contextmanager
    def rules(self) -> Iterator[None]:
        """In this block everybody's time is this one."""
        with (
            mock.patch.object(time, "time", self.seconds),
            mock.patch.object(time, "monotonic", self.seconds),
            mock.patch.object(time, "sleep", self.sleep),
            mock.patch.object(timezone, "now", self.moment),
        ):
            yield
