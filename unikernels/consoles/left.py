"""Consoles that an instance still keeps of unikernels that no longer run there.

It has a limited number of them for each path and drops one when another needs the room, so they are
asked for when somebody looks, and only those that it names are read: asking for another would take
the room of one of them (albatross-protocol 6.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from accounts.actors import Actor
from albatross.client import Client
from albatross.edge import client_for
from albatross.errors import AlbatrossError
from albatross.messages import ConsoleLine, Policy
from albatross.models import Instance
from albatross.names import Name
from mollymawk.errors import Missing, Refused, Unavailable
from unikernels.access import unikernels_of
from unikernels.consoles.streams import Line
from unikernels.consoles.text import visible
from unikernels.instances.troubles import sentence
from unikernels.quotas.services import policies_for

LINES = 1024  # as many as an instance keeps

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Left:
    """A console without a running unikernel; ``unikernel``: the row of that name, if there is one."""

    name: Name
    unikernel: int | None


def left_on(actor: Actor, instance: Instance) -> list[Left]:
    """The consoles of what no longer runs on *instance*: all for the all-powerful, else of the own teams.

    Raises ``Unavailable``.
    """
    paths: list[tuple[str, ...]] = [(team.domain,) for team in actor.teams()]
    if actor.all_powerful:
        paths = [()]
    names = {name for path in paths for name in _left(instance, path) if _bound_to(actor, name)}
    rows = unikernels_of(actor).filter(instance=instance).values_list("path", "name", "pk")
    known = {f"{path}:{name}": pk for path, name, pk in rows}
    return [Left(name, known.get(str(name))) for name in sorted(names, key=str)]


def lines_left(actor: Actor, instance: Instance, name: str) -> list[Line]:
    """The lines of one of them, oldest first. Raises ``Missing`` and ``Unavailable``."""
    found = next((left.name for left in left_on(actor, instance) if str(left.name) == name), None)
    if found is None:
        raise Missing(f"{instance} keeps no console of {name} that is yours: it runs, or the lines are gone.")
    lines = _asked(
        instance, found.path, lambda client, policies: client.console_history(found, LINES, policy=policies)
    )
    return [_line(number, line) for number, line in enumerate(lines)]


def _bound_to(actor: Actor, name: Name) -> bool:
    return actor.names is None or name.label in actor.names


def _left(instance: Instance, path: tuple[str, ...]) -> list[Name]:
    try:
        return _asked(
            instance, path, lambda client, policies: client.inactive_consoles(path, policy=policies)
        )
    except Refused:  # no policy there: nothing of this team ever ran
        return []


def _asked(instance: Instance, path: tuple[str, ...], ask: Callable[[Client, tuple[Policy, ...]], T]) -> T:
    policies = policies_for(instance, path)
    try:
        return ask(client_for(instance), policies)
    except AlbatrossError as error:
        raise Unavailable(f"{instance} cannot be asked for consoles now. {sentence(error)}") from error


def _line(number: int, line: ConsoleLine) -> Line:
    milliseconds = max(0, line.timestamp.milliseconds)
    return Line(f"{milliseconds}-{number}", milliseconds, visible(line.text))
