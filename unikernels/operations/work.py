"""What a step gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from albatross.client import Client
from albatross.edge import client_for
from albatross.messages import Info
from albatross.models import Instance
from albatross.names import Name
from unikernels.configuration import Configuration
from unikernels.models import Operation, Unikernel, Version
from unikernels.operations.facts import Look, Memo
from unikernels.operations.judge import Timings
from unikernels.operations.lease import Lease
from unikernels.operations.machine import BEFORE_COMMIT, Event, Kind, Leg, State
from unikernels.operations.sight import look_at
from unikernels.versions import configuration_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step found: the event, the memo from now on, and when to look again (seconds)."""

    event: Event
    memo: Memo
    reason: str = ""
    wait: float = 0.0
    fields: Mapping[str, Any] = field(default_factory=dict)


class Work:
    """One pass over an operation: the row as read under the lease, and the way to the instance."""

    def __init__(self, operation: Operation, lease: Lease, timings: Timings, now: float) -> None:
        self.operation = operation
        self.lease = lease
        self.timings = timings
        self.now = now
        self.memo = Memo.from_json(operation.memo)

    @property
    def unikernel(self) -> Unikernel:
        unikernel = self.operation.unikernel
        assert unikernel is not None  # block transfers are stepped by ``unikernels.blocks``
        return unikernel

    @property
    def instance(self) -> Instance:
        return self.unikernel.instance

    @property
    def name(self) -> Name:
        return self.unikernel.full_name

    @property
    def kind(self) -> Kind:
        return Kind(self.operation.kind)

    @property
    def state(self) -> State:
        return State(self.operation.state)

    @property
    def leg(self) -> Leg:
        return leg_of(self.operation)

    @cached_property
    def client(self) -> Client:
        """The way to the instance; while it makes us wait, the lease is renewed."""
        return client_for(self.instance).guarded(self.lease.guard)

    @property
    def wanted(self) -> Version | None:
        """The version to put in place on this leg; None for a destroy."""
        return self.operation.fallback if self.operation.going_back else self.operation.target

    @cached_property
    def configuration(self) -> Configuration | None:
        return configuration_of(self.wanted) if self.wanted else None

    @property
    def before_commit(self) -> bool:
        """Whether nothing can have been changed on the instance yet."""
        return self.leg is not Leg.BACK and self.state in BEFORE_COMMIT

    def see(self, info: Info | None, now: float, took: float) -> Look:
        """What *info*, which came at *now* and *took* so many seconds, shows of this leg's target."""
        own = {version.digest for version in (self.operation.target, self.operation.fallback) if version}
        return look_at(
            info,
            now=now,
            took=took,
            name=self.name,
            configuration=self.configuration,
            digest=self.wanted.digest if self.wanted else "",
            before=self.memo.before,
            own=own,
        )


def leg_of(operation: Operation) -> Leg:
    """Which way *operation* goes."""
    if operation.going_back:
        return Leg.BACK
    return Leg.OUT if operation.fallback_id else Leg.ONLY
