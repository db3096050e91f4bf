"""One change under a condition at a time at one address: what was compared is what is changed.

A row, since such a change may talk to an instance and so cannot be one transaction. It covers those who
send conditions; who sends none overwrites what there is, and says so by that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.utils import timezone

from mollymawk.errors import Conflict
from mollymawk.models import KeyedRequest

LASTS = timedelta(seconds=60)  # after that whoever took the turn is gone: no request lasts as long
TURN = "turn"


@contextmanager
def alone(address: str) -> Iterator[None]:
    """Nobody else changes under a condition what is at *address* meanwhile. Raises ``Conflict``."""
    name: dict[str, Any] = {"credential": TURN, "key_hash": hashlib.sha256(address.encode()).hexdigest()}
    KeyedRequest.objects.filter(**name, began_at__lt=timezone.now() - LASTS).delete()
    row, is_mine = KeyedRequest.objects.get_or_create(**name)
    if not is_mine:
        raise Conflict("Somebody else is changing this at this moment. Read it again, then ask again.")
    try:
        yield
    finally:
        row.delete()
