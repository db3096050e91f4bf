"""Forgetting old invitations: addresses of strangers stand in them."""

from __future__ import annotations

from celery import shared_task

from accounts.invitations.services import invitations_prune


@shared_task(name="accounts.invitations.tasks.prune", expires=600)
def prune() -> int:
    """Delete what is long over."""
    return invitations_prune()
