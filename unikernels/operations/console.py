"""The newest console lines of an operation's unikernel, with the instance's times."""

from __future__ import annotations

from unikernels.consoles.text import visible
from unikernels.operations.work import Work
from unikernels.operations.world import policies_to_carry

NEWEST = 100  # lines; a tender says one or two


def newest_lines(work: Work) -> list[tuple[int, str]]:
    """Pairs of milliseconds (the instance's clock) and text, oldest first.

    Raises ``AlbatrossError`` and ``NoPolicy``.
    """
    policies = policies_to_carry(work.client, work.name)
    lines = work.client.console_history(work.name, NEWEST, policy=policies)
    return [(line.timestamp.milliseconds, visible(line.text)) for line in lines]
