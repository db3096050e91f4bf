"""100 instances with 100 unikernels each, watched: inventory and statistics every 10 s.

The instances are simulated, in a process of their own that does not count. What counts is the CPU of all our
processes: watcher, workers, beat, web server and broker. Then one instance dies and one becomes slow, and the
others have to be looked at as before.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.surroundings import free_port, project, running
from mollymawk.embedded.probes import healthy
from mollymawk.embedded.programs import HOST, background, beat, watcher, web, worker

INSTANCES, UNIKERNELS = 100, 100
TARGET = 40.0  # % of one core
WARM_UP = 30.0  # seconds after everything was looked at once
SECONDS = 60.0
LOOKS_EVERY = 10.0  # seconds
SLOW = 8.0  # seconds until the slow instance answers


def simulate(pipe: Connection) -> None:
    """The process of the instances: tells how to reach them, then does what it is told."""
    from albatross import messages as m  # noqa: PLC0415  # only here
    from albatross.simulator import SimulatedInstance  # noqa: PLC0415
    from albatross.simulator.faults import Fault, Kind  # noqa: PLC0415
    from albatross.simulator.host import Host  # noqa: PLC0415
    from albatross.simulator.images import build_image  # noqa: PLC0415

    policy = m.Policy(2 * UNIKERNELS, frozenset(range(8)), 100_000, None, frozenset({"service"}))
    create = m.UnikernelCreate(m.Config(m.Arguments(memory=16), image=build_image(behaviour={"memory": 8})))
    with tempfile.TemporaryDirectory(prefix="mollymawk-bench-") as folder, contextlib.ExitStack() as stack:
        made = []
        for number in range(INSTANCES):
            network = f"127.77.{number}.0/24"
            place = stack.enter_context(
                SimulatedInstance(Path(folder) / str(number), network=network, host=Host(memory=32_768))
            )
            place.grant("measured", policy)
            for at in range(UNIKERNELS):
                place.run(f"measured:u{at}", create)
            made.append(place)
            pipe.send((place.address, place.server_ca, place.ca_pem, place.key_pem))
        pipe.recv()  # it is time for trouble
        made[0].stop()
        made[1].faults.add(Fault(kind=Kind.DELAY, command="unikernel_info", seconds=SLOW))
        pipe.send("done")
        pipe.recv()


@contextlib.contextmanager
def instances() -> Iterator[Connection]:
    """The simulated instances, and the way to their process."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=simulate, args=(there,), daemon=True)
    process.start()
    try:
        yield here
    finally:
        process.terminate()
        process.join()


def bring_in(pipe: Connection) -> None:
    """The rows of all instances, and a team to which everything there belongs."""
    from accounts.actors import COMMAND  # noqa: PLC0415  # Django is set up only now
    from accounts.services import team_create  # noqa: PLC0415
    from unikernels.instances.services import instance_add  # noqa: PLC0415

    team_create(actor=COMMAND, name="measured")
    for number in range(INSTANCES):
        address, server_ca, certificate, key = pipe.recv()
        words = {"server_ca": server_ca, "certificate": certificate, "key": key}
        instance_add(actor=COMMAND, name=f"host{number}", address=address, **words)


def cpu(pids: set[int]) -> float:
    """Seconds of CPU that these processes have used."""
    used = 0.0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
            used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def family(pid: int) -> set[int]:
    """*pid* and all processes below it."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {pid}.union(*(family(int(child)) for child in below))


def measure(pids: dict[str, set[int]]) -> dict[str, float]:
    """% of one core that each of these used in ``SECONDS``."""
    before = {name: cpu(group) for name, group in pids.items()}
    time.sleep(SECONDS)
    return {name: 100 * (cpu(group) - before[name]) / SECONDS for name, group in pids.items()}


def brokers() -> set[int]:
    """The broker, which is a child of ours like the simulators."""
    found = set()
    for pid in family(os.getpid()):
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"--unixsocket" in words:
            found.add(pid)
    return found


def everything_seen() -> bool:
    """Whether every unikernel has a row, and every instance has statistics."""
    from unikernels.models import Unikernel  # noqa: PLC0415
    from unikernels.statistics.models import Tick  # noqa: PLC0415

    seen = Unikernel.objects.count(), Tick.objects.values("instance").distinct().count()
    return seen == (INSTANCES * UNIKERNELS, INSTANCES)


def oldest_looks(leaving: tuple[str, ...] = ()) -> list[float]:
    """How old the facts of the other instances get, in seconds: asked once a second, longest first."""
    from django.utils import timezone  # noqa: PLC0415

    from albatross.models import Instance  # noqa: PLC0415

    oldest: dict[str, timedelta] = {}
    for _ in range(int(SECONDS)):
        others = Instance.objects.exclude(name__in=leaving).exclude(seen_at=None)
        for name, seen in others.values_list("name", "seen_at"):
            assert seen
            oldest[name] = max(oldest.get(name, timedelta()), timezone.now() - seen)
        time.sleep(1)
    return sorted((age.total_seconds() for age in oldest.values()), reverse=True)


def main() -> None:
    """Print the figures beside their targets."""
    with instances() as pipe, project() as folder, contextlib.ExitStack() as stack:
        bring_in(pipe)
        port = free_port()
        programs = (watcher(), worker(), background(), beat(folder), web(port))
        started: dict[str, Any] = {}
        for program in programs:
            ready = (lambda: healthy(f"http://{HOST}:{port}/")) if program.name == "web" else (lambda: True)
            started[program.name] = stack.enter_context(running(program, ready=ready))
        begun = time.monotonic()
        while not everything_seen():
            time.sleep(1)
        print(
            f"{INSTANCES} instances with {UNIKERNELS} unikernels: all seen after {time.monotonic() - begun:.0f} s"
        )
        time.sleep(WARM_UP)
        pids = {name: family(process.pid) for name, process in started.items()} | {"broker": brokers()}
        shares = measure(pids)
        told = ", ".join(f"{name} {share:.1f}" for name, share in shares.items())
        print(f"CPU: {sum(shares.values()):.1f} % of one core (target: at most {TARGET:g}): {told}")
        print(f"oldest facts: {oldest_looks()[0]:.1f} s (looks every {LOOKS_EVERY:g} s)")
        pipe.send("trouble")
        pipe.recv()
        time.sleep(2 * LOOKS_EVERY)
        ages = oldest_looks(leaving=("host0", "host1"))
        print(
            f"with a dead one and one that answers after {SLOW:g} s: oldest facts of the others {ages[0]:.1f} s"
        )


if __name__ == "__main__":
    main()
