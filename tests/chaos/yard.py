"""The simulated instance of a process of the harness: the real daemon on the virtual loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, TypeVar, cast

from cryptography import x509

from albatross import messages as m
from albatross.names import Name
from albatross.simulator.authority import papers_in
from albatross.simulator.chain import read_chain
from albatross.simulator.console import Consoles
from albatross.simulator.conversation import Backends, Conversation
from albatross.simulator.daemon import Daemon
from albatross.simulator.faults import Fault, Faults, kind_of
from albatross.simulator.faults import Kind as FaultKind
from albatross.simulator.guest import Guest, Machine
from albatross.simulator.host import Host
from albatross.simulator.journal import Journal
from albatross.simulator.network import Network
from albatross.simulator.restarts import Ending, Exited
from albatross.simulator.state import State
from albatross.simulator.stats import StatisticsFeed
from albatross.simulator.store import Kept, Store
from albatross.simulator.tls import Gone, TlsStream
from tests.chaos.clock import Clock
from tests.chaos.wire import ServerEnd

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    """What the instance told of a name: the process, and what tells its version (None: nothing there)."""

    digest: str = ""
    memory: int = 0
    started: int | None = None

    @classmethod
    def of(cls, info: m.Info | None) -> Told:
        return cls(info.digest.hex(), info.memory, info.started.milliseconds) if info else cls()

    def is_version(self, digest: str, memory: int) -> bool:
        return (self.digest, self.memory) == (digest, memory)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the story that the oracle reads: ``seen`` (by us) or ``started`` (by it)."""

    what: str
    told: Told
    command: str = ""


class Disturbances(Faults):
    """Faults that can be taken back by their kind."""

    def drop(self, kind: FaultKind) -> None:
        """None of this *kind* is due any more."""
        with self._lock:
            self._due = [(fault, left) for fault, left in self._due if fault.kind is not kind]


class _Store(Store):
    """Images on disk; what runs is nowhere else than in memory."""

    def load(self, state: State) -> list[Kept]:
        del state
        return []

    def save(self, state: State) -> None:
        """Nobody reads it."""


class _Daemon(Daemon):
    """Remembers what it started, and can tell the digest of the one before."""

    name: Name
    story: list[Entry]
    old_digest = 0  # so many times
    lag = 0.0  # seconds that what has ended is listed on, also in place of what came after it
    _ended_at = 0.0

    def _ended(self, guest: Guest, ending: Ending) -> None:
        self._ended_at = time.monotonic()
        super()._ended(guest, ending)

    def _info(self, name: Name, kind: str) -> list[tuple[Name, m.Info]]:
        if time.monotonic() - self._ended_at < self.lag:
            self._faults.add(Fault(FaultKind.LINGERS, command=kind))
        listed = dict(super()._info(name, kind))
        info = listed.get(self.name)
        if info is not None and self.old_digest and (former := self._former.get(self.name.labels)):
            self.old_digest -= 1
            listed[self.name] = replace(info, digest=former.digest)
        return list(listed.items())

    async def _start(self, name: Name, config: m.Config, image: Path, kind: str) -> m.Text:
        answer = await super()._start(name, config, image, kind)
        running = self.state.running[name.labels]
        told = Told(running.digest.hex(), running.arguments.memory, running.started.milliseconds)
        self.story.append(Entry("started", told, kind))
        return answer


class Yard:
    """The instance; ``reset`` makes it as new."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self._tasks: set[asyncio.Task[Any]] = set()
        folder.mkdir(parents=True)
        self.papers = papers_in(folder)
        self.authority = x509.load_pem_x509_certificate(self.papers.ca_pem.encode())
        self.faults, self.journal = Disturbances(), Journal()
        self._store = _Store(folder)
        self._sequence = 0
        self.reset(Name.parse("robur:hello"))

    def reset(self, name: Name) -> None:
        """Nothing runs and nothing goes wrong; the story begins to be about *name*."""
        self.faults.clear()
        self.journal.clear()
        consoles = Consoles(self._moment)
        machine = Machine(Host(), Network(IPv4Network("127.77.99.0/24")), consoles.write, self._spawn)
        self.daemon = _Daemon(
            machine=machine,
            store=self._store,
            consoles=consoles,
            journal=self.journal,
            faults=self.faults,
            now=self._moment,
        )
        self.name = self.daemon.name = name
        self.story: list[Entry] = []
        self.daemon.story = self.story
        statistics = StatisticsFeed(10, list)
        self._backends = Backends(self.daemon, consoles, statistics, self._store, self.journal, self.faults)

    def accept(self, end: ServerEnd, chain: list[bytes]) -> None:
        """A client has connected and shown *chain*."""
        order = read_chain(chain, datetime.now(UTC))  # the certificates are of the real day
        self.journal.add("arrived", order.name, command=kind_of(order.command))
        self._sequence += 1
        conversation = Conversation(self._backends, cast("TlsStream", end), order, self._sequence)
        self._spawn(self._serve(conversation, end))

    async def _serve(self, conversation: Conversation, end: ServerEnd) -> None:
        with contextlib.suppress(Gone):
            await conversation.hold()
            await end.close()
        end.abort()

    def run(self, command: m.Command, name: Name) -> m.Success:
        """The answer to a command given on the host itself."""
        return self._call(self.daemon.run(name, command))

    def running(self, name: Name | None = None) -> m.Info | None:
        """What truly runs, whatever the faults make the instance tell."""
        return dict(self.daemon.state.list_unikernels(Name())).get(name or self.name)

    def exits(self, code: int = 2) -> None:
        """What runs ends by itself."""
        guest = self.daemon.guests.get(self.name.labels)
        if guest is not None:
            guest._end(Exited(code))

    def close(self) -> None:
        """End what runs."""
        self.daemon.close()

    def end(self) -> None:
        """End what runs, and every command that was never answered."""
        self.close()
        for task in self._tasks:
            task.cancel()
        self.clock.settle()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        task = self.clock.loop.create_task(work)
        self.clock.wait(task.done)
        return task.result()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self.clock.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _moment(self) -> m.Timestamp:
        return m.Timestamp.from_datetime(datetime.fromtimestamp(self.clock.now, UTC))
