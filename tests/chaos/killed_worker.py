"""A real Celery worker that kills itself with SIGKILL where it is told to: ``celery -A tests.chaos.killed_worker``.

What it is told lies in files (``order``): at which step of which unikernel's operation, at what moment,
and whether only the process that does the step dies or the whole worker. Each order is obeyed once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.signals import worker_process_init

from mollymawk.celery import app

__all__ = ["app"]

_ORDERS = "KILL_ORDERS"  # the variable that names the folder
_parent = os.getpid()


def order(folder: Path, name: str, *, step: str, moment: str, whole: bool) -> None:
    """Have the worker die at *step* of *name*, ``before`` or ``after`` its write, or when ``armed``."""
    (folder / f"{name} {step} {moment}").write_text("whole" if whole else "one")


def _die_if(name: str, step: str, moment: str) -> None:
    path = Path(os.environ[_ORDERS]) / f"{name} {step} {moment}"
    try:
        whole = path.read_text() == "whole"
        path.unlink()
    except FileNotFoundError:
        return
    if whole:
        os.kill(_parent, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


@worker_process_init.connect
def _watch(**_: object) -> None:
    """In each process that does the work: look for orders around every write."""
    from unikernels.operations import record
    from unikernels.operations.machine import Leg
    from unikernels.operations.sending import Send

    def told(work: Any) -> tuple[str, str]:
        return work.unikernel.name, ("back." if work.leg is Leg.BACK else "") + work.state.value

    write: Callable[..., Any] = record.write
    arm = Send._arm

    def writing(work: Any, outcome: Any) -> Any:
        _die_if(*told(work), "before")
        state = write(work, outcome)
        _die_if(*told(work), "after")
        return state

    def arming(send: Any) -> None:
        arm(send)
        _die_if(*told(send.work), "armed")

    record.write = writing
    Send._arm = arming  # type: ignore[method-assign, assignment]  # to be killed right after it
