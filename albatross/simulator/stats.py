"""The statistics of a simulated instance (``albatross-protocol`` 4.11)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from albatross.messages import InterfaceUsage, MemoryUsage, ResourceUsage, Statistics, TimeVal
from albatross.names import Name
from albatross.simulator.guest import Guest
from albatross.simulator.state import Labels
from albatross.simulator.subscriptions import Subscription

PAGES = 256  # in a MB
IDLE_LOAD = 0.002  # share of a CPU that a simulated unikernel is said to use
REQUEST_COST = 0.001  # CPU seconds a request is said to take
REQUEST_BYTES, ANSWER_BYTES = 120, 400
MTU = 1500


@dataclass(frozen=True, slots=True)
class _Subscriber:
    path: Labels
    subscription: Subscription


class StatisticsFeed:
    """One subscriber for each name or path, who gets a sample of each unikernel in each interval."""

    def __init__(self, interval: float, guests: Callable[[], Iterable[Guest]]) -> None:
        self._interval = interval
        self._guests = guests
        self._subscribers: dict[Labels, _Subscriber] = {}
        self._timer: asyncio.TimerHandle | None = None

    def subscribe(self, name: Name, subscription: Subscription) -> None:
        """A subscriber for *name*; the one there was is dropped."""
        if before := self._subscribers.get(name.labels):
            before.subscription.end()
        self._subscribers[name.labels] = _Subscriber(name.path, subscription)
        if self._timer is None:
            self._wait()

    def unsubscribe(self, name: Name, subscription: Subscription) -> None:
        found = self._subscribers.get(name.labels)
        if found is not None and found.subscription is subscription:
            del self._subscribers[name.labels]

    def close(self) -> None:
        for subscriber in self._subscribers.values():
            subscriber.subscription.end()
        self._subscribers.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._tell)

    def _tell(self) -> None:
        self._timer = None
        if not self._subscribers:
            return
        for guest in self._guests():
            self._tell_about(guest)
        self._wait()

    def _tell_about(self, guest: Guest) -> None:
        told: Statistics | None = None
        labels = guest.name.labels
        for key, subscriber in self._subscribers.items():
            if labels[: len(key)] == key:
                told = told or sample(guest)
                subscriber.subscription.put(guest.name.relative_to(subscriber.path), told)


def sample(guest: Guest) -> Statistics:
    """What the statistics daemon would measure of *guest* on Linux."""
    seconds = time.monotonic() - guest.began
    pages = guest.memory * PAGES
    used = seconds * IDLE_LOAD + guest.requests * REQUEST_COST
    return Statistics(
        resource_usage=ResourceUsage(
            utime=_time(used * 0.7),
            stime=_time(used * 0.3),
            maxrss=pages,
            ixrss=0,
            idrss=0,
            isrss=0,
            minflt=pages,
            majflt=0,
            nswap=0,
            inblock=0,
            outblock=0,
            msgsnd=0,
            msgrcv=0,
            nsignals=0,
            nvcsw=guest.requests,
            nivcsw=0,
        ),
        interfaces=tuple(_interface(d.name, guest.requests) for d in reversed(guest.arguments.bridges)),
        memory=MemoryUsage(
            vsize=guest.arguments.memory * PAGES,
            rss=pages,
            tsize=1 * PAGES,
            dsize=pages,
            ssize=pages,
            runtime=int(used * 1_000_000),
            cow=0,
            start=_time(time.time() - seconds),
        ),
    )


def _time(seconds: float) -> TimeVal:
    whole = int(seconds)
    return TimeVal(whole, int((seconds - whole) * 1_000_000))


def _interface(device: str, requests: int) -> InterfaceUsage:
    """As the host counts: what it takes in is what the unikernel sent."""
    return InterfaceUsage(
        bridge=device,
        flags=0,
        send_length=0,
        max_send_length=0,
        send_drops=0,
        mtu=MTU,
        baudrate=0,
        input_packets=requests,
        input_errors=0,
        output_packets=requests,
        output_errors=0,
        collisions=0,
        input_bytes=requests * ANSWER_BYTES,
        output_bytes=requests * REQUEST_BYTES,
        input_mcast=0,
        output_mcast=0,
        input_dropped=0,
        output_dropped=0,
    )
