"""What was there when a request began may be gone when its transaction ends."""

from __future__ import annotations

from django.db import IntegrityError

from mollymawk.errors import ApplicationError, Conflict

GONE = "What this belongs to was removed while it was being done. Nothing was changed."


def told(error: ApplicationError | IntegrityError) -> ApplicationError:
    """*error* for a reader. What else a database refuses is a mistake of ours, and is raised again.

    Both databases name a foreign key when a row was to refer to one that somebody else removed.
    """
    if isinstance(error, ApplicationError):
        return error
    if "foreign key" not in str(error).lower():
        raise error
    return Conflict(GONE)
