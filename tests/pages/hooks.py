"""Webhooks with a past: one that works, one that was switched off, and messages with every fate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from accounts.actors import Actor
from tests.pages.world import World
from unikernels.webhooks.kinds import Kind
from unikernels.webhooks.models import Attempt, Delivery, Webhook
from unikernels.webhooks.payloads import unikernel_data
from unikernels.webhooks.services import webhook_add
from unikernels.webhooks.telling import write


@dataclass
class Hooks:
    """The webhooks of a world's team."""

    world: World

    def __post_init__(self) -> None:
        self.pager = self.hook("https://hooks.example.org/mollymawk?key=4f1c", "pager of the night shift")
        self.gone = self.hook("https://ci.example.org:8443/hooks/7", "the old pipeline")
        Webhook.objects.filter(pk=self.gone.pk).update(
            on=False, off_reason="It answered 410: it wants no more."
        )
        Webhook.objects.filter(pk=self.pager.pk).update(failing_since=self.world.now - timedelta(minutes=12))
        self.arrived = self.delivery(Kind.CHECK_DOWN, "delivered", minutes=90)
        self.tried(self.arrived, status=200, latency=0.142, excerpt='{"ok": true}')
        self.given_up = self.delivery(Kind.OPERATION_FAILED, "given-up", minutes=800)
        self.waits = self.delivery(Kind.ALERT_OPENED, "waiting", minutes=12)
        for delivery in (self.given_up, self.waits):
            self.tried(delivery, trouble="The connection is refused: nothing listens there.", latency=0.004)
            self.tried(
                delivery,
                status=503,
                latency=3.2,
                trouble="It answered 503; good is 200 to 299.",
                excerpt="<html><body><h1>503 Service Unavailable</h1></body></html>",
            )

    def hook(self, url: str, description: str) -> Webhook:
        """A webhook of the team, for what goes wrong."""
        events = [Kind.CHECK_DOWN, Kind.CHECK_UP, Kind.OPERATION_FAILED, Kind.ALERT_OPENED]
        actor = Actor(self.world.person, "session")
        return webhook_add(
            actor=actor, team=self.world.team, url=url, events=events, description=description
        )[0]

    def delivery(self, kind: Kind, state: str, *, minutes: float) -> Delivery:
        """A message about the web server, written some minutes ago."""
        (made,) = write([self.pager], kind, lambda: unikernel_data(self.world.web))
        at = self.world.now - timedelta(minutes=minutes)
        made.state, made.created_at = state, at
        made.due_at = self.world.now + timedelta(minutes=8)
        made.ended_at = None if state == "waiting" else at
        made.save()
        return made

    def tried(self, delivery: Delivery, **facts: Any) -> None:
        """One try of it."""
        Attempt.objects.create(delivery=delivery, at=delivery.created_at, **facts)
