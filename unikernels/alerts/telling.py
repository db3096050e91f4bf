"""The letters about alerts: for each person one a topic about all that is new, outside of the quiet hours.

What is told follows from the rows each time, so nothing has to be undone when an alert is resolved, when
somebody changes the quiet hours or leaves the team.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.mail.quiet import quiet_now
from accounts.mail.services import letter_write
from accounts.mail.topics import Topic
from accounts.models import User
from unikernels.alerts.models import Alert, Telling
from unikernels.alerts.readers import readers_of
from unikernels.alerts.rules import RECOVERING, Rule
from unikernels.alerts.services import GROUPED
from unikernels.alerts.words import subject_of, text_of

TOPICS = (Topic.CHECKS, Topic.ALERTS)
MOST = 500  # people a sweep; the rest follows with the next


def tell(now: datetime | None = None) -> int:
    """Write the letters that are due; how many."""
    now = now or timezone.now()
    people = User.objects.filter(pk__in=_due(now, now - GROUPED).values("user"), is_active=True)
    awake = (user for user in people.select_related("quiet_hours").order_by("pk") if not quiet_now(user, now))
    return sum(_tell(user, now) for user in islice(awake, MOST))


def _due(fired_by: datetime, resolved_by: datetime) -> QuerySet[Telling]:
    """What is to be told: that something fired, unless it went by unseen; that it is over, to who was told."""
    went_by = Q(alert__resolved_at__isnull=False) & (Q(alert__damped=True) | ~Q(alert__rule__in=RECOVERING))
    fired = Q(told_at=None, due_at__lte=fired_by) & ~went_by
    over = Q(told_at__isnull=False, alert__resolved_at__lte=resolved_by, alert__rule__in=RECOVERING)
    return Telling.objects.filter(fired | over, over_at=None)


def _tell(user: User, now: datetime) -> int:
    """One letter a topic with all that is due to *user*, and what will be within the minute; how many."""
    waiting = _due(now + GROUPED, now).filter(user=user).select_related("alert")
    with transaction.atomic():
        mine = [one for one in waiting.order_by("alert__fired_at", "alert") if _claimed(one, now)]
        theirs = [one for one in mine if readers_of(one.alert).filter(pk=user.pk).exists()]
        told = [[one for one in theirs if _topic(one.alert) is topic] for topic in TOPICS]
        return sum(_letter(user, tellings, now) for tellings in told if tellings)


def _topic(alert: Alert) -> Topic:
    """Under which choice of people it is mailed."""
    return Topic.CHECKS if alert.rule == Rule.CHECK else Topic.ALERTS


def _letter(user: User, tellings: Sequence[Telling], now: datetime) -> int:
    alerts = [one.alert for one in tellings]
    written = letter_write(
        users=[user], topic=_topic(alerts[0]), subject=subject_of(alerts), text=text_of(alerts)
    )
    if written:
        Alert.objects.filter(pk__in=[alert.pk for alert in alerts], told_at=None).update(told_at=now)
    else:  # not wanted: nor is the news that it is over
        Telling.objects.filter(pk__in=[one.pk for one in tellings]).update(over_at=now)
    return written


def _claimed(telling: Telling, now: datetime) -> bool:
    """Whether it falls to us to tell it; two sweeps at once do not tell the same."""
    told_at = telling.told_at or now
    over_at = now if telling.alert.resolved_at else None
    row = Telling.objects.filter(pk=telling.pk, told_at=telling.told_at, over_at=None)
    return row.update(told_at=told_at, over_at=over_at) == 1
