"""A running unikernel of a simulated instance: its process, seen from outside.

A guest that neither prints regularly nor serves costs nothing while it runs: no thread, no task,
no socket, no timer. Everything happens on the event loop of its instance.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from albatross.messages import Arguments
from albatross.names import Name
from albatross.simulator import behaviour as b
from albatross.simulator.host import Host
from albatross.simulator.network import Network
from albatross.simulator.restarts import Ending, Exited, Signalled
from albatross.simulator.servers import Servers

FAILING_TIME = 0.02  # seconds a process lives at least: without them a restart loop would spin
MIN_TICK = 0.05  # seconds between two lines, so that no image can flood its host
MIN_MEMORY = 2  # MB; the tenders end with less (seen with 1)
BANNER = r"""            |      ___|
  __|  _ \  |  _ \ __ \
\__ \ (   | | (   |  ) |
____/\___/ _|\___/____/
Solo5: Bindings version v0.12.1
Solo5: Memory map: {memory} MB addressable
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """What all guests of an instance share."""

    host: Host
    network: Network
    write: Callable[[Name, bytes], None]  # to the console of a name
    spawn: Callable[[Coroutine[Any, Any, None]], object]  # a task that the instance ends with itself
    kill_delay: float = 0  # seconds that every unikernel takes to end


@dataclass(slots=True, eq=False)
class Guest:
    """One process. ``ended`` is called exactly once, later than any method that brings it about."""

    name: Name
    arguments: Arguments
    target: str
    story: bytes | None
    machine: Machine
    ended: Callable[[Guest, Ending], None]
    requests: int = 0
    memory: int = 0
    address: str | None = None
    began: float = field(default_factory=time.monotonic)
    _behaviour: b.Behaviour = field(default_factory=b.Behaviour)
    _servers: Servers | None = None
    _timers: list[asyncio.TimerHandle] = field(default_factory=list)
    _dying: bool = False
    _over: bool = False
    _share: float = 0

    def start(self) -> None:
        """Begin to run, after the caller is done."""
        asyncio.get_running_loop().call_soon(self._boot)

    def terminate(self, more: float = 0) -> None:
        """SIGTERM: it ends after the time that it takes, and *more* seconds."""
        if self._dying:
            return
        self._dying = True
        delay = self.machine.kill_delay + self._behaviour.ignore_term + more
        self._later(delay, lambda: self._end(Signalled()))

    def discard(self) -> None:
        """Close what it holds without a word to anybody: the instance itself stops."""
        self._over = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._servers is not None:
            self._servers.close()
        self.machine.network.release(self.name.labels)

    # --- its life ------------------------------------------------------------------------------

    def _boot(self) -> None:
        if self._over:
            return
        if complaint := self._tender_complaint():
            self._fail(complaint, 1)
            return
        self._print(BANNER.format(memory=self.arguments.memory))
        try:
            self._behaviour = told = b.read(self.story, self._argv())
        except b.Failed as failed:
            self._fail(str(failed), failed.code)
            return
        self.memory = told.memory
        self._print("\n".join(told.lines))
        if told.http or told.dns:
            self.machine.spawn(self._serve())
        if told.tick and told.every:
            self._tick()
        if told.exit_after is not None:
            self._later(max(told.exit_after, FAILING_TIME), lambda: self._end(Exited(told.exit)))

    def _tender_complaint(self) -> str | None:
        """What taskset or the tender say before the unikernel runs at all."""
        if not self.arguments.cpuids:
            return "taskset: failed to parse CPU list: "
        if not self.arguments.cpuids & set(range(self.machine.host.cpus)):
            return "taskset: failed to set pid 0's affinity: Invalid argument"
        if self.arguments.memory < MIN_MEMORY:
            return f"solo5-{self.target}: Malformed argument to --mem"
        return None

    def _argv(self) -> Iterable[str]:
        name = [f"--name={self.name.label}"] if self.arguments.add_name else []
        return (*name, *(self.arguments.arguments or ()))

    async def _serve(self) -> None:
        address = self.machine.network.take(self.name.labels, self._behaviour.ipv4)
        if address is None:
            self._print("no free address: serving nothing")
            return
        wanted = (self._behaviour.ipv4 or "").partition("/")[0]
        if wanted not in ("", str(address)):
            self._print(f"{wanted} is no simulated address, using {address} instead")
        self.address = str(address)
        self._servers = Servers(self._behaviour, self.address, self._answers)
        try:
            for line in await self._servers.open():
                self._print(line)
        except OSError as error:
            self._print(f"cannot serve on {address}: {error.strerror}")
        if self._over:
            self._servers.close()

    def _answers(self) -> bool:
        """Whether to answer one more request: spread evenly, so that a share of 0.5 is every second."""
        self.requests += 1
        self._share += self._behaviour.answers
        if self._share < 1:
            return False
        self._share -= 1
        return True

    def _tick(self) -> None:
        def again() -> None:
            self._print(self._behaviour.tick)
            self._tick()

        self._later(max(self._behaviour.every, MIN_TICK), again)

    def _later(self, delay: float, what: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._timers = [timer for timer in self._timers if timer.when() > loop.time()]
        self._timers.append(loop.call_later(delay, what))

    def _print(self, text: str) -> None:
        if not self._over:
            self.machine.write(self.name, text.encode(errors="surrogateescape") + b"\n")

    def _fail(self, text: str, code: int) -> None:
        self._print(text)
        self._later(FAILING_TIME, lambda: self._end(Exited(code)))

    def _end(self, ending: Ending) -> None:
        if not self._over:
            self.discard()
            self.ended(self, ending)
