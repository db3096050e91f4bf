"""Asking for changes, their dry runs, and cancelling. What is asked for is done by ``runner``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import Actor, require
from accounts.events import record
from accounts.models import Role, Team
from albatross.models import Instance
from albatross.names import MAX_LABEL, Name, parse_label
from mollymawk.errors import Conflict, Invalid, Missing, Refused
from unikernels.configuration import Configuration
from unikernels.images import store
from unikernels.models import Image, Operation, TeamImage, Unikernel, Version
from unikernels.operations import tasks
from unikernels.operations.machine import (
    BEFORE_COMMIT,
    FIRST_STATE,
    TERMINAL,
    TRANSITIONS,
    Event,
    Kind,
    State,
)
from unikernels.operations.plan import NEW_ABI, NO_WAY_BACK, Plan, check_place
from unikernels.operations.runner import timings
from unikernels.operations.work import leg_of
from unikernels.operations.world import known_abis, manifest_of, quota_of, world_seen
from unikernels.versions import configuration_of, version_add

ACCEPTABLE = frozenset({NO_WAY_BACK, NEW_ABI})


@dataclass(frozen=True, slots=True)
class Request:
    """A change that was found possible, before its row is written."""

    unikernel: Unikernel
    kind: Kind
    target: Version | None
    fallback: Version | None = None
    accepted: frozenset[str] = frozenset()


# --- dry runs --------------------------------------------------------------------------------------


def plan_deploy(
    *,
    actor: Actor,
    team: Team,
    instance: Instance,
    name: str,
    image: Image,
    configuration: Configuration,
    accept: Collection[str] = (),
) -> Plan:
    """What a deploy would do, and why it would not work; nothing is changed."""
    require(actor, team, Role.DEPLOYER)
    full_name = _full_name(team, name)
    _held(team, image)
    plan = _place(team, instance, full_name, image, configuration, fresh=True)
    row = _row(instance, full_name)
    if row is not None and row.team_id != team.pk:
        plan = replace(plan, refusals=(*plan.refusals, f"{full_name} belongs to somebody else."))
    steps = ("check the image and the quota again", "send the image", "see it run and stay up for 10 s")
    return replace(plan, steps=steps)


def plan_configure(
    *, actor: Actor, unikernel: Unikernel, configuration: Configuration, accept: Collection[str] = ()
) -> Plan:
    """What a change of configuration would do; nothing is changed."""
    require(actor, unikernel.team, Role.DEPLOYER)
    current = _changeable(unikernel)
    if current.image is None:
        plan = Plan(warnings=("The image is fetched from the instance first; its needs are checked then.",))
    else:
        plan = _place(
            unikernel.team, unikernel.instance, unikernel.full_name, current.image, configuration, fresh=False
        )
    changes = _changes(configuration_of(current), configuration)
    if not changes:
        plan = replace(plan, refusals=(*plan.refusals, "This is the configuration it has."))
    steps = (
        "check the image and the quota again",
        "hold the running image, as the way back",
        "replace the running unikernel",
        "see it run and stay up for 10 s, or go back",
    )
    return replace(plan, steps=steps, changes=changes)


# --- requests --------------------------------------------------------------------------------------


def deploy(
    *,
    actor: Actor,
    team: Team,
    instance: Instance,
    name: str,
    image: Image,
    configuration: Configuration,
    accept: Collection[str] = (),
) -> Operation:
    """Put a new unikernel in place (or one that was stopped or lost).

    Raises ``Refused`` with every reason, ``Conflict`` when something is under way for it.
    """
    accepted = _accepted(accept)
    plan = plan_deploy(
        actor=actor, team=team, instance=instance, name=name, image=image, configuration=configuration
    )
    _possible(plan, accepted)
    full_name = _full_name(team, name)
    with transaction.atomic():
        unikernel, _ = Unikernel.objects.get_or_create(
            instance=instance,
            path=":".join(full_name.path),
            name=full_name.label,
            defaults={"team": team},
        )
        if unikernel.team_id != team.pk:
            raise Refused(f"{full_name} belongs to somebody else.")
        _nothing_under_way(unikernel)
        version = version_add(
            unikernel=unikernel,
            digest=image.digest,
            image=image,
            configuration=configuration,
            origin=Version.Origin.UPLOAD,
            user=actor.user,
        )
        return _begin(actor, Request(unikernel, Kind.DEPLOY, version, accepted=accepted))


def configure(
    *, actor: Actor, unikernel: Unikernel, configuration: Configuration, accept: Collection[str] = ()
) -> Operation:
    """The same image with another configuration; goes back by itself when that does not work."""
    accepted = _accepted(accept)
    plan = plan_configure(actor=actor, unikernel=unikernel, configuration=configuration)
    _possible(plan, accepted)
    current = _changeable(unikernel)
    with transaction.atomic():
        _nothing_under_way(unikernel)
        version = version_add(
            unikernel=unikernel,
            digest=current.digest,
            image=current.image,
            configuration=configuration,
            origin=Version.Origin.CONFIGURED,
            user=actor.user,
        )
        return _begin(actor, Request(unikernel, Kind.CONFIGURE, version, current, accepted))


def restart(*, actor: Actor, unikernel: Unikernel) -> Operation:
    """End it and start it again as it is."""
    require(actor, unikernel.team, Role.DEPLOYER)
    current = _changeable(unikernel)
    with transaction.atomic():
        _nothing_under_way(unikernel)
        return _begin(actor, Request(unikernel, Kind.RESTART, current))


def destroy(*, actor: Actor, unikernel: Unikernel) -> Operation:
    """End it. Its versions are kept, so it can be deployed again."""
    require(actor, unikernel.team, Role.DEPLOYER)
    if unikernel.team is None:
        raise Refused("This unikernel belongs to no team here: it is shown, never changed.")
    if unikernel.state != Unikernel.Presence.RUNNING and not unikernel.started:
        raise Refused(f"{unikernel} does not run.")
    with transaction.atomic():
        _nothing_under_way(unikernel)
        return _begin(actor, Request(unikernel, Kind.DESTROY, None))


def cancel(*, actor: Actor, operation: Operation) -> Operation:
    """Ask for the end of an operation: before the commit point nothing is touched, after it it goes back.

    Raises ``Refused`` when there is nothing to go back to, ``Conflict`` when it is over.
    """
    require(actor, operation.team, Role.DEPLOYER)
    with transaction.atomic():
        current = Operation.objects.filter(pk=operation.pk).select_related("unikernel", "team").get()
        state = State(current.state)
        if state in TERMINAL:
            raise Conflict(f"This operation has ended: {state.value.replace('_', ' ')}.")
        if current.going_back:
            raise Refused("It is going back already; that is not stopped.")
        if Event.CANCEL not in TRANSITIONS[leg_of(current)][state] or _crossed(current):
            raise Refused(
                "It has been sent, and there is nothing to go back to. Destroy the unikernel instead."
            )
        asked = Operation.objects.filter(pk=current.pk, finished_at=None, cancel_asked_at=None)
        if asked.update(cancel_asked_at=timezone.now(), due_at=timezone.now()):
            _event(actor, current, "operation.cancel-asked")
        transaction.on_commit(lambda: tasks.advance.delay(current.pk))
    current.refresh_from_db()
    return current


# --- inner ---------------------------------------------------------------------------------------------


def _begin(actor: Actor, request: Request) -> Operation:
    """Write the row and its first event; the work starts when the transaction is committed."""
    now = timezone.now()
    size = request.target.image.size if request.target and request.target.image else 0
    limit = timings().forward_limit + size / settings.SLOWEST_STREAM  # a slower one runs into the deadline
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
                created_at=now,
                due_at=now,
                deadline_at=now + timedelta(seconds=limit),
            )
    except IntegrityError as error:  # the database's own word: one unfinished operation per unikernel
        raise _under_way(request.unikernel) from error
    _event(actor, operation, f"operation.{request.kind}")
    transaction.on_commit(lambda: tasks.advance.delay(operation.pk))
    return operation


def _event(actor: Actor, operation: Operation, kind: str) -> None:
    record(
        actor=actor,
        kind=kind,
        subject=f"unikernel:{operation.unikernel_id}",
        operation=operation.pk,
        team=operation.team,
        instance=operation.unikernel.instance,
        now=str(operation.state),
        data={"target": operation.target.number if operation.target else None},
    )


def _crossed(operation: Operation) -> bool:
    """Whether the commit point may have been crossed with nothing to go back to."""
    return operation.fallback_id is None and (
        operation.armed_at is not None or State(operation.state) not in BEFORE_COMMIT
    )


def _nothing_under_way(unikernel: Unikernel) -> None:
    if Operation.objects.filter(unikernel=unikernel, finished_at=None).exists():
        raise _under_way(unikernel)


def _under_way(unikernel: Unikernel) -> Conflict:
    first = Operation.objects.filter(unikernel=unikernel, finished_at=None).first()
    what = f"operation {first.pk} ({first.kind})" if first else "another operation"
    extra = {"operation": first.pk} if first else {}
    return Conflict(
        f"{what[0].upper()}{what[1:]} is under way for {unikernel}. Wait for its end.", extra=extra
    )


def _full_name(team: Team, name: str) -> Name:
    try:
        return Name.of(team.domain, label=parse_label(name))
    except ValueError as error:
        text = f"A name has 1 to {MAX_LABEL} letters, digits, dots and hyphens, and does not begin with a hyphen."
        raise Invalid("The name is not valid.", fields={"name": [text]}) from error


def _row(instance: Instance, name: Name) -> Unikernel | None:
    return Unikernel.objects.filter(instance=instance, path=":".join(name.path), name=name.label).first()


def _held(team: Team, image: Image) -> None:
    uploaded = TeamImage.objects.filter(team=team, image=image).exists()
    if not uploaded and not Version.objects.filter(unikernel__team=team, image=image).exists():
        raise Missing("The team has no such image.")
    if not store.held(image.digest):
        raise Refused("The bytes of this image are not in the store. Upload it again.")


def _changeable(unikernel: Unikernel) -> Version:
    """The version that runs; ``Refused`` when there is none that could be brought back."""
    if unikernel.team is None:
        raise Refused("This unikernel belongs to no team here: it is shown, never changed.")
    if unikernel.state in {Unikernel.Presence.STOPPED, Unikernel.Presence.MISSING, Unikernel.Presence.NEW}:
        raise Refused(f"{unikernel} does not run. Deploy it again.")
    if unikernel.current is None or unikernel.changed_outside:
        raise Refused("It was not put in place from here. Adopt it first, so that there is a way back.")
    return unikernel.current


def _place(
    team: Team | None,
    instance: Instance,
    name: Name,
    image: Image,
    configuration: Configuration,
    *,
    fresh: bool,
) -> Plan:
    world = world_seen(instance)
    running = {info.digest.hex() for info in world.unikernels.values()}
    return check_place(
        name=name,
        manifest=manifest_of(image),
        configuration=configuration,
        world=world,
        quota=quota_of(team, instance),
        known_abis=known_abis(instance, running),
        fresh=fresh,
    )


def _possible(plan: Plan, accepted: frozenset[str]) -> None:
    if plan.refusals:
        raise Refused("This would not work.", reasons=plan.refusals)
    if questions := plan.open_questions(accepted):
        raise Refused(
            "Somebody has to say yes first.",
            reasons=[question.text for question in questions],
            extra={"accept": [question.code for question in questions]},
        )


def _accepted(accept: Collection[str]) -> frozenset[str]:
    if unknown := set(accept) - ACCEPTABLE:
        known = ", ".join(sorted(ACCEPTABLE))
        raise Invalid(f"Unknown: {', '.join(sorted(unknown))}.", fields={"accept": [f"Known: {known}."]})
    return frozenset(accept)


def _number(configuration: Configuration) -> str:
    count = len(configuration.arguments)
    return "1 argument" if count == 1 else f"{count} arguments"


def _changes(was: Configuration, now: Configuration) -> dict[str, tuple[str, str]]:
    """The fields that change, for people; arguments only by their number."""
    before, after = was.to_json(), now.to_json()
    found = {
        field: (str(before[field]), str(after[field])) for field in before if before[field] != after[field]
    }
    if was.arguments != now.arguments:  # their values are secrets
        found["arguments"] = (_number(was), f"{_number(now)}, not the same ones")
    return found
