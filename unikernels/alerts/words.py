"""What a letter about alerts says."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from unikernels.alerts.models import Alert
from unikernels.letters.words import letter, moment

SHOWN = 50  # alerts in one letter; its text has a limit


def subject_of(alerts: Sequence[Alert]) -> str:
    """``fra-1 does not answer``, ``Over: fra-1 does not answer``, ``3 alerts, 1 of them over``."""
    over = sum(alert.resolved_at is not None for alert in alerts)
    if len(alerts) == 1:
        return f"Over: {alerts[0].title}" if over else alerts[0].title
    if over == len(alerts):
        return f"{over} alerts are over"
    return f"{len(alerts)} alerts, {over} of them over" if over else f"{len(alerts)} alerts"


def text_of(alerts: Sequence[Alert]) -> str:
    """What goes on first, then what is over; each with its page."""
    shown = sorted(alerts, key=lambda alert: alert.resolved_at is not None)[:SHOWN]
    more = len(alerts) - len(shown)
    return letter(*map(_told, shown), f"And {more} more." if more else "")


def _told(alert: Alert) -> str:
    link = f"  {settings.SITE_URL}{alert.path}"
    if alert.resolved_at is not None:
        return f"Over: {alert.title}\n  from {moment(alert.fired_at)} to {moment(alert.resolved_at)}\n{link}"
    return f"{alert.title}\n  since {moment(alert.fired_at)}\n  {alert.text}\n{link}"
