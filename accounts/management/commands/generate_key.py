"""``manage.py generate_key``: a fresh key for the ring that seals secrets."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Prints one entry for ENCRYPTION_KEYS. Runs before anything is configured (see ``manage.py``)."""

    help = "Print a fresh entry for ENCRYPTION_KEYS: put it first, restart, then run rotate_keys."
    requires_system_checks = []

    def handle(self, *args: Any, **_: Any) -> None:
        self.stdout.write(Fernet.generate_key().decode())
