"""``python -m tests.chaos.kills``: real ``kill -9`` of real Celery workers, at each step of each kind."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.chaos.killed_worker import order
from unikernels.operations.machine import State

if TYPE_CHECKING:
    from albatross.messages import Command, Info, Success
    from albatross.names import Name
    from albatross.simulator import SimulatedInstance
    from tests.chaos.scenes import Stage
    from unikernels.models import Operation

AT_ONCE = 8  # operations of one batch
PATIENCE = 400.0  # seconds until a batch has to be over
SWEEP = 0.5  # seconds; beat's five would only be waited for
_COMMAND = (
    *(sys.executable, "-m", "celery", "--quiet", "-A", "tests.chaos.killed_worker", "worker"),
    *("--concurrency", "3", "-Q", "celery,background", "--loglevel", "ERROR"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
NETWORK = "127.77.250.0/24"
_OUT = ("fetch", "verify", "preflight", "capture", "swap", "observe", "prove")
_BACK = ("back.preflight", "back.swap", "back.observe", "back.prove")
# Scene, its steps, how it ends, and how often the instance starts something for it.
STORIES = (
    ("deploy/good/held", _OUT, "succeeded", 1),
    ("upgrade/good/held", ("check", *_OUT), "succeeded", 1),
    ("upgrade/dies/foreign", _BACK, "rolled_back", 2),
    ("rollback/good/held", _OUT, "succeeded", 1),
    ("configure/good/foreign", ("check", *_OUT), "succeeded", 1),
    ("configure/dies/held", _BACK, "rolled_back", 2),
    ("restart/good/foreign", ("preflight", "capture", "swap", "observe", "prove"), "succeeded", 1),
    ("destroy/good/foreign", ("preflight", "capture", "swap", "observe"), "succeeded", 0),
)


@dataclass(frozen=True)
class Kill:
    """One run: at a step of a scene, around its write or right after the arming."""

    scene: str
    step: str
    moment: str
    whole: bool
    ends: str
    starts: int

    def __str__(self) -> str:
        return f"{self.scene} {self.step} {self.moment} {'whole' if self.whole else 'one'}"


def every_kill() -> list[Kill]:
    """All of them, those that kill one process first."""
    return [
        Kill(scene, step, moment, whole, ends, starts)
        for whole in (False, True)
        for scene, steps, ends, starts in STORIES
        for step in steps
        for moment in ("before", "after", "armed")
        if moment != "armed" or step in {"swap", "back.swap"}
    ]


class Worker:
    """A real worker, started again whenever it was killed."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.started = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep_up, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _keep_up(self) -> None:
        while not self._ending.is_set():
            process = subprocess.Popen(
                _COMMAND,
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.started += 1
            while process.poll() is None and not self._ending.wait(0.1):
                pass
            if process.poll() is None:
                process.kill()
            process.wait()


class Yard:
    """What the runs happen in; ``play`` a batch of them at once."""

    def __init__(self, stage: Stage, simulated: SimulatedInstance, orders: Path) -> None:
        self._stage, self._simulated, self._orders = stage, simulated, orders
        self._number = 0

    def play(self, kills: list[Kill]) -> Iterator[tuple[Kill, str, list[str]]]:
        """Each run of the batch with how it ended and what is wrong with that."""
        from tests.chaos import scenes
        from tests.chaos.points import Scene

        asked = []
        for kill in kills:
            self._number += 1
            name, scene = f"k{self._number}", Scene.parse(kill.scene)
            scenes.prepare(self._stage, scene, name)
            before = len(self._starts(name))
            order(self._orders, name, step=kill.step, moment=kill.moment, whole=kill.whole)
            asked.append((kill, name, before, scenes.ask(self._stage, scene, name)))
        self._wait([operation for *_, operation in asked])
        for kill, name, before, operation in asked:
            operation.refresh_from_db()
            yield kill, operation.state, list(self._wrong(kill, name, before, operation))

    def _wait(self, operations: list[Operation]) -> None:
        """Until they are all over, with a sweep now and then, as beat sends it."""
        from unikernels.models import Operation
        from unikernels.operations.tasks import sweep

        end = time.monotonic() + PATIENCE
        pks = [operation.pk for operation in operations]
        while Operation.objects.filter(pk__in=pks, finished_at=None).exists() and time.monotonic() < end:
            sweep.delay()
            time.sleep(SWEEP)

    def _wrong(self, kill: Kill, name: str, before: int, operation: Operation) -> Iterator[str]:
        from accounts.models import Event

        starts = len(self._starts(name)) - before
        # A kill beside this one may end it between sending and hearing: then it is sent once more, after
        # the instance was seen without it.
        states = list(
            Event.objects.filter(operation=operation.pk).order_by("id").values_list("now", flat=True)
        )
        resent = states.count(State.RESEND)
        info = self._simulated.running().get(f"robur:{name}")
        if operation.state != kill.ends:
            yield f"it ended {operation.state or 'never'}, not {kill.ends}: {operation.reason}"
        if not kill.starts <= starts <= kill.starts + resent:
            yield f"the instance started it {starts} times, not {kill.starts}: {', '.join(states)}"
        if list(self._orders.glob(f"{name} *")):
            yield "nobody was killed"
        wanted = operation.fallback if operation.going_back else operation.target
        if wanted is None:
            if info is not None:
                yield "it still runs"
        elif info is None:
            yield "it does not run"
        elif (info.digest.hex(), info.memory) != (wanted.digest, wanted.configuration["memory"]):
            yield f"version {wanted.number} does not run"

    def _starts(self, name: str) -> list[str]:
        return [record.detail for record in self._simulated.observed.records("started", name=f"robur:{name}")]


@contextlib.contextmanager
def surroundings() -> Iterator[tuple[Yard, Worker]]:
    """A database, a broker, a simulated instance, a builder and a worker, which end with the block."""
    from mollymawk.embedded.environment import prepare, socket_path
    from mollymawk.embedded.programs import broker

    with tempfile.TemporaryDirectory(prefix="chaos-kills-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        orders = folder / "orders"
        orders.mkdir()
        os.environ.pop("SECRET_KEY", None)
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.worker_settings",
            "DATA_DIR": name,
            "LOG_LEVEL": "ERROR",
            "KILL_ORDERS": str(orders),
        }
        prepare(os.environ, folder, make=True)
        import django

        django.setup()
        from django.core.management import call_command

        from bench.surroundings import running

        call_command("migrate", verbosity=0)
        path = socket_path(folder)
        path.parent.mkdir(exist_ok=True)
        stack.enter_context(running(broker(path, folder), ready=path.exists))
        yield stack.enter_context(_made(folder, orders))


@contextlib.contextmanager
def _made(folder: Path, orders: Path) -> Iterator[tuple[Yard, Worker]]:
    from albatross.simulator import SimulatedInstance
    from albatross.simulator.authority import papers_in
    from tests.chaos import scenes
    from unikernels.builds.simulator.catalogue import Catalogue
    from unikernels.builds.simulator.server import serving

    catalogue = Catalogue()
    with SimulatedInstance(folder / "instance", network=NETWORK) as simulated, serving(catalogue) as server:
        simulated.grant(f"{scenes.PATH}:", scenes.POLICY)
        papers = papers_in(folder / "instance")
        stage = scenes.Stage(_Host(simulated), papers, simulated.address, server.url)
        server.catalogue = stage.catalogue
        with Worker(dict(os.environ)) as worker:
            yield Yard(stage, simulated, orders), worker


class _Host:
    """Who sits at the simulated instance."""

    def __init__(self, simulated: SimulatedInstance) -> None:
        self._simulated = simulated

    def run(self, command: Command, name: Name) -> Success:
        return self._simulated.run(str(name), command)

    def running(self, name: Name) -> Info | None:
        return self._simulated.running().get(str(name))


def main(words: list[str]) -> int:
    """The exit code: 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.kills", description=__doc__)
    parser.add_argument("--minutes", type=float, default=8.0, help="end after so long")
    parser.add_argument("--only", default="", help="those whose text has this")
    given = parser.parse_args(words)
    began, wrong, outcomes = time.monotonic(), 0, Counter[tuple[str, str]]()
    kills = [kill for kill in every_kill() if given.only in str(kill)]
    with surroundings() as (yard, worker):
        while kills and time.monotonic() - began < given.minutes * 60:
            batch, kills = kills[:AT_ONCE], kills[AT_ONCE:]
            for kill, state, sentences in yard.play(batch):
                outcomes[kill.scene, state] += 1
                wrong += bool(sentences)
                for sentence in sentences:
                    print(f'VIOLATION: {sentence}\n  python -m tests.chaos.kills --only "{kill}"', flush=True)
        print(f"kill -9: {outcomes.total()} runs in {time.monotonic() - began:.0f} s, {len(kills)} not made,")
        print(f"  the worker was started {worker.started} times; {wrong} violations")
    for (scene, state), count in sorted(outcomes.items()):
        print(f"  {scene:<24} {state:<12} {count:>4}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
