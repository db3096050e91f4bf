"""What a token or a trusted publisher may do, checked as it was given."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import Role
from accounts.scopes import Scope, all_of, role_for
from albatross.errors import NameInvalid
from albatross.names import parse_label
from mollymawk.errors import Invalid

MAX_UNIKERNELS = 50  # names; who needs more leaves them out
MAX_NETWORKS = 20
WHOLE_TEAM = (Scope.BLOCKS, Scope.ADMIN)  # what concerns no single unikernel


@dataclass(frozen=True, slots=True)
class Rights:
    """Scopes, the unikernels they hold for (None: all of the team), and from where (empty: anywhere)."""

    scopes: tuple[Scope, ...]
    unikernels: tuple[str, ...] | None = None
    networks: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        """As the columns of a token."""
        return self.told() | {"role": role_for(self.scopes)}

    def told(self) -> dict[str, Any]:
        """As programs and events are told."""
        return {
            "scopes": [scope.value for scope in self.scopes],
            "unikernels": None if self.unikernels is None else list(self.unikernels),
            "networks": list(self.networks),
        }


def rights_of(
    *,
    role: Role | None = None,
    scopes: Collection[str] | None = None,
    unikernels: Collection[str] | None = None,
    networks: Collection[str] = (),
) -> Rights:
    """The rights that are asked for. Without *scopes*: all that *role* (deployer, if none is given)
    suffices for. Reading is always one of them. Raises ``Invalid`` with fields.
    """
    names = _names(unikernels)
    if scopes is None:
        chosen = all_of(role or Role.DEPLOYER)
        if names is not None:
            chosen = [scope for scope in chosen if scope not in WHOLE_TEAM]
    else:
        chosen = _scopes(scopes, role, bound=names is not None)
    return Rights(tuple(chosen), names, _networks(networks))


def comes_from(networks: Sequence[str], address: str | None) -> bool:
    """Whether *address* lies in one of *networks*, or there are none."""
    if not networks:
        return True
    if address is None:  # behind a unix socket: nobody knows from where
        return False
    found = ipaddress.ip_address(address)
    return any(found in ipaddress.ip_network(network) for network in networks)


def _scopes(given: Collection[str], role: Role | None, *, bound: bool) -> list[Scope]:
    unknown = sorted(set(given) - set(Scope))
    if unknown:
        raise _wrong("scopes", f"There is no scope {unknown[0]!r}. Known: {', '.join(Scope)}.")
    chosen = [scope for scope in Scope if scope in given or scope is Scope.READ]
    if role is not None and (beyond := [scope for scope in chosen if scope not in all_of(role)]):
        raise _wrong("scopes", f"The scope {beyond[0]} takes more than the role {role.value}.")
    if bound and (whole := [scope for scope in WHOLE_TEAM if scope in chosen]):
        raise _wrong(
            "scopes", f"The scope {whole[0]} concerns the whole team: leave it or the unikernels out."
        )
    return chosen


def _names(given: Collection[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not 1 <= len(given) <= MAX_UNIKERNELS:
        raise _wrong(
            "unikernels", f"Name 1 to {MAX_UNIKERNELS} unikernels, or leave them out for all of the team."
        )
    try:
        return tuple(sorted({parse_label(name) for name in given}))
    except NameInvalid as error:
        raise _wrong("unikernels", f"That is no name of a unikernel: {error}.") from error


def _networks(given: Collection[str]) -> tuple[str, ...]:
    if len(given) > MAX_NETWORKS:
        raise _wrong("networks", f"Name at most {MAX_NETWORKS} networks.")
    try:
        return tuple(dict.fromkeys(str(ipaddress.ip_network(text)) for text in given))
    except ValueError as error:
        raise _wrong("networks", f"{error}. Write networks such as 192.0.2.0/24.") from error


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(text, fields={field: [text]})
