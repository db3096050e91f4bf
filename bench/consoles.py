"""500 people look at the console of one unikernel that prints 10 lines a second, in one web process.

Everything is real: a simulated instance prints, a watcher follows it once, Redis keeps the lines, uvicorn
streams them over 500 connections. A line carries the time at which it was printed (ms, the same clock), so
the latency is that of the whole way. Memory is that of the web process, before and while they look.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import re
import statistics
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from albatross import messages as m
from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from bench.surroundings import free_port, project, running
from mollymawk.embedded.probes import healthy
from mollymawk.embedded.programs import HOST, watcher, web

VIEWERS = 500
SESSIONS = 10  # of them all: one session follows at most 100 consoles
EVERY = 0.1  # seconds between two lines
WARM_UP = 10.0  # seconds in which they come and everything is imported
SECONDS = 30.0
P99_TARGET = 500.0  # ms
MEMORY_TARGET = 20.0  # KiB for each viewer
NAME = "robur:chatty"

_TIME = re.compile(rb'data: \{"ts":(\d+)')


class Viewer:
    """One connection, and how late its lines came (ms)."""

    def __init__(self) -> None:
        self.ids: list[bytes] = []
        self.late: list[float] = []

    async def look(self, port: int, path: str, cookie: str) -> None:
        """Read lines until it is cancelled."""
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            words = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\n\r\n"
            writer.write(words.encode())
            while line := await reader.readline():
                if line.startswith(b"id: "):
                    self.ids.append(line)
                elif found := _TIME.match(line):
                    self.late.append(time.time() * 1000 - int(found[1]))
        finally:
            writer.close()

    def forget(self) -> None:
        """What came so far does not count."""
        self.ids.clear()
        self.late.clear()


def look(port: int, path: str, cookies: list[str], pipe: Connection) -> None:
    """A process of viewers: says when they have come, and what they saw."""
    asyncio.run(_look(port, path, cookies, pipe))


async def _look(port: int, path: str, cookies: list[str], pipe: Connection) -> None:
    viewers = [Viewer() for _ in range(VIEWERS)]
    whose = zip(viewers, itertools.cycle(cookies))
    tasks = [asyncio.create_task(viewer.look(port, path, cookie)) for viewer, cookie in whose]
    while not all(viewer.late for viewer in viewers):
        await asyncio.sleep(0.1)
    await asyncio.sleep(WARM_UP)
    for viewer in viewers:
        viewer.forget()
    pipe.send("all are here")
    await asyncio.sleep(SECONDS)
    late = sorted(delay for viewer in viewers for delay in viewer.late)
    # A line may have come to some and not yet to others at both ends.
    seen = [set(viewer.ids) for viewer in viewers]
    everybody, anybody = set.intersection(*seen), set.union(*seen)
    pipe.send(json.dumps({"late": late, "lines": len(anybody), "missed": len(anybody - everybody)}))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def memory(pid: int) -> float:
    """KiB of memory that belong to this process alone."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(float(kib) for kib in re.findall(r"^Private_\w+:\s+(\d+)", text, re.MULTILINE))


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def populate(simulated: SimulatedInstance) -> tuple[int, list[str]]:
    """A team with the chatty unikernel: its key, and the cookies of sessions."""
    from accounts.actors import COMMAND  # noqa: PLC0415  # Django is set up only now
    from accounts.services import team_create, user_add  # noqa: PLC0415
    from bench.population import session_of  # noqa: PLC0415
    from unikernels.instances.services import instance_add  # noqa: PLC0415
    from unikernels.inventory.services import reconcile  # noqa: PLC0415
    from unikernels.models import Unikernel  # noqa: PLC0415

    user = user_add(actor=COMMAND, email="bench@example.org", password="only a measurement")
    team_create(actor=COMMAND, name="robur", owner=user)
    simulated.grant("robur", m.Policy(2, frozenset({0}), 64, None, frozenset()))
    arguments = m.Arguments(
        memory=32, arguments=(f"--every={EVERY}", "--tick=a line of a usual length, told again")
    )
    image = build_image(behaviour={})
    simulated.run(NAME, m.UnikernelCreate(m.Config(arguments, image=image)))
    words = {"server_ca": simulated.server_ca, "certificate": simulated.ca_pem, "key": simulated.key_pem}
    instance = instance_add(actor=COMMAND, name="host", address=simulated.address, **words)
    reconcile(instance)
    return Unikernel.objects.get(name="chatty").pk, [session_of(user) for _ in range(SESSIONS)]


def main() -> None:
    """Print the figures beside their targets."""
    with project() as folder, SimulatedInstance(folder / "instance", network="127.77.251.0/24") as simulated:
        pk, cookies = populate(simulated)
        port = free_port()
        path = f"/unikernels/{pk}/console/stream"
        with (
            running(watcher(), ready=lambda: True),
            running(web(port), ready=lambda: healthy(f"http://{HOST}:{port}/")) as server,
        ):
            asyncio.run(_first(port, path, cookies[0]))
            before = memory(server.pid)
            here, there = multiprocessing.get_context("fork").Pipe()
            viewers = multiprocessing.get_context("fork").Process(
                target=look, args=(port, path, cookies, there), daemon=True
            )
            viewers.start()
            if here.recv() != "all are here":
                sys.exit("the viewers did not come")
            used, began = cpu(server.pid), time.monotonic()
            seen = json.loads(here.recv())
            share = (cpu(server.pid) - used) / (time.monotonic() - began)
            each = (memory(server.pid) - before) / VIEWERS
            subscriptions = _subscriptions(simulated)
            viewers.join()
        late = seen["late"]
        at = statistics.quantiles(late, n=100)
        print(f"{VIEWERS} viewers, {seen['lines']} lines in {SECONDS:g} s, {len(late):,} deliveries")
        print(
            f"p50 {at[49]:.0f} ms, p99 {at[98]:.0f} ms (target: at most {P99_TARGET:g}), longest {late[-1]:.0f} ms"
        )
        print(f"memory for each viewer: {each:.1f} KiB (target: at most {MEMORY_TARGET:g})")
        print(f"web process: {100 * share:.0f} % of one core; subscriptions on the instance: {subscriptions}")
        print(f"lines that came to some and not to others: {seen['missed']} (at the ends of the measurement)")


async def _first(port: int, path: str, cookie: str) -> None:
    """One viewer comes and goes: everything is imported then."""
    viewer = Viewer()
    task = asyncio.create_task(viewer.look(port, path, cookie))
    while not viewer.late:
        await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _subscriptions(simulated: SimulatedInstance) -> int:
    """How often the console was asked for."""
    return len(simulated.observed.records("arrived", name=NAME, command="console_subscribe"))


if __name__ == "__main__":
    main()
