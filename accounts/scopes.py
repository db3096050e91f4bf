"""What a token may be used for. Each scope needs a role of whoever made the token (pure).

``Need`` is what the loaders, ``require`` and the services are given: a scope, several of which one is
enough, or a role alone, which stands for the widest scope that it takes.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from accounts.models import Role

RANK: Mapping[Role, int] = MappingProxyType({Role.VIEWER: 1, Role.DEPLOYER: 2, Role.OWNER: 3})


class Scope(enum.StrEnum):
    """One thing that a token may be used for."""

    READ = "read"
    CONSOLE = "console"
    UPGRADE = "upgrade"
    DEPLOY = "deploy"
    BLOCKS = "blocks"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class About:
    """A scope in words, and the role that it needs."""

    role: Role
    text: str


ABOUT: Mapping[Scope, About] = MappingProxyType(
    {
        Scope.READ: About(Role.VIEWER, "sees what there is and what happened; every token does"),
        Scope.CONSOLE: About(Role.VIEWER, "reads and follows consoles"),
        Scope.UPGRADE: About(
            Role.DEPLOYER, "uploads images; upgrades, configures, restarts, rolls back what is there"
        ),
        Scope.DEPLOY: About(
            Role.DEPLOYER,
            "uploads and removes images; deploys and destroys; sets checks and what happens by itself",
        ),
        Scope.BLOCKS: About(Role.DEPLOYER, "makes, fills, reads and removes block devices"),
        Scope.ADMIN: About(Role.OWNER, "does what owners do, such as freezing; never makes tokens"),
    }
)

Need = Role | Scope | tuple[Scope, ...]

UPLOAD = (Scope.DEPLOY, Scope.UPGRADE)  # an image is needed for either
CHANGE = (Scope.DEPLOY, Scope.UPGRADE, Scope.BLOCKS)  # whatever an operation may do

_OF_ROLE = {Role.VIEWER: Scope.READ, Role.DEPLOYER: Scope.DEPLOY, Role.OWNER: Scope.ADMIN}


def scopes_of(need: Need) -> tuple[Scope, ...]:
    """The scopes of which one is enough for *need*."""
    if isinstance(need, tuple):
        return need
    return (need,) if isinstance(need, Scope) else (_OF_ROLE[need],)


def role_of(need: Need) -> Role:
    """The smallest role that suffices for *need*."""
    return need if isinstance(need, Role) else least(ABOUT[scope].role for scope in scopes_of(need))


def all_of(role: Role) -> list[Scope]:
    """Every scope that *role* suffices for."""
    return [scope for scope, about in ABOUT.items() if RANK[about.role] <= RANK[role]]


def role_for(scopes: Collection[str]) -> Role:
    """The role that all of *scopes* take."""
    return max((ABOUT[Scope(scope)].role for scope in scopes), key=RANK.__getitem__, default=Role.VIEWER)


def least(roles: Iterable[Role]) -> Role:
    """The smallest of *roles*."""
    return min(roles, key=RANK.__getitem__)
