"""Who sees a unikernel's arguments. They hold passwords and keys: deployers see them, viewers do not."""

from __future__ import annotations

import re
from collections.abc import Iterable

from accounts.actors import Actor
from accounts.models import Role, Team
from accounts.scopes import UPLOAD

MASK = "***"

_OPTION = re.compile(r"--?[A-Za-z0-9][A-Za-z0-9_.-]*=")


def masked(arguments: Iterable[str]) -> list[str]:
    """*arguments* with everything hidden but the names of options (``--name=***``)."""
    return [f"{option.group()}{MASK}" if (option := _OPTION.match(text)) else MASK for text in arguments]


def may_read_arguments(actor: Actor, team: Team | None) -> bool:
    """Whether *actor* sees the arguments of unikernels of *team* in clear: a token that puts versions in
    place has to, in order to keep them.
    """
    if actor.role_in(team) not in {Role.DEPLOYER, Role.OWNER}:
        return False
    return actor.token is None or not set(actor.token.scopes).isdisjoint(UPLOAD)
