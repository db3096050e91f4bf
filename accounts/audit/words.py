"""What people type, as values."""

from __future__ import annotations

from datetime import UTC, datetime, time

from django.utils.dateparse import parse_date, parse_datetime

from mollymawk.errors import Invalid


def moment(text: str, *, field: str = "since") -> datetime:
    """A day (its beginning) or a time; UTC unless it says otherwise. Raises ``Invalid`` for *field*."""
    text = text.strip()
    try:
        day = parse_date(text)
        at = datetime.combine(day, time()) if day else parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        sentence = "This is no day or time. Write 2026-11-30 or 2026-11-30T08:00."
        raise Invalid(sentence, fields={field: [sentence]})
    return at if at.tzinfo else at.replace(tzinfo=UTC)
