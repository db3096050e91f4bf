"""From what is wrong now to rows: what is new fires, what is no more is resolved."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.actors import NOTHING, Actor
from mollymawk.errors import Missing
from unikernels.access import unikernels_of
from unikernels.alerts.models import Alert, Telling
from unikernels.alerts.readers import readers_of
from unikernels.alerts.rules import FIND, Firing, Rule, Unknown
from unikernels.models import Unikernel
from unikernels.webhooks import telling

GROUPED = timedelta(seconds=60)  # what fires within it is told in one letter
DAMPED = timedelta(
    minutes=30
)  # what fires again so soon after it was resolved is told only if it stays so long
KEPT = timedelta(days=30)  # of alerts that are resolved

log = logging.getLogger(__name__)


def settle(now: datetime | None = None) -> None:
    """Bring the rows to what is true now. Again, or by two at once, changes nothing more."""
    now = now or timezone.now()
    for rule, find in FIND.items():
        _settle(rule, list(find(now)), now)
    stayed = Alert.objects.filter(damped=True, sent_at=None, resolved_at=None, fired_at__lte=now - DAMPED)
    for alert in stayed.select_related("team", "instance"):
        _send(alert, now)


def alerts_of(actor: Actor) -> QuerySet[Alert]:
    """The alerts that *actor* may see: those of the teams, those of no team where one of the teams runs
    something; for the all-powerful all of them. Who is bound to names sees those of these unikernels.
    """
    if actor.all_powerful:
        return Alert.objects.all()
    if actor.names is not None:
        return Alert.objects.filter(subject__in=[f"unikernel:{row.pk}" for row in unikernels_of(actor)])
    teams = actor.teams()
    here = Unikernel.objects.filter(team__in=teams).values("instance")
    return Alert.objects.filter(Q(team__in=teams) | Q(team=None, instance__in=here))


def alert_of(actor: Actor, pk: int) -> Alert:
    """The alert *pk*, if *actor* may see it; raises ``Missing``."""
    alert = alerts_of(actor).select_related("team", "instance").filter(pk=pk).first()
    if alert is None:
        raise Missing(NOTHING)
    return alert


def alerts_prune(now: datetime | None = None) -> int:
    """Delete what was resolved long ago; how many alerts."""
    old = Alert.objects.filter(resolved_at__lt=(now or timezone.now()) - KEPT)
    count = old.count()
    old.delete()
    return count


def _settle(rule: Rule, findings: Iterable[Firing | Unknown], now: datetime) -> None:
    found = {finding.subject: finding for finding in findings}
    open_ = dict(Alert.objects.filter(rule=rule, resolved_at=None).values_list("subject", "pk"))
    for subject, pk in open_.items():
        if subject not in found:
            _resolve(pk, now)
    for finding in found.values():
        if isinstance(finding, Firing) and finding.subject not in open_:
            _fire(rule, finding, now)


def _resolve(pk: int, now: datetime) -> None:
    with transaction.atomic():
        if not Alert.objects.filter(pk=pk, resolved_at=None).update(resolved_at=now):
            return
        alert = Alert.objects.select_related("team", "instance").get(pk=pk)
        if alert.sent_at is not None:
            telling.alert_changed(alert)


def _send(alert: Alert, now: datetime) -> None:
    """Tell webhooks that *alert* was opened, once. They are machines: at once, and at any hour."""
    with transaction.atomic():
        if Alert.objects.filter(pk=alert.pk, sent_at=None, resolved_at=None).update(sent_at=now):
            telling.alert_changed(alert)


def _fire(rule: Rule, firing: Firing, now: datetime) -> None:
    try:
        with transaction.atomic():
            before = Alert.objects.filter(rule=rule, subject=firing.subject, resolved_at__gt=now - DAMPED)
            damped = before.exists()
            alert = Alert.objects.create(
                rule=rule,
                subject=firing.subject,
                team=firing.team,
                instance=firing.instance,
                title=firing.title[:200],
                text=firing.text,
                path=firing.path,
                fired_at=now,
                damped=damped,
            )
            due_at = now + (DAMPED if damped else GROUPED)
            Telling.objects.bulk_create(
                Telling(alert=alert, user=reader, due_at=due_at) for reader in readers_of(alert)
            )
            if not damped:
                _send(alert, now)
    except IntegrityError as error:  # somebody else saw it at the same time, or what it is about was deleted
        log.info("%s of %s was not written: %s", rule, firing.subject, error)
