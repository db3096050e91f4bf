"""The lease: who may act on an operation right now, and the fence around every write.

A lease lasts 15 s from its last renewal. Its count goes up with every holder and stands in the WHERE
of every write, so whoever lost the lease writes nothing any more. A connection asks ``guard`` before
every chunk: it renews in time and says how long the socket may still take, which is always a little
less than the lease lasts. A holder that lost the lease can therefore not end an image stream.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from unikernels.models import Operation
from unikernels.operations.judge import Timings


class LeaseLost(Exception):
    """Somebody else acts now, or may: stop without another write."""


class CancelAsked(Exception):
    """A person cancelled before the commit point."""


class DeadlinePassed(Exception):
    """The operation's deadline passed before the commit point."""


class Lease:
    """A held lease on one operation. Make it with ``acquire``."""

    def __init__(self, pk: int, count: int, timings: Timings) -> None:
        self.pk = pk
        self.count = count
        self.timings = timings
        self.until = timezone.now() + timedelta(seconds=timings.lease)
        self.cancellable = False  # set while nothing was committed: then a cancel ends a stream

    @classmethod
    def acquire(cls, pk: int, timings: Timings) -> Lease | None:
        """The lease on operation *pk*, or None when it is finished or somebody else's."""
        now = timezone.now()
        owner = uuid.uuid4().hex
        row = Operation.objects.filter(pk=pk, finished_at=None)
        count = row.values_list("lease_count", flat=True).first()
        if count is None:
            return None
        taken = (row.filter(Q(lease_until=None) | Q(lease_until__lt=now), lease_count=count)).update(
            lease_owner=owner, lease_until=now + timedelta(seconds=timings.lease), lease_count=count + 1
        )
        return cls(pk, count + 1, timings) if taken else None

    def write(self, **fields: Any) -> None:
        """Write *fields* of the row; ``LeaseLost`` when the fence says no."""
        if not self._row().update(**fields):
            raise LeaseLost

    def guard(self) -> float:
        """Seconds that socket operations may still take. Renews when it is time.

        Raises ``LeaseLost``, and ``CancelAsked`` when a person cancelled what may still be cancelled.
        """
        if self._left() < self.timings.lease - self.timings.lease_renewal:
            self.renew()
        left = self._left() - self.timings.lease_margin
        if left <= 0:
            raise LeaseLost
        return left

    def renew(self) -> None:
        """Hold it for another full term; a lease that has run out stays lost."""
        now = timezone.now()
        until = now + timedelta(seconds=self.timings.lease)
        if not self._row().filter(lease_until__gt=now).update(lease_until=until):
            raise LeaseLost
        self.until = until
        if self.cancellable and self._row().filter(cancel_asked_at__isnull=False).exists():
            raise CancelAsked

    def arm(self, memo: dict[str, Any]) -> None:
        """Write, right before the commit point, that it is about to be crossed.

        One conditional UPDATE: after it, whoever comes has to look; if it does not match, nothing
        was sent. Raises ``LeaseLost``, ``CancelAsked`` or ``DeadlinePassed``.
        """
        now = timezone.now()
        row = self._row().filter(
            lease_until__gt=now + timedelta(seconds=self.timings.lease_margin), deadline_at__gt=now
        )
        if self.cancellable:
            row = row.filter(cancel_asked_at=None)
        if not row.update(armed_at=now, memo=memo):
            raise self._why_not(now)

    def release(self, *, due_in: float | None = None) -> None:
        """Let go of it; *due_in* seconds from now somebody should look again. Never raises."""
        due = {} if due_in is None else {"due_at": timezone.now() + timedelta(seconds=due_in)}
        self._row().update(lease_until=None, lease_owner="", **due)

    def _row(self) -> Any:
        return Operation.objects.filter(pk=self.pk, lease_count=self.count)

    def _left(self) -> float:
        return (self.until - timezone.now()).total_seconds()

    def _why_not(self, now: Any) -> Exception:
        if self.cancellable and self._row().filter(cancel_asked_at__isnull=False).exists():
            return CancelAsked()
        if self._row().filter(deadline_at__lte=now).exists():
            return DeadlinePassed()
        return LeaseLost()
