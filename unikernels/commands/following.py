"""Waiting for an operation and telling its steps as they happen."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction
from time import monotonic, sleep
from typing import Any

from django.utils import timezone

from accounts.actors import COMMAND
from unikernels.access import operation_of
from unikernels.api.operations import detail
from unikernels.commands.output import TONES, Output, clean
from unikernels.models import Operation
from unikernels.operations.runner import advance
from unikernels.operations.story import STILL_RUNNING, Step, exit_code, steps_of, verdict

LOOK_EVERY = 0.5  # seconds
IDLE_AFTER = 5.0  # seconds; a worker takes up new work within a fraction of one
WAIT = 600.0  # seconds; a deploy of a large image over a slow line

_SIGNS = {"done": "✓", "now": "→", "failed": "✗"}
_STYLES = {"done": "green", "now": "cyan", "failed": "red"}

_IDLE = (
    "No worker has taken this up yet. Is one running (celery -A mollymawk worker)? "
    "It waits in the database; --here does the work in this process."
)


def add_waiting(parser: ArgumentParser) -> None:
    """The arguments about waiting for the end of an operation."""
    parser.add_argument(
        "--wait", action=BooleanOptionalAction, default=True, help="wait for the end and show the steps"
    )
    parser.add_argument(
        "--timeout", type=float, default=WAIT, help="seconds to wait at most (default: %(default)g)"
    )
    parser.add_argument("--here", action="store_true", help="do the work in this process, without a worker")


def finish(operation: Operation, output: Output, options: dict[str, Any]) -> int:
    """Wait for *operation* as the options say, tell how it stands; the exit code."""
    if not options["wait"] and not options["here"]:
        return tell(operation, output)
    try:
        operation = follow(operation, output, timeout=options["timeout"], here=options["here"])
    except KeyboardInterrupt:
        output.talk("Not waiting any longer.")
    code = tell(operation_of(COMMAND, operation.pk), output)
    if code == STILL_RUNNING:
        output.talk(f"It goes on without us: manage.py operations {operation.pk} --watch")
    return code


def tell(operation: Operation, output: Output) -> int:
    """How *operation* stands, as the last word; its exit code."""
    if output.json:
        output.data(detail(operation))
    else:
        said = verdict(operation)
        for line in operation.memo.get("console", ()):
            output.talk(f"  {clean(line)}", style="dim")
        output.talk(clean(said.sentence), style=TONES[said.tone])
        output.line(f"operation {operation.pk} {operation.state}")
    return exit_code(operation)


def follow(operation: Operation, output: Output, *, timeout: float, here: bool = False) -> Operation:
    """Tell the steps of *operation* as they happen, until it ends or *timeout* seconds passed.

    *here*: this process does the work, as any worker may at the same time.
    """
    begun, told, warned = monotonic(), _Told(output), False
    while True:
        if here and operation.due_at <= timezone.now():
            advance(operation.pk)
        operation = operation_of(COMMAND, operation.pk)
        told.tell(steps_of(operation))
        if operation.finished_at is not None:
            return operation
        passed = monotonic() - begun
        if not warned and not operation.lease_count and passed >= IDLE_AFTER:
            warned = True
            output.talk(_IDLE, style="yellow")
        if passed >= timeout:
            return operation
        sleep(LOOK_EVERY)


class _Told:
    """The steps that were told already: each is told when it begins, and when it ends."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._told: dict[tuple[int, str], Step] = {}

    def tell(self, steps: list[Step]) -> None:
        for place, step in enumerate(steps):
            if step.status != "todo" and self._told.get((place, step.name)) != step:
                self._told[place, step.name] = step
                note = f": {clean(step.note)}" if step.note else ""
                self._output.talk(f"{_SIGNS[step.status]} {step.name}{note}", style=_STYLES[step.status])
