"""What Albatross does when the process of a unikernel ends (``albatross-protocol`` 4.8)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from albatross.messages import Arguments

UNKNOWN_ARGUMENT = 64
NEVER_RESTARTED = frozenset({1, 60, 61, 62, 63, 64})


@dataclass(frozen=True, slots=True)
class Exited:
    """The process ended by itself."""

    code: int


@dataclass(frozen=True, slots=True)
class Signalled:
    """The process was ended by a signal (destroying one sends 15)."""

    signal: int = 15


Ending = Exited | Signalled


def after(arguments: Arguments, ending: Ending) -> Arguments | None:
    """What to start again once a unikernel with *arguments* has ended, or None to leave it."""
    if isinstance(ending, Signalled):
        return None
    if ending.code == UNKNOWN_ARGUMENT and arguments.add_name:
        return replace(arguments, add_name=False)
    behaviour = arguments.fail_behaviour
    if not behaviour.restart or ending.code in NEVER_RESTARTED:
        return None
    if behaviour.exit_codes and ending.code not in behaviour.exit_codes:
        return None
    return arguments
