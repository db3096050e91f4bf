"""Programs are kept running, heard, and ended without a rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mollymawk.embedded.supervisor import DidNotStart, Program, StopAsked, Supervisor

pytestmark = pytest.mark.processes

ENOUGH = 20.0  # seconds; nobody measures them, they end a test that hangs


class Heard:
    """A supervisor with everything it said."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.supervisor = Supervisor(self.lines.append)

    def start(self, name: str, code: str, foundation: bool = False) -> None:
        self.supervisor.start(Program(name, [sys.executable, "-u", "-c", code], foundation=foundation))

    def wait_for(self, text: str, times: int = 1) -> None:
        def said() -> bool:
            return sum(text in line for line in self.lines) >= times

        self.supervisor.wait_for(said, what=text, seconds=ENOUGH)

    def pid(self, name: str) -> int:
        """The last process of the program."""
        return next(int(line.split()[-1]) for line in reversed(self.lines) if f"{name} | started" in line)


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    yield heard
    heard.supervisor.stop()


def exists(pid: int) -> bool:
    """Whether this process is there and no corpse."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_lines_come_with_the_name_in_front(heard: Heard) -> None:
    heard.start("one", "import sys; print('to one'); print('to two', file=sys.stderr); input()")
    heard.wait_for("to two")
    assert "one | to one" in heard.lines
    assert "one | to two" in heard.lines


def test_the_last_words_of_a_program_are_heard(heard: Heard) -> None:
    heard.start(
        "one", "import sys; sys.stdout.write('x' * 200_000 + '\\nno newline at the end'); sys.exit(3)"
    )
    heard.wait_for("ended with code 3")
    assert "one | no newline at the end" in heard.lines


def test_what_is_no_text_does_no_harm(heard: Heard) -> None:
    heard.start("one", "import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\n'); sys.stdout.flush(); input()")
    heard.wait_for("\ufffd\ufffd")


def test_what_is_killed_starts_again(heard: Heard) -> None:
    heard.start("one", "import time; print('here'); time.sleep(60)")
    heard.wait_for("here")
    first = heard.pid("one")
    os.kill(first, signal.SIGKILL)
    heard.wait_for("here", times=2)
    assert "one | was killed by SIGKILL; starts again in 0.5 s" in heard.lines
    assert heard.pid("one") != first


def test_what_keeps_ending_waits_longer_each_time(heard: Heard) -> None:
    heard.start("one", "")
    heard.wait_for("starts again in 1 s")
    assert "one | ended with code 0; starts again in 0.5 s" in heard.lines


def test_the_children_of_an_ended_program_end_too(heard: Heard) -> None:
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid); time.sleep(60)"
    heard.start("one", code)
    heard.supervisor.wait_for(lambda: len(heard.lines) > 1, what="the child", seconds=ENOUGH)
    child = int(heard.lines[1].split()[-1])
    os.kill(heard.pid("one"), signal.SIGKILL)
    heard.wait_for("starts again")
    heard.supervisor.wait_for(lambda: not exists(child), what="the end of the child", seconds=ENOUGH)


def test_foundations_end_last(heard: Heard) -> None:
    farewell = "import signal, sys; signal.signal(15, lambda *_: sys.exit(print('bye'))); print('up'); signal.pause()"
    heard.start("base", farewell, foundation=True)
    heard.start("roof", farewell)
    heard.wait_for("up", times=2)
    heard.supervisor.stop()
    assert [line for line in heard.lines if "bye" in line] == ["roof | bye", "base | bye"]


def test_what_does_not_want_to_end_is_killed(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mollymawk.embedded.supervisor.GRACE", 0.2)
    heard.start(
        "one", "import signal; signal.signal(15, signal.SIG_IGN); print('up')\nwhile 1: signal.pause()"
    )
    heard.wait_for("up")
    heard.supervisor.stop()
    assert "one | did not end in time: killed" in heard.lines
    assert not exists(heard.pid("one"))


def test_waiting_for_what_never_comes_ends_with_words(heard: Heard) -> None:
    with pytest.raises(DidNotStart, match="The moon did not come up within 0 s"):
        heard.supervisor.wait_for(lambda: False, what="The moon", seconds=0)


def test_a_request_to_stop_ends_the_waiting(heard: Heard) -> None:
    heard.supervisor.ask_to_stop()
    with pytest.raises(StopAsked):
        heard.supervisor.wait_for(lambda: False, what="The moon", seconds=ENOUGH)


def test_nothing_survives_a_supervisor_that_is_killed(heard: Heard) -> None:
    code = """
from mollymawk.embedded.supervisor import Program, Supervisor
supervisor = Supervisor(lambda line: print(line, flush=True))
supervisor.start(Program("one", ["sleep", "60"]))
supervisor.start(Program("two", ["sh", "-c", "trap '' TERM; exec sleep 60"]))
supervisor.run()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(process.stdout.readline().split()[-1]) for _ in range(2)]
        process.kill()
    wait_until(lambda: not any(exists(pid) for pid in pids), heard)


def wait_until(condition: Callable[[], bool], heard: Heard) -> None:
    heard.supervisor.wait_for(condition, what="the end", seconds=ENOUGH)
