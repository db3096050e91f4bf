"""How commands speak: colours only where somebody looks and wants them."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management.base import OutputWrapper
from django.utils import timezone

from unikernels.commands.output import Output, age, clean, toned


def told(*, terminal: bool, color: bool = True) -> str:
    """What a table of one red cell looks like."""
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]  # a terminal, as far as anybody can tell
    output = Output(OutputWrapper(stream), OutputWrapper(io.StringIO()), json=False, color=color)
    output.table(("NAME",), [(toned("bad", "bad"),)])
    return stream.getvalue()


@pytest.fixture(autouse=True)
def _no_habits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_a_terminal_gets_colours() -> None:
    assert "\x1b[31mbad" in told(terminal=True)


def test_a_pipe_gets_none() -> None:
    assert told(terminal=False) == "NAME\nbad\n"


def test_whoever_wants_none_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(terminal=True, color=False) == "NAME\nbad\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert told(terminal=True) == "NAME\nbad\n"


def test_brackets_are_no_markup() -> None:
    stream = io.StringIO()
    output = Output(OutputWrapper(stream), OutputWrapper(stream), json=False, color=True)
    output.table(("[red]",), [("[bold]x[/bold]",)])
    output.talk("[green]y")
    output.line("[blue]z")
    assert stream.getvalue() == "[red]\n[bold]x[/bold]\n[green]y\n[blue]z\n"


def test_what_steers_a_terminal_is_replaced() -> None:
    assert clean("a\x1b[2Jb\r\nc\u202e") == "a\ufffd[2Jb\ufffd\ufffdc\ufffd"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0s"),
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86_400, "1d"),
        (10**7, "115d"),
    ],
)
def test_an_age_has_one_unit(seconds: int, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    monkeypatch.setattr("unikernels.commands.output.timezone.now", lambda: now)
    assert age(now - timedelta(seconds=seconds)) == expected


def test_what_never_was_has_no_age() -> None:
    assert age(None) == "never"
