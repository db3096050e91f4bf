"""What all requests for a change share: what is refused at the door, and the row that begins the work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.events import record
from mollymawk.errors import Conflict, Invalid, Refused
from unikernels.checks.rounds import configured
from unikernels.models import Operation, Unikernel, Version
from unikernels.operations import tasks
from unikernels.operations.facts import Memo
from unikernels.operations.machine import FIRST_STATE, Kind
from unikernels.operations.plan import FAILING_CHECKS, NEW_ABI, NO_WAY_BACK, Plan
from unikernels.operations.runner import timings

ACCEPTABLE = frozenset({NO_WAY_BACK, NEW_ABI, FAILING_CHECKS})
UNMANAGED = "This unikernel belongs to no team here: it is shown, never changed."


@dataclass(frozen=True, slots=True)
class Request:
    """A change that was found possible, before its row is written. *cause*: why the system asks."""

    unikernel: Unikernel
    kind: Kind
    target: Version | None
    fallback: Version | None = None
    accepted: frozenset[str] = frozenset()
    cause: str = ""


def begin(actor: Actor, request: Request) -> Operation:
    """Write the row and its first event; the work starts when the transaction is committed."""
    now = timezone.now()
    waits = timings()
    patience = waits.back_limit if request.kind is Kind.ROLLBACK else waits.forward_limit
    # A slower stream runs into the deadline; what is downloaded passes here twice.
    limit = patience + 2 * size_of(request.target) / settings.SLOWEST_STREAM
    try:
        with transaction.atomic():
            operation = Operation.objects.create(
                kind=request.kind,
                state=FIRST_STATE[request.kind],
                unikernel=request.unikernel,
                team=request.unikernel.team,
                target=request.target,
                fallback=request.fallback,
                accepted=sorted(request.accepted),
                requested_by=actor.user,
                credential=actor.credential,
                cause=request.cause,
                memo=Memo(asks=configured(request.unikernel)).to_json(),
                created_at=now,
                due_at=now,
                deadline_at=now + timedelta(seconds=limit),
            )
    except IntegrityError as error:  # the database's own word: one unfinished operation per unikernel
        raise under_way(request.unikernel) from error
    asked(actor, operation, f"operation.{request.kind}")
    transaction.on_commit(lambda: tasks.wake(operation.pk))
    return operation


def size_of(version: Version | None) -> int:
    """The bytes of its image, as far as they are known."""
    if version is None:
        return 0
    if version.image is not None:
        return version.image.size
    return (version.build.size or settings.MAX_IMAGE_BYTES) if version.build else 0


def asked(actor: Actor, operation: Operation, kind: str) -> None:
    """The event of a request."""
    record(
        actor=actor,
        kind=kind,
        subject=f"unikernel:{operation.unikernel_id}"
        if operation.unikernel_id
        else f"block:{operation.block_id}",
        operation=operation.pk,
        team=operation.team,
        instance=operation.on,
        now=str(operation.state),
        reason=operation.cause,
        data={
            "target": operation.target.number if operation.target else None,
            "accepted": operation.accepted,
        },
    )


def nothing_under_way(unikernel: Unikernel) -> None:
    """Raise ``Conflict`` when an operation of *unikernel* is unfinished."""
    if Operation.objects.filter(unikernel=unikernel, finished_at=None).exists():
        raise under_way(unikernel)


def under_way(unikernel: Unikernel) -> Conflict:
    """The conflict, which tells of the first."""
    first = Operation.objects.filter(unikernel=unikernel, finished_at=None).first()
    what = f"operation {first.pk} ({first.kind})" if first else "another operation"
    extra = {"operation": first.pk} if first else {}
    return Conflict(
        f"{what[0].upper()}{what[1:]} is under way for {unikernel}. Wait for its end.", extra=extra
    )


def changeable(unikernel: Unikernel) -> Version:
    """The version that runs; ``Refused`` when there is none that could be brought back."""
    if unikernel.team is None:
        raise Refused(UNMANAGED)
    if unikernel.state in {Unikernel.Presence.STOPPED, Unikernel.Presence.MISSING, Unikernel.Presence.NEW}:
        raise Refused(f"{unikernel} does not run. Deploy it again.")
    return ours(unikernel)


def ours(unikernel: Unikernel) -> Version:
    """The version that was put in place from here; ``Refused`` when that is not what runs."""
    if unikernel.current is None or unikernel.changed_outside:
        raise Refused("It was not put in place from here. Adopt it first, so that there is a way back.")
    return unikernel.current


def possible(plan: Plan, accepted: frozenset[str]) -> None:
    """Raise ``Refused`` with every reason, or with what somebody has to say yes to."""
    if plan.refusals:
        raise Refused("This would not work.", reasons=plan.refusals)
    if questions := plan.open_questions(accepted):
        raise Refused(
            "Somebody has to say yes first.",
            reasons=[question.text for question in questions],
            extra={"accept": [question.code for question in questions]},
        )


def accepted_of(accept: Collection[str]) -> frozenset[str]:
    """*accept* as given by a person; ``Invalid`` names what is unknown."""
    if unknown := set(accept) - ACCEPTABLE:
        known = ", ".join(sorted(ACCEPTABLE))
        raise Invalid(f"Unknown: {', '.join(sorted(unknown))}.", fields={"accept": [f"Known: {known}."]})
    return frozenset(accept)
