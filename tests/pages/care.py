"""Checks with a past, for the world of pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Event
from unikernels.models import Check, CheckResult, Unikernel

State, Outcome = Check.State, CheckResult.Outcome

HTTP = {"url": "http://10.0.0.2/", "connect": None, "status": [200, 399], "text": "", "verify": True}
DNS = {"server": "10.0.0.3:53", "name": "example.org", "type": "A", "answer": ""}
TCP = {"address": "10.0.0.2:443"}
REFUSED = "The connection is refused: nothing listens there."


def check_of(unikernel: Unikernel, name: str, kind: str, settings: dict[str, Any], **fields: Any) -> Check:
    """A check as it stands."""
    return Check.objects.create(unikernel=unikernel, name=name, kind=kind, settings=settings, **fields)


def results(check: Check, now: datetime, outcomes: str) -> None:
    """One result a minute until *now*, newest last: ``.`` passed, ``x`` failed, ``?`` inconclusive."""
    found = {
        ".": (Outcome.PASSED, "200, 312 bytes."),
        "x": (Outcome.FAILED, REFUSED),
        "?": (Outcome.INCONCLUSIVE, "The name www.example.org cannot be resolved."),
    }
    rows = []
    for at, sign in enumerate(reversed(outcomes)):
        outcome, text = found[sign]
        moment = now - timedelta(seconds=12 + 60 * at)
        latency = 0.0042 + 0.0031 * (at * 7 % 11)
        rows.append(CheckResult(check_row=check, at=moment, outcome=outcome, latency=latency, text=text))
    CheckResult.objects.bulk_create(reversed(rows))


def flips(check: Check, now: datetime, *steps: tuple[str, float, str]) -> None:
    """Ups and downs, oldest first: the new state, how many hours ago, what was said."""
    was = State.UNKNOWN.value
    for state, hours, text in steps:
        Event.objects.create(
            at=now - timedelta(hours=hours),
            credential="system",
            subject=f"unikernel:{check.unikernel_id}",
            kind=f"check.{state}",
            was=was,
            now=state,
            reason=check.name,
            data={"check": check.pk, "kind": check.kind, "text": text},
        )
        was = state


def checks_with_a_past(web: Unikernel, dns: Unikernel, now: datetime) -> tuple[Check, Check]:
    """One of *web* that is up after a bad night and one that was not asked yet; one of *dns* that is down."""
    up = check_of(web, "web", "http", HTTP, state=State.UP, state_since=now - timedelta(hours=9))
    results(up, now, "...............x.......xxx......." * 3 + "....?.......")
    flips(up, now, ("up", 200, ""), ("down", 9.5, REFUSED), ("up", 9, "200, 312 bytes."))
    check_of(web, "tls", "tcp", TCP)
    down = check_of(dns, "zone", "dns", DNS, state=State.DOWN, state_since=now - timedelta(minutes=3))
    results(down, now, "......................xxx")
    flips(down, now, ("up", 70, ""), ("down", 0.05, REFUSED))
    return up, down
