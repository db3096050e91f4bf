"""Forgetting identities that nobody would take any more."""

from __future__ import annotations

from celery import shared_task

from accounts.publishers import exchange


@shared_task(name="accounts.publishers.tasks.prune", expires=600)
def prune() -> int:
    """Delete them, and the short tokens that ended long ago."""
    return exchange.prune()
