"""What people type, as values."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from django.utils.dateparse import parse_date, parse_datetime

from mollymawk.errors import Invalid


def since(text: str) -> datetime | None:
    """The moment from which on; a day is meant with all of it. UTC unless it says otherwise."""
    return _moment("since", text)


def until(text: str) -> datetime | None:
    """The first moment that is no longer meant; a day is meant with all of it."""
    return _moment("until", text, past=timedelta(days=1))


def _moment(field: str, text: str, past: timedelta = timedelta()) -> datetime | None:
    text = text.strip()
    if not text:
        return None
    try:
        day = parse_date(text)
        at = datetime.combine(day, time()) + past if day else parse_datetime(text)
    except (ValueError, OverflowError):
        at = None
    if at is None:
        sentence = "This is no day or time. Write 2026-11-30 or 2026-11-30T08:00."
        raise Invalid(sentence, fields={field: [sentence]})
    return at if at.tzinfo else at.replace(tzinfo=UTC)
