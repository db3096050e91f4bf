"""``manage.py setup_token``: what the first superuser needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.management.base import ServiceCommand
from accounts.services import setup_token_issue
from accounts.services.setup import LIFETIME


class Command(ServiceCommand):
    """Prints a fresh set-up token; the one before it is void."""

    help = "Print a one-time token with which the first superuser is made; the one before it is void."

    def handle(self, *args: Any, **_: Any) -> None:
        token = setup_token_issue()
        self.say(
            f"Open {settings.SITE_URL}{reverse('setup')} within {LIFETIME.days} days and give this token:"
        )
        self.tell(token, token=token)
