"""From a command to a connection that carries it."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from datetime import datetime
from typing import Self, TypeVar

from albatross import messages as m
from albatross.address import Address
from albatross.certificates import Credentials
from albatross.client.replies import read_reply
from albatross.names import Name
from albatross.transport import Connection, Effect, Guard, Limits, Timing, client_context

Kind = TypeVar("Kind")
PolicyGiven = m.Policy | tuple[m.Policy, ...] | None
"""The policy last observed for the domain; for a deeper path one for each label, outermost first."""

MAX_CONTEXTS = 64  # kept TLS settings: one for the root and one for each domain lately used


class Caller:
    """Opens connections to one instance. Safe to use from several threads.

    ``guard`` is that of every connection which is not given one of its own.
    """

    guard: Guard | None = None

    def __init__(
        self, address: Address, credentials: Credentials, limits: Limits, clock: Callable[[], datetime]
    ) -> None:
        self.address = address
        self.credentials = credentials
        self.limits = limits
        self._clock = clock
        build = functools.partial(client_context, credentials.server_ca)
        self._context = functools.lru_cache(MAX_CONTEXTS)(build)

    def guarded(self, guard: Guard) -> Self:
        """The same, with *guard* for every connection."""
        found = copy.copy(self)
        found.guard = guard
        return found

    def open(
        self,
        command: m.Command,
        name: Name,
        policy: PolicyGiven,
        *,
        effect: Effect,
        streams: int = 0,
        guard: Guard | None = None,
    ) -> Connection:
        """A connection on which *command* runs for *name*; *streams* bytes are expected to flow.

        Raises ``RequestRefused``, ``NameInvalid``, ``EncodeError`` and ``CertificateInvalid`` before
        anything is sent, then ``CommandError``, and what *guard* raises.
        """
        now = self._clock()
        authority = self.credentials.authority_for(name.path, _policies(policy), now=now)
        leaf = authority.leaf(command, name.label, now=now)
        timing = Timing(
            idle=self.limits.idle, total=self.limits.for_stream(streams), guard=guard or self.guard
        )
        return Connection(
            self.address, self._context(leaf.chain), leaf, effect=effect, limits=self.limits, timing=timing
        )

    def ask(
        self,
        command: m.Command,
        name: Name,
        policy: PolicyGiven,
        kind: type[Kind],
        *,
        effect: Effect = Effect.NOTHING,
        guard: Guard | None = None,
    ) -> Kind:
        """The single answer to *command*, of this *kind*."""
        with self.open(command, name, policy, effect=effect, guard=guard) as connection:
            return read_reply(connection, kind)


def _policies(given: PolicyGiven) -> tuple[m.Policy, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, m.Policy) else given
