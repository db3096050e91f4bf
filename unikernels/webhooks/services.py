"""Webhooks, made and changed by owners of their team; their secrets; trying and repeating."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.actors import NOTHING, Actor, require
from accounts.events import record
from accounts.models import Membership, Role, Team
from mollymawk.errors import Conflict, Invalid, Missing, Refused
from mollymawk.keyring import seal
from unikernels.webhooks.kinds import CHOICES, Kind
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.webhooks.signing import make_secret
from unikernels.webhooks.targets import target_of
from unikernels.webhooks.telling import write

MAX_WEBHOOKS = 20  # of one team: each event is written once for each
MAX_DESCRIPTION = 200  # characters
OVERLAP_HOURS, MAX_OVERLAP_HOURS = 24, 168  # that a former secret goes on signing
KEPT = timedelta(days=30)  # of deliveries that ended


def webhooks_of(actor: Actor) -> QuerySet[Webhook]:
    """The webhooks that *actor* may see: of teams that they own. Raises ``Forbidden`` for lesser tokens."""
    rows = Webhook.objects.select_related("team", "created_by")
    if actor.all_powerful:
        return rows
    if actor.token is not None:
        require(actor, actor.token.team, Role.OWNER)
        mine = Q(team=actor.token.team)
    else:
        owned = Membership.objects.filter(user=actor.user, user__is_active=True, role=Role.OWNER)
        mine = Q(team__in=owned.values("team"))
    return rows.filter(mine)


def webhook_of(actor: Actor, pk: int) -> Webhook:
    """The webhook *pk*, for owners of its team."""
    hook = Webhook.objects.select_related("team", "created_by").filter(pk=pk).first()
    if hook is None:
        raise Missing(NOTHING)
    require(actor, hook.team, Role.OWNER)
    return hook


def delivery_of(actor: Actor, hook: Webhook, pk: int) -> Delivery:
    """The delivery *pk* of *hook*, for owners of its team."""
    require(actor, hook.team, Role.OWNER)
    delivery = hook.deliveries.filter(pk=pk).first()
    if delivery is None:
        raise Missing("The webhook has no such delivery; they are kept for 30 days.")
    return delivery


def webhook_add(
    *, actor: Actor, team: Team, url: str, events: Collection[str], description: str = "", on: bool = True
) -> tuple[Webhook, str]:
    """A webhook of *team* for the types *events*, and its secret, which is shown only now.

    Raises ``Invalid``, and ``Refused`` when there are too many.
    """
    require(actor, team, Role.OWNER)
    fields = _fields(url, events, description, on=on)
    secret = make_secret()
    with transaction.atomic():
        if team.webhooks.count() >= MAX_WEBHOOKS:
            raise Refused(f"A team has at most {MAX_WEBHOOKS} webhooks; remove one first.")
        hook = Webhook.objects.create(team=team, created_by=actor.user, sealed_secret=seal(secret), **fields)
        _record(actor, hook, "added")
    return hook, secret


def webhook_change(
    *, actor: Actor, hook: Webhook, url: str, events: Collection[str], description: str, on: bool
) -> Webhook:
    """The whole of *hook* anew, but its secret. What still waits when it is switched off is given up."""
    require(actor, hook.team, Role.OWNER)
    fields = _fields(url, events, description, on=on)
    if on and not hook.on:
        fields |= {"off_reason": "", "failing_since": None}
    with transaction.atomic():
        if not Webhook.objects.filter(pk=hook.pk).update(**fields):
            raise Missing(NOTHING)
        for name, value in fields.items():
            setattr(hook, name, value)
        if not on:
            give_up_waiting(hook)
        _record(actor, hook, "changed")
    return hook


def webhook_remove(*, actor: Actor, hook: Webhook) -> None:
    """Remove *hook* with its deliveries."""
    require(actor, hook.team, Role.OWNER)
    with transaction.atomic():
        _record(actor, hook, "removed")
        hook.delete()


def webhook_rotate(*, actor: Actor, hook: Webhook, overlap: int = OVERLAP_HOURS) -> str:
    """A new secret, which is shown only now; the present one signs too for *overlap* hours (0: no longer)."""
    require(actor, hook.team, Role.OWNER)
    if not 0 <= overlap <= MAX_OVERLAP_HOURS:
        text = f"From 0 to {MAX_OVERLAP_HOURS} hours."
        raise Invalid(text, fields={"overlap": [text]})
    secret, until = make_secret(), timezone.now() + timedelta(hours=overlap)
    fields = {
        "sealed_secret": seal(secret),
        "sealed_former": hook.sealed_secret if overlap else "",
        "former_until": until if overlap else None,
    }
    with transaction.atomic():
        mine = Webhook.objects.filter(pk=hook.pk, sealed_secret=hook.sealed_secret)
        if not mine.update(**fields):
            raise Conflict("Somebody else made a new secret just now.")
        hook.refresh_from_db()
        _record(actor, hook, "rotated")
    return secret


def webhook_ping(*, actor: Actor, hook: Webhook) -> Delivery:
    """A test message to *hook*, whatever it wants to hear of."""
    require(actor, hook.team, Role.OWNER)
    _require_on(hook)
    with transaction.atomic():
        _record(actor, hook, "pinged")
        return write([hook], Kind.PING, lambda: {"webhook": hook.pk})[0]


def redeliver(*, actor: Actor, delivery: Delivery) -> Delivery:
    """Send *delivery* again now, and if need be as often as a new one; its ``webhook-id`` stays."""
    require(actor, delivery.webhook.team, Role.OWNER)
    _require_on(delivery.webhook)
    now = timezone.now()
    free = Delivery.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=now), pk=delivery.pk)
    with transaction.atomic():
        waits = Delivery.State.WAITING
        if not free.update(state=waits, tries=0, due_at=now, claimed_until=None, ended_at=None):
            raise Conflict("It is being sent right now.")
        _record(actor, delivery.webhook, "redelivered", message=delivery.message)
    delivery.refresh_from_db()
    return delivery


def give_up_waiting(hook: Webhook) -> None:
    """Nothing more is sent to *hook*, which is off."""
    waiting = hook.deliveries.filter(state=Delivery.State.WAITING)
    waiting.update(state=Delivery.State.GIVEN_UP, ended_at=timezone.now())


def prune(now: datetime | None = None) -> int:
    """Forget old deliveries, and former secrets whose time is over; how many deliveries."""
    now = now or timezone.now()
    Webhook.objects.filter(former_until__lte=now).update(sealed_former="", former_until=None)
    old = Delivery.objects.filter(created_at__lt=now - KEPT).exclude(state=Delivery.State.WAITING)
    count = old.count()
    old.delete()
    return count


def _require_on(hook: Webhook) -> None:
    if not hook.on:
        raise Refused("The webhook is switched off. Switch it on first.")


def _fields(url: str, events: Collection[str], description: str, *, on: bool) -> dict[str, object]:
    """The columns that a person sets. Raises ``Invalid``."""
    target = target_of(url)
    return {
        "url": target.url,
        "host": target.host,
        "events": _events(events),
        "description": _description(description),
        "on": on,
    }


def _events(events: Collection[str]) -> list[str]:
    known = [kind.value for kind in CHOICES if kind in events]
    if unknown := sorted(set(events) - set(known)):
        text = f"There is no event {', '.join(unknown)}."
        raise Invalid(text, fields={"events": [text]})
    if not known:
        text = "Choose at least one event."
        raise Invalid(text, fields={"events": [text]})
    return known


def _description(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > MAX_DESCRIPTION or not text.isprintable():
        sentence = f"At most {MAX_DESCRIPTION} printable characters."
        raise Invalid(sentence, fields={"description": [sentence]})
    return text


def _record(actor: Actor, hook: Webhook, what: str, **more: object) -> None:
    """Not the URL: its path may be a secret of the receiver."""
    data = {"host": hook.host, "events": list(hook.events), "on": hook.on, **more}
    record(actor=actor, kind=f"webhook.{what}", subject=f"webhook:{hook.pk}", team=hook.team, data=data)
