"""Asking for more, and the answer. What is granted goes the way of every quota: ``quota_grant``."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actors import Actor, require, require_superuser
from accounts.models import Quota, Role, Team
from albatross.messages import Policy
from albatross.models import Instance
from mollymawk.errors import Conflict, Invalid, Missing
from unikernels.events import record_of
from unikernels.letters.quotas import answered, asked
from unikernels.quotas.arithmetic import senseless
from unikernels.quotas.models import QuotaRequest
from unikernels.quotas.services import limits, policy_columns, quota_grant

MAX_TEXT = 1_000  # characters of a reason or an answer

State = QuotaRequest.State


def quota_ask(
    *,
    actor: Actor,
    team: Team,
    instance: Instance | None,
    unikernels: int,
    memory: int,
    block: int | None,
    why: str,
    cpuids: Sequence[int] | None = None,
    bridges: Sequence[str] | None = None,
) -> QuotaRequest:
    """Ask the superusers to let *team* use as much in all on *instance* (memory and block in MB; block
    None: no block devices); deployers may. CPU ids and bridges stay as they are unless given.

    Raises ``Invalid``, and ``Conflict`` while the team waits for an answer about this instance.
    """
    require(actor, team, Role.DEPLOYER)
    has = limits(team, instance) if instance else None
    cpus = frozenset(cpuids if cpuids is not None else has.cpuids if has else ())
    nets = frozenset(bridges if bridges is not None else has.bridges if has else ())
    wanted = Policy(unikernels, cpus, memory, block, nets)
    _check(wanted, why)
    try:
        with transaction.atomic():
            request = QuotaRequest.objects.create(
                team=team, instance=instance, why=why.strip(), asked_by=actor.user, **policy_columns(wanted)
            )
            record_of(
                request,
                actor=actor,
                kind="quota-request.asked",
                reason=request.why,
                data=policy_columns(wanted),
            )
            asked(request)
    except IntegrityError as error:
        raise Conflict(
            f"{team} waits for an answer about {instance or 'some instance'} already; withdraw that first."
        ) from error
    return request


def request_withdraw(*, actor: Actor, request: QuotaRequest) -> QuotaRequest:
    """The team no longer asks; deployers may. Raises ``Missing`` when it was answered."""
    require(actor, request.team, Role.DEPLOYER)
    with transaction.atomic():
        _close(actor, request, State.WITHDRAWN, "")
    return request


def request_decline(*, actor: Actor, request: QuotaRequest, answer: str) -> QuotaRequest:
    """Say no, and why; superusers may. Raises ``Missing`` when it was answered or withdrawn."""
    require_superuser(actor)
    if not answer.strip():
        raise Invalid("Say why.", fields={"answer": ["Say why."]})
    with transaction.atomic():
        _close(actor, request, State.DECLINED, answer)
        answered(request, None)
    return request


def request_grant(
    *,
    actor: Actor,
    request: QuotaRequest,
    answer: str = "",
    instance: Instance | None = None,
    policy: Policy | None = None,
) -> Quota:
    """Grant what was asked for, or *policy* in its place, on the instance that was named or *instance*.

    Raises what ``quota_grant`` raises, and ``Missing`` when it was answered or withdrawn.
    """
    require_superuser(actor)
    place, wanted = request.instance or instance, policy or request.policy()
    if place is None:
        raise Invalid("Say on which instance.", fields={"instance": ["The team named none."]})
    if not QuotaRequest.objects.filter(pk=request.pk, state=State.OPEN).exists():
        raise Missing(_OVER)
    quota = quota_grant(actor=actor, team=request.team, instance=place, **policy_columns(wanted))
    with transaction.atomic():
        _close(actor, request, State.GRANTED, answer)
        answered(request, quota)
    return quota


def open_requests() -> QuerySet[QuotaRequest]:
    """What superusers have to answer, oldest first."""
    rows = QuotaRequest.objects.filter(state=State.OPEN)
    return rows.select_related("team", "instance", "asked_by").order_by("id")


_OVER = "This request was answered or withdrawn already."


def _check(wanted: Policy, why: str) -> None:
    wrong = {name: texts for name, texts in senseless(wanted).items() if name != "cpuids"}
    if not 1 <= len(why.strip()) <= MAX_TEXT:
        wrong["why"] = [f"Say why, in 1 to {MAX_TEXT} characters."]
    if wrong:
        raise Invalid("This cannot be asked for.", fields=wrong)


def _close(actor: Actor, request: QuotaRequest, state: QuotaRequest.State, answer: str) -> None:
    text, now = answer.strip()[:MAX_TEXT], timezone.now()
    facts = {"state": state, "answer": text, "answered_by": actor.user, "answered_at": now}
    if not QuotaRequest.objects.filter(pk=request.pk, state=State.OPEN).update(**facts):
        raise Missing(_OVER)
    for name, value in facts.items():
        setattr(request, name, value)
    record_of(
        request,
        actor=actor,
        kind=f"quota-request.{state}",
        was=State.OPEN.value,
        now=state.value,
        reason=text,
    )
