"""What was there when a request began may be gone when its transaction ends."""

from __future__ import annotations

from django.db import IntegrityError

from mollymawk.errors import ApplicationError, Conflict

GONE = (
    "Something that this belongs to, or that belongs to it, came or went at the same moment, so this was taken"
    " back. Look again."
)


def told(error: ApplicationError | IntegrityError) -> ApplicationError:
    """*error* for a reader. What else a database refuses is a mistake of ours, and is raised again.

    Both databases name a foreign key when a row was to refer to one that somebody else removed, or when
    one was to be removed that somebody else just referred to.
    """
    if isinstance(error, ApplicationError):
        return error
    if "foreign key" not in str(error).lower():
        raise error
    return Conflict(GONE)
