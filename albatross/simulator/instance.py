"""A simulated Albatross instance, whole: for an event loop (``Instance``) and for tests."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from albatross import messages as m
from albatross.names import Name
from albatross.simulator.authority import Papers, papers_in
from albatross.simulator.console import Consoles
from albatross.simulator.conversation import Backends
from albatross.simulator.daemon import Daemon
from albatross.simulator.demo import seed
from albatross.simulator.endpoint import Endpoint
from albatross.simulator.faults import Faults, Kind
from albatross.simulator.guest import Machine
from albatross.simulator.host import Host
from albatross.simulator.journal import Journal
from albatross.simulator.network import DEFAULT_NETWORK, Network
from albatross.simulator.stats import StatisticsFeed
from albatross.simulator.store import Store
from albatross.simulator.subscriptions import Subscription

log = logging.getLogger(__name__)
T = TypeVar("T")

LISTEN_ON = "127.0.0.1"  # and nowhere else: its key lies in a folder
STOP_TIME = 2.0  # seconds that ending everything may take
CALL_TIME = 60.0  # seconds that a call from another thread may take


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen. Times are seconds; ``port`` 0 takes a free one and keeps it."""

    port: int = 0
    network: IPv4Network = DEFAULT_NETWORK
    host: Host = field(default_factory=Host)
    statistics_interval: float = 10
    kill_delay: float = 0


class Instance:
    """Runs on one event loop. ``start`` and ``stop`` may be called again and again."""

    def __init__(self, directory: Path, options: Options, faults: Faults, journal: Journal) -> None:
        self.faults, self.journal = faults, journal
        self._options = options
        self._store = Store(directory)
        self.papers: Papers = papers_in(directory)
        self.port = options.port
        self._tasks: set[asyncio.Task[None]] = set()
        self._backends: Backends | None = None
        self._endpoint: Endpoint | None = None

    @property
    def address(self) -> str:
        """Where it listens: ``127.0.0.1:port``, the same after each start."""
        return f"{LISTEN_ON}:{self.port}"

    @property
    def backends(self) -> Backends:
        if self._backends is None:
            raise RuntimeError("the simulated instance is not running")
        return self._backends

    async def start(self) -> None:
        """Start what ran before, then listen. Raises ``OSError``."""
        options = self._options
        self._store.lock()
        consoles = Consoles(_now)
        machine = Machine(
            options.host, Network(options.network), consoles.write, self._spawn, options.kill_delay
        )
        daemon = Daemon(
            machine=machine,
            store=self._store,
            consoles=consoles,
            journal=self.journal,
            faults=self.faults,
            now=_now,
        )
        statistics = StatisticsFeed(options.statistics_interval, lambda: list(daemon.guests.values()))
        self._backends = Backends(daemon, consoles, statistics, self._store, self.journal, self.faults)
        await daemon.boot()
        self._endpoint = Endpoint(self._backends, self.papers.context, self.papers.wrong_context)
        self.port = await self._endpoint.listen(LISTEN_ON, self.port)
        self.faults.changed = self._watch_faults(asyncio.get_running_loop())

    async def stop(self) -> None:
        """Close everything; what runs is started again by the next ``start``."""
        self.faults.changed = lambda: None
        if self._backends is not None:
            self._backends.daemon.close()
            self._backends.consoles.close()
            self._backends.statistics.close()
        if self._endpoint is not None:
            await self._endpoint.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._backends = self._endpoint = None
        self._store.unlock()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _watch_faults(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        """Listens, or not, as the faults want it."""

        async def adjust() -> None:
            if self._endpoint is None:
                return
            unreachable = any(fault.kind is Kind.UNREACHABLE for fault, _ in self.faults.due())
            if unreachable:
                self._endpoint.deafen()
            elif not self._endpoint.listening:
                await self._endpoint.listen(LISTEN_ON, self.port)

        own_thread = threading.get_ident()

        def changed() -> None:
            adjusted = asyncio.run_coroutine_threadsafe(adjust(), loop)
            if threading.get_ident() != own_thread:
                adjusted.result(STOP_TIME)

        return changed


class SimulatedInstance:
    """A simulated instance in a thread of its own, for tests and for trying things out.

    ::

        with SimulatedInstance(folder) as instance:
            instance.grant("alice:", Policy(...))
            instance.run("alice:hello", UnikernelCreate(Config(image=build_image())))
            ...  # talk to instance.address with instance.ca_pem and instance.key_pem

    All state is in *folder*: a second one with the same folder goes on where the first was.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        """*options* are those of ``Options``; ``network`` may be a text."""
        if isinstance(options.get("network"), str):
            options["network"] = IPv4Network(options["network"])
        self.faults, self.observed = Faults(), Journal()
        self.folder = folder
        self._options = Options(**options)
        self._instance = Instance(folder, self._options, self.faults, self.observed)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where it listens: ``127.0.0.1:port``, the same after each start."""
        return self._instance.address

    @property
    def port(self) -> int:
        return self._instance.port

    @property
    def ca_pem(self) -> str:
        """The certificate that an operator gives: it signs commands."""
        return self._instance.papers.ca_pem

    @property
    def key_pem(self) -> str:
        return self._instance.papers.key_pem

    @property
    def server_ca(self) -> str:
        """The CA of the server's certificate: the same one."""
        return self._instance.papers.ca_pem

    def start(self) -> None:
        """Start it (again). Raises ``OSError``."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulated-instance", daemon=True)
        self._thread.start()
        try:
            self._call(self._instance.start())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, with all that runs; harmless when it is stopped."""
        if self._loop is None or self._thread is None:
            return
        try:
            self._call(self._instance.stop())
            self._call(_wind_up())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- on the host itself --------------------------------------------------------------------

    def run(self, name: str, command: m.Command) -> m.Success:
        """The answer to a command given on the host itself, without TLS. Raises ``Refused``."""
        return self._call(self._instance.backends.daemon.run(Name.parse(name), command))

    def grant(self, path: str, policy: m.Policy) -> None:
        """Set the policy of *path* (``alice:``). Raises ``Refused``."""
        self.run(path, m.PolicyAdd(policy))

    def seed_demo(self) -> None:
        """Set up the domains and unikernels that a newcomer finds. Raises ``Refused``."""
        options = self._options
        self._call(seed(self._instance.backends.daemon, options.host, options.network))

    def running(self) -> dict[str, m.Info]:
        """What runs, by name."""
        told = self.run(":", m.UnikernelInfo())
        assert isinstance(told, m.UnikernelInfos)
        return {str(name): info for name, info in told.unikernels}

    def policies(self) -> dict[str, m.Policy]:
        """The policies, by path."""
        told = self.run(":", m.PolicyInfo())
        assert isinstance(told, m.Policies)
        return {str(path): policy for path, policy in told.policies}

    def console(self, name: str) -> list[str]:
        """The lines on the console of *name* (up to 1024)."""

        async def lines() -> list[str]:
            return [line.text for line in self._instance.backends.consoles.lines(Name.parse(name))]

        return self._call(lines())

    def wait_for_line(self, beginning: str, name: str, *, timeout: float = 10) -> str:
        """Wait for a line on the console of *name* that begins so, and give it. ``TimeoutError``."""

        async def line() -> str:
            consoles, subscription = self._instance.backends.consoles, Subscription()
            consoles.subscribe(Name.parse(name), subscription, count=-1, since=None)
            try:
                async with asyncio.timeout(timeout):
                    while lines := await subscription.take():
                        for _, told in lines:
                            if isinstance(told, m.ConsoleLine) and told.text.startswith(beginning):
                                return told.text
            finally:
                consoles.unsubscribe(Name.parse(name), subscription)
            raise TimeoutError(f"the console of {name} ended")

        return self._call(line())

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise RuntimeError("the simulated instance is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_TIME)


async def _wind_up() -> None:
    """Let everything on the loop come to its end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def _now() -> m.Timestamp:
    return m.Timestamp.from_datetime(datetime.now(UTC))
