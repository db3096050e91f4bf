"""The consoles of a simulated instance (``albatross-protocol`` 4.10, ``protocol-observed`` 24, 25).

Each unikernel has a ring of its last lines, which outlives it, and some subscribers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from albatross.messages import MAX_INT, ConsoleLine, Timestamp
from albatross.names import Name
from albatross.simulator.state import Labels, Refused, listing_order
from albatross.simulator.subscriptions import Subscription

RING_LINES = 1024
PIECE = 512  # what the console daemon reads at once, and the longest line that it keeps whole
MAX_SUBSCRIBERS = 6  # the daemon says 5 and is off by one


class Splitter:
    """Makes lines out of what a unikernel writes."""

    def __init__(self) -> None:
        self._rest = b""
        self._dropping = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that *data* completes. Empty lines are dropped, long ones are cut."""
        lines: list[bytes] = []
        for start in range(0, len(data), PIECE):
            lines += self._piece(data[start : start + PIECE])
        return [line.decode(errors="surrogateescape") for line in lines if line]

    def _piece(self, piece: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if self._dropping and lines:
            self._dropping = False
            del lines[0]
        if self._dropping:
            self._rest = b""
        if len(self._rest) >= PIECE:
            lines.append(self._rest[:PIECE] + b" [truncated]")
            self._rest, self._dropping = b"", True
        return lines


@dataclass(slots=True, eq=False)
class Console:
    """The lines of one unikernel. ``ring`` None: somebody waits for a unikernel that never ran."""

    name: Name
    ring: deque[ConsoleLine] | None = None
    active: bool = False
    splitter: Splitter = field(default_factory=Splitter)
    subscribers: deque[Subscription] = field(default_factory=deque)

    def history(self, count: int | None, since: Timestamp | None) -> list[ConsoleLine]:
        lines = list(self.ring or ())
        if since is not None:
            return [line for line in lines if line.timestamp >= since]
        assert count is not None
        return lines if count < 0 else lines[len(lines) - min(count, len(lines)) :]

    def close(self) -> None:
        for subscription in self.subscribers:
            subscription.end()
        self.subscribers.clear()


class Consoles:
    """All consoles, by the labels of their unikernels."""

    def __init__(self, clock: Callable[[], Timestamp]) -> None:
        self._clock = clock
        self._consoles: dict[Labels, Console] = {}
        self._limits: dict[Labels, int] = {(): MAX_INT}

    def start(self, name: Name, limit: int) -> None:
        """A unikernel starts; *limit* is the number of unikernels that the policy of its path allows."""
        if name.path:
            self._limits[name.path] = limit
        console = self._consoles.get(name.labels)
        if console is None:
            console = self._consoles[name.labels] = Console(name)
            console.active = True
            self._make_room(name.path)
        if console.ring is None:
            console.ring = deque(maxlen=RING_LINES)
        console.active, console.splitter = True, Splitter()

    def stop(self, name: Name) -> None:
        if console := self._consoles.get(name.labels):
            console.active = False

    def write(self, name: Name, data: bytes) -> None:
        """Output of the unikernel *name*; all lines of one write have the same time."""
        console = self._consoles.get(name.labels)
        if console is None or console.ring is None:
            return
        now = self._clock()
        for text in console.splitter.feed(data):
            line = ConsoleLine(now, text)
            console.ring.append(line)
            for subscription in console.subscribers:
                subscription.put(console.name, line)

    def subscribe(
        self, name: Name, subscription: Subscription, *, count: int | None, since: Timestamp | None
    ) -> str | None:
        """Send *subscription* the history and what follows.

        The answer to the client, or None when its console was dropped at once. Raises ``Refused``.
        """
        if name.label is None:
            raise Refused("path used instead of name")
        console = self._consoles.get(name.labels)
        if console is None:
            console = self._consoles[name.labels] = Console(name)
        console.subscribers.append(subscription)
        if len(console.subscribers) > MAX_SUBSCRIBERS:
            console.subscribers.popleft().end()
        if console.ring is None:
            self._make_room(name.path)
            return "waiting for VM" if name.labels in self._consoles else None
        for line in console.history(count, since):
            subscription.put(console.name, line)
        return "subscribed"

    def unsubscribe(self, name: Name, subscription: Subscription) -> None:
        console = self._consoles.get(name.labels)
        if console is not None and subscription in console.subscribers:
            console.subscribers.remove(subscription)

    def list_inactive(self, queried: Name) -> list[Name]:
        """Consoles at and below a path whose unikernel has ended, relative to it. ``Refused``."""
        if queried.label is not None:
            raise Refused("name used")
        path = queried.path
        found = [
            c.name
            for c in self._consoles.values()
            if c.ring is not None and not c.active and c.name.path[: len(path)] == path
        ]
        return [name.relative_to(path) for name in sorted(found, key=lambda name: listing_order(name.labels))]

    def readers(self) -> dict[str, int]:
        """How many follow each console that somebody follows."""
        consoles = self._consoles.values()
        return {str(console.name): len(console.subscribers) for console in consoles if console.subscribers}

    def lines(self, name: Name) -> list[ConsoleLine]:
        """What the ring of *name* holds."""
        console = self._consoles.get(name.labels)
        return list(console.ring or ()) if console else []

    def close(self) -> None:
        for console in self._consoles.values():
            console.close()

    def _make_room(self, path: Labels) -> None:
        """Drop one inactive console of *path* when it has more than it may; never its very first."""
        here = sorted(key for key, console in self._consoles.items() if console.name.path == path)
        if len(here) <= max(1, self._limits.get(path, 1)):
            return
        for key in here:
            if not self._consoles[key].active:
                self._consoles.pop(key).close()
                return
