"""Sending what is due: at least once, never by two at once, and no receiver makes the others wait.

The row is the truth. A delivery is claimed by a conditional UPDATE right before its request, and the claim
ends by itself: a sender that died leaves it to the next one, with the same ``webhook-id``. Requests run in
threads that know of no database; at once only so many to the same host.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta

from django.db.models import F, Min, Q, QuerySet
from django.utils import timezone

from mollymawk.keyring import SealBroken, unseal
from unikernels.checks.addresses import Reach
from unikernels.checks.resolving import reach_of_webhooks
from unikernels.webhooks.ending import settle
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.webhooks.posting import Answer, post
from unikernels.webhooks.signing import signed_headers

AT_ONCE = 64  # requests of one process
PER_HOST = 2  # of them to one host
SWEEP_SECONDS = 20.0  # after which a sweep begins no more requests; the next one does
LOOK_AGAIN = 0.5  # seconds after which it looks for more while requests are under way
CLAIM = timedelta(seconds=30)  # a request takes at most 10 s

Claims = dict["Future[Answer]", Delivery]

log = logging.getLogger(__name__)


def send_due() -> int:
    """Send what is due, and what becomes due meanwhile; how many requests were made."""
    end, made, reach = time.monotonic() + SWEEP_SECONDS, 0, None
    flying: Claims = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        while True:
            if time.monotonic() < end:
                for delivery in _claimed(AT_ONCE - len(flying)):
                    reach = reach or reach_of_webhooks()
                    flying[_begin(pool, delivery, reach)] = delivery
            if not flying:
                return made
            made += _settle_done(flying)


def _settle_done(flying: Claims) -> int:
    """Wait for requests to end, a little while at most, and write what came of them; how many."""
    done, _ = wait(flying, timeout=LOOK_AGAIN, return_when=FIRST_COMPLETED)
    for future in done:
        settle(flying.pop(future), future.result())
    return len(done)


def _begin(pool: ThreadPoolExecutor, delivery: Delivery, reach: Reach) -> Future[Answer]:
    hook, body, now = delivery.webhook, delivery.body.encode(), int(time.time())
    try:
        headers = signed_headers(delivery.message, now, body, _secrets(hook))
    except SealBroken as error:
        broken: Future[Answer] = Future()
        broken.set_result(Answer(None, 0.0, str(error)))
        return broken
    return pool.submit(_post, hook.url, body, headers, reach)


def _post(url: str, body: bytes, headers: dict[str, str], reach: Reach) -> Answer:
    """In a thread: whatever breaks here is a failed try, and the others go on."""
    try:
        return post(url, body, headers, reach)
    except Exception as error:
        log.exception("a webhook could not be tried")
        return Answer(None, 0.0, f"It could not be tried: {type(error).__name__}.")


def _secrets(hook: Webhook) -> Iterator[str]:
    """The secret, and for some time the one before."""
    yield unseal(hook.sealed_secret)
    if hook.sealed_former and hook.former_until and timezone.now() < hook.former_until:
        yield unseal(hook.sealed_former)


# --- claims ------------------------------------------------------------------------------------------


def _claimed(room: int) -> Iterator[Delivery]:
    """Deliveries that are due and now ours, at most *room*: the longest waiting host first."""
    busy = Counter(_under_way().values_list("webhook__host", flat=True))
    full = [host for host, count in busy.items() if count >= PER_HOST]
    hosts = _due().exclude(webhook__host__in=full).order_by().values("webhook__host")
    waiting = hosts.annotate(first=Min("due_at")).order_by("first")[: max(0, room)]
    for host in list(waiting.values_list("webhook__host", flat=True)):
        rows = _due().filter(webhook__host=host).select_related("webhook__team").order_by("due_at", "pk")
        for delivery in rows[: min(room, PER_HOST - busy[host])]:
            if _claim(delivery):
                room -= 1
                yield delivery


def _due() -> QuerySet[Delivery]:
    now = timezone.now()
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return Delivery.objects.filter(free, state=Delivery.State.WAITING, due_at__lte=now, webhook__on=True)


def _under_way() -> QuerySet[Delivery]:
    return Delivery.objects.filter(claimed_until__gt=timezone.now(), state=Delivery.State.WAITING)


def _claim(delivery: Delivery) -> bool:
    """Whether *delivery* is ours: nobody claimed or repeated it since it was read."""
    until = timezone.now() + CLAIM
    mine = Delivery.objects.filter(
        pk=delivery.pk,
        state=Delivery.State.WAITING,
        claimed_until=delivery.claimed_until,
        due_at=delivery.due_at,
    )
    won = mine.update(claimed_until=until, tries=F("tries") + 1) == 1
    delivery.claimed_until, delivery.tries = until, delivery.tries + 1
    return won
