"""Our own processes: each tells through Redis every few seconds that it lives and what it uses.

What is told expires by itself. Of a Celery worker the processes of its pool tell, which do the work.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass

from celery.signals import beat_init, celeryd_init, worker_process_init

from unikernels.redis import RedisError, connection

PROGRAMS = ("web", "worker", "background", "beat", "watcher")
QUEUES = ("celery", "background")
PULSE = 10.0  # seconds between two times that a process tells
KEPT = 30  # seconds that it counts as living after each
_KEY = "process:"
_SCAN_COUNT = 1000  # keys that Redis looks at for one answer

_program = "worker"  # which a pool belongs to; told before it is made, and inherited


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours: what it is, when it began to tell (s since 1970), CPU time (s), memory (bytes)."""

    program: str
    host: str
    pid: int
    started: float
    cpu: float
    memory: int


def begin(program: str) -> None:
    """Tell from now on, in a thread that keeps nobody from ending, that this process is one of *program*."""
    work = threading.Thread(target=_go_on, args=(program, time.time()), name="telling", daemon=True)
    work.start()


def listen() -> None:
    """Have the processes of Celery begin by themselves."""
    celeryd_init.connect(_remember, dispatch_uid="processes.worker")
    worker_process_init.connect(_begin_in_pool, dispatch_uid="processes.pool")
    beat_init.connect(_begin_beat, dispatch_uid="processes.beat")


def tell(process: Process) -> None:
    """*process* lives. Raises ``RedisError``."""
    key = f"{_KEY}{process.program}:{process.host}:{process.pid}"
    connection().set(key, json.dumps(asdict(process)), ex=KEPT)


def living() -> Iterator[Process]:
    """All that told within ``KEPT``. Raises ``RedisError``."""
    keys = sorted(connection().scan_iter(f"{_KEY}*", count=_SCAN_COUNT))
    for told in connection().mget(keys) if keys else ():
        if told is not None:  # else it expired a moment ago
            yield Process(**json.loads(told))


def waiting() -> dict[str, int]:
    """By queue: the messages that wait for a worker. Raises ``RedisError``."""
    return {queue: int(connection().llen(queue)) for queue in QUEUES}


def this(program: str, started: float) -> Process:
    """What this process uses now."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = round(used.ru_utime + used.ru_stime, 3)
    return Process(program, socket.gethostname(), os.getpid(), started, cpu, _resident())


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - read every few seconds
        return int(file.read().split()[1]) * resource.getpagesize()


def _go_on(program: str, started: float) -> None:
    never = threading.Event()
    while True:
        with suppress(RedisError):  # whoever reads sees that the broker is away
            tell(this(program, started))
        never.wait(PULSE)


def _remember(*, sender: str, **_: object) -> None:
    global _program  # noqa: PLW0603 - one in a process
    _program = "background" if sender.partition("@")[0] == "background" else "worker"


def _begin_in_pool(**_: object) -> None:
    begin(_program)


def _begin_beat(**_: object) -> None:
    begin("beat")
