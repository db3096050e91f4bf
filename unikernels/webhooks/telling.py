"""Writing deliveries: inside the transaction that makes true what they tell. ``sending`` sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType

from django.utils import timezone

from accounts.models import Event, Team
from unikernels.alerts.models import Alert
from unikernels.alerts.rules import Rule
from unikernels.models import Build, Check, Operation, RollbackWindow, Unikernel
from unikernels.operations.machine import State
from unikernels.webhooks import payloads
from unikernels.webhooks.kinds import Kind
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.webhooks.payloads import Data
from unikernels.webhooks.signing import make_message_id

_ENDS = MappingProxyType(
    {
        State.SUCCEEDED: Kind.OPERATION_SUCCEEDED,
        State.ABORTED: Kind.OPERATION_ABORTED,
        State.CANCELLED: Kind.OPERATION_CANCELLED,
        State.ROLLED_BACK: Kind.OPERATION_ROLLED_BACK,
        State.FAILED: Kind.OPERATION_FAILED,
    }
)
_OF_EVENTS = MappingProxyType(
    {
        "member.set": (Kind.MEMBER_CHANGED, payloads.member_data),
        "member.removed": (Kind.MEMBER_REMOVED, payloads.member_data),
        "quota.granted": (Kind.QUOTA_CHANGED, payloads.quota_data),
        "quota.applied": (Kind.QUOTA_CHANGED, payloads.quota_data),
        "quota.pending": (Kind.QUOTA_CHANGED, payloads.quota_data),
        "quota.revoked": (Kind.QUOTA_CHANGED, payloads.quota_data),
    }
)


def tell(team: Team | None, kind: Kind, data: Callable[[], Data]) -> None:
    """One message for each webhook of *team* that wants *kind*; *data* is asked only if there is any."""
    if team is not None:
        write(wanting(kind, [team]), kind, data)


def wanting(kind: Kind, teams: Iterable[Team] | None = None) -> list[Webhook]:
    """The webhooks of *teams* (None: of any) that are on and want *kind*."""
    hooks = Webhook.objects.filter(on=True).select_related("team")
    if teams is not None:
        hooks = hooks.filter(team__in=list(teams))
    return [hook for hook in hooks if kind in hook.events]  # few: SQLite cannot ask into a list


def write(hooks: Iterable[Webhook], kind: Kind, data: Callable[[], Data]) -> list[Delivery]:
    """The deliveries, due now."""
    now = timezone.now()
    return Delivery.objects.bulk_create(
        Delivery(
            webhook=hook,
            message=make_message_id(),
            kind=kind,
            body=payloads.body_of(kind, hook.team, data(), now),
            created_at=now,
            due_at=now,
        )
        for hook in hooks
    )


def operation_ended(operation: Operation) -> None:
    """Tell that *operation* ended. Once the unikernel and its window are written."""
    kind = _ENDS[State(operation.state)]
    tell(operation.team, kind, lambda: payloads.operation_data(operation))


def operation_reverted(operation: Operation) -> None:
    """Tell that *operation*, which had succeeded, was taken back in its window."""
    tell(operation.team, Kind.OPERATION_REVERTED, lambda: payloads.operation_data(operation))


def not_reverted(window: RollbackWindow, reason: str) -> None:
    """Tell that a version fails and could not be taken back by itself."""
    unikernel = window.unikernel
    tell(
        unikernel.team,
        Kind.NOT_REVERTED,
        lambda: {"reason": reason, **payloads.unikernel_data(unikernel)},
    )


def check_changed(check: Check, text: str) -> None:
    """Tell that *check* went down or is up again."""
    kind = Kind.CHECK_DOWN if check.state == Check.State.DOWN else Kind.CHECK_UP
    tell(check.unikernel.team, kind, lambda: payloads.check_data(check, text))


def update_available(unikernel: Unikernel, standing: str, build: Build) -> None:
    """Tell that *build* is newer than what *unikernel* runs."""
    tell(unikernel.team, Kind.UPDATE_AVAILABLE, lambda: payloads.update_data(unikernel, standing, build))


def alert_changed(alert: Alert) -> None:
    """Tell that *alert* was opened or is over: its team, or every team that runs something there. Checks and
    operations have types of their own.
    """
    if alert.rule in {Rule.CHECK, Rule.FAILED}:
        return
    kind = Kind.ALERT_OPENED if alert.resolved_at is None else Kind.ALERT_OVER
    if alert.team is not None:
        teams = [alert.team]
    else:
        teams = list(Team.objects.filter(unikernels__instance=alert.instance).distinct())
    write(wanting(kind, teams), kind, lambda: payloads.alert_data(alert))


def event_recorded(event: Event) -> None:
    """Tell what the log of events was told of, if webhooks are."""
    if event.kind in _OF_EVENTS:
        kind, data = _OF_EVENTS[event.kind]
        tell(event.team, kind, lambda: data(event))
