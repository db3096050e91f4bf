"""Starts programs, passes their output on with a name in front, and starts again what ends.

One thread, one loop: ``pump`` does everything, and is called until somebody asks to stop. Every
program is the leader of its own process group and dies with us (``tether``), so nothing is left
behind even when this process is killed.
"""

from __future__ import annotations

import contextlib
import io
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from mollymawk.embedded.tether import die_with

TICK = 0.2  # seconds between two looks at what has ended
FIRST_PAUSE = 0.5  # seconds before the first restart, doubled each time
LONGEST_PAUSE = 10.0
STEADY_AFTER = 20.0  # seconds of running after which an end counts as the first again
GRACE = 5.0  # seconds between the request to end and the kill
CHUNK = 64 * 1024  # bytes read at once; a longer line is passed on in pieces


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep running. ``foundation``: the others need it, so it is stopped last."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    foundation: bool = False


class DidNotStart(Exception):
    """Something that the others need did not come up."""


class StopAsked(Exception):
    """Somebody asked to stop while we waited for something else."""


class Supervisor:
    """Keeps programs running until somebody asks to stop; passes their lines to *write*."""

    def __init__(
        self, write: Callable[[str], object], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._children: list[_Child] = []
        self._outputs = selectors.DefaultSelector()
        self._stopping = False

    def start(self, program: Program) -> None:
        """Start *program* and keep it running."""
        child = _Child(program, self._outputs)
        self._children.append(child)
        self._launch(child)

    def _launch(self, child: _Child) -> None:
        pid = child.launch(self._clock())
        self._say(child, f"started as process {pid}")

    def pump(self, seconds: float = TICK) -> None:
        """Wait up to *seconds* for output, pass it on, and start again what is due."""
        self._pass_on(seconds)
        if not self._stopping:
            for child in self._children:
                self._revive(child)

    def ask_to_stop(self) -> None:
        """Make ``run`` and ``wait_for`` end soon. For signal handlers."""
        self._stopping = True

    def wait_for(self, ready: Callable[[], bool], *, what: str, seconds: float) -> None:
        """Pump until *ready*. Raises ``DidNotStart`` after *seconds*, ``StopAsked`` when asked."""
        end = self._clock() + seconds
        while not ready():
            if self._stopping:
                raise StopAsked
            if self._clock() > end:
                raise DidNotStart(
                    f"{what} did not come up within {seconds:.0f} s; the lines above may say why."
                )
            self.pump(0.05)

    def run(self) -> None:
        """Pump until somebody asks to stop."""
        while not self._stopping:
            self.pump()

    def stop(self) -> None:
        """End everything: first what stands on the foundations, then these."""
        self._stopping = True
        for foundation in (False, True):
            self._end([child for child in self._children if child.program.foundation is foundation])

    def _end(self, children: Sequence[_Child]) -> None:
        for child in children:
            child.ask_to_end()
        deadline = self._clock() + GRACE
        while any(child.lives() for child in children) and self._clock() < deadline:
            self._pass_on(0.05)
        for child in children:
            if child.lives():
                self._say(child, "did not end in time: killed")
            self._bury(child)

    def _revive(self, child: _Child) -> None:
        if (code := child.ended()) is not None:
            self._bury(child)
            pause = child.rest(self._clock())
            self._say(child, f"{_ending(code)}; starts again in {pause:g} s")
        if child.process is None and self._clock() >= child.due:
            self._launch(child)

    def _bury(self, child: _Child) -> None:
        for line in child.bury():
            self._say(child, line)

    def _pass_on(self, seconds: float) -> None:
        for key, _ in self._outputs.select(seconds):
            child: _Child = key.data
            for line in child.read() or ():
                self._say(child, line)

    def _say(self, child: _Child, line: str) -> None:
        width = max(len(c.program.name) for c in self._children)
        self._write(f"{child.program.name:<{width}} | {line}")


class _Child:
    """A program, its present process with its output, and when to start the next one."""

    def __init__(self, program: Program, outputs: selectors.BaseSelector) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.due = 0.0
        self._outputs = outputs
        self._output: io.RawIOBase | None = None
        self._rest = b""
        self._started = 0.0
        self._pause = FIRST_PAUSE

    def launch(self, now: float) -> int:
        """Start the process; its id."""
        parent = os.getpid()
        self._started = now
        self.process = subprocess.Popen(  # noqa: S603  # the commands are our own
            self.program.command,
            env=os.environ | self.program.environment,
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: die_with(parent),  # noqa: PLW1509  # the supervisor has no threads
        )
        self._output = cast("io.RawIOBase", self.process.stdout)
        os.set_blocking(self._output.fileno(), False)
        self._outputs.register(self._output, selectors.EVENT_READ, self)
        return self.process.pid

    def read(self) -> list[str] | None:
        """The whole lines that came at once, at the end also the last piece; None: nothing is there."""
        if self._output is None or (data := self._output.read(CHUNK)) is None:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data or len(self._rest) > CHUNK:
            lines, self._rest = [*lines, self._rest], b""
        if not data:
            self._close()
        return [line.decode(errors="replace").rstrip("\r") for line in lines if line]

    def _close(self) -> None:
        if self._output is not None:
            self._outputs.unregister(self._output)
            self._output.close()
            self._output = None

    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ended(self) -> int | None:
        """The code of a process that ended and is not buried yet."""
        return self.process.poll() if self.process is not None else None

    def ask_to_end(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def bury(self) -> list[str]:
        """Kill what is left of the whole process group; the last lines."""
        if self.process is None:
            return []
        with contextlib.suppress(ProcessLookupError):  # nobody is left of it
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        last: list[str] = []
        while (lines := self.read()) is not None:
            last += lines
        self._close()
        return last

    def rest(self, now: float) -> float:
        """How long to wait before the next start: longer each time, unless it ran well."""
        if now - self._started >= STEADY_AFTER:
            self._pause = FIRST_PAUSE
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        self.due = now + pause
        return pause


def _ending(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"
