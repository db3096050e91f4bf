"""What an answer means: for its delivery, and for its webhook."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.events import record
from accounts.mail.services import letter_write
from accounts.mail.topics import Topic
from accounts.models import Role, User
from unikernels.letters.words import letter, link_to, moment
from unikernels.webhooks.models import Attempt, Delivery, Webhook
from unikernels.webhooks.posting import GONE, Answer
from unikernels.webhooks.services import give_up_waiting

# After the first, second, … failed try; after one more it is given up, about 12 hours after the first.
PAUSES = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=8),
)
ONLY_FAILURES = timedelta(days=3)  # after which a webhook is switched off

log = logging.getLogger(__name__)


def settle(delivery: Delivery, answer: Answer) -> None:
    """Write what became of *delivery*, which is claimed; nothing if the claim was lost."""
    now = timezone.now()
    with transaction.atomic():
        mine = Delivery.objects.filter(pk=delivery.pk, claimed_until=delivery.claimed_until)
        if not mine.update(claimed_until=None, **_fate(delivery, answer, now)):
            log.warning("%s was sent, and its claim was lost meanwhile", delivery)
            return
        Attempt.objects.create(
            delivery=delivery,
            at=now - timedelta(seconds=answer.latency),
            status=answer.status,
            latency=answer.latency,
            trouble=answer.trouble,
            excerpt=answer.excerpt,
        )
        _stand(delivery.webhook, answer, now)


def _fate(delivery: Delivery, answer: Answer, now: datetime) -> dict[str, object]:
    if answer.arrived:
        return {"state": Delivery.State.DELIVERED, "ended_at": now}
    if answer.status == GONE or delivery.tries > len(PAUSES):
        return {"state": Delivery.State.GIVEN_UP, "ended_at": now}
    return {"due_at": now + PAUSES[delivery.tries - 1]}


def _stand(hook: Webhook, answer: Answer, now: datetime) -> None:
    """How *hook* stands after *answer*: one that is gone, or only fails, is switched off."""
    row = Webhook.objects.filter(pk=hook.pk)
    if answer.arrived:
        row.exclude(failing_since=None).update(failing_since=None)
        return
    row.filter(failing_since=None).update(failing_since=now)
    if answer.status == GONE:
        _switch_off(hook, "It answered 410: it wants no more.")
    elif row.filter(failing_since__lte=now - ONLY_FAILURES).exists():
        _switch_off(
            hook, f"Nothing got through for {ONLY_FAILURES.days} days. The last try: {answer.trouble}"
        )


def _switch_off(hook: Webhook, reason: str) -> None:
    """Once, with a letter to the owners."""
    reason = reason[:300]
    if not Webhook.objects.filter(pk=hook.pk, on=True).update(on=False, off_reason=reason):
        return
    give_up_waiting(hook)
    record(
        actor=SYSTEM,
        kind="webhook.switched-off",
        subject=f"webhook:{hook.pk}",
        team=hook.team,
        reason=reason,
        data={"host": hook.host},
    )
    owners = User.objects.filter(memberships__team=hook.team, memberships__role=Role.OWNER)
    letter_write(
        users=owners,
        topic=Topic.WEBHOOKS,
        subject=f"Webhook of {hook.team} to {hook.host} is switched off",
        text=letter(
            f"The webhook of {hook.team} to {hook.host} was switched off {moment(timezone.now())}.",
            reason,
            "To do:   mend the receiver, switch the webhook on, and send again what it missed.",
            link_to("webhook", hook.pk),
        ),
    )
