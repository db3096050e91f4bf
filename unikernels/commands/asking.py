"""Asking a builder from the command line, without a worker."""

from __future__ import annotations

import time

from mollymawk.errors import Unavailable
from unikernels.builds import lookups
from unikernels.builds.services import pending
from unikernels.models import Lookup

LOOK_EVERY = 0.5  # seconds
WAIT = 120.0  # seconds; comparing two builds keeps a builder busy for up to a minute


def answered(lookup: Lookup, seconds: float) -> Lookup:
    """*lookup* with its answer, asked for here unless somebody does already; waits *seconds* at most, and
    has no ``data`` then. Raises ``Unavailable`` when asking was of no use.
    """
    end = time.monotonic() + seconds
    if lookup.data is None and pending(lookup):
        lookups.answer(lookup.pk, lookup.asked_at)
        lookup.refresh_from_db()
    while lookup.data is None and pending(lookup) and time.monotonic() < end:
        time.sleep(LOOK_EVERY)
        lookup.refresh_from_db()
    if lookup.data is None and not pending(lookup):
        raise Unavailable(lookup.trouble_text)
    return lookup
