"""Events for other programs: JSON lines, exact, or CSV for a spreadsheet; oldest first, and never all
of them in memory.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from accounts.audit.search import told
from accounts.models import Event

BATCH = 1_000  # events that are held at a time

FORMS = {"jsonl": "application/jsonl", "csv": "text/csv"}

_COLUMNS = list(told(Event()))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run begins so


def export(rows: QuerySet[Event], form: str) -> Iterator[bytes]:
    """*rows* in pieces, in one of ``FORMS``.

    Each batch is a question of its own: pieces may be asked for from changing threads, for hours, and no
    transaction stays open meanwhile.
    """
    writers: dict[str, Callable[[Iterable[dict[str, Any]]], bytes]] = {"jsonl": _json_lines, "csv": _csv}
    if form == "csv":
        yield _lines([_COLUMNS])
    last = 0
    while True:
        batch = list(rows.filter(id__gt=last).order_by("id")[:BATCH])
        if not batch:
            return
        yield writers[form](told(event) for event in batch)
        last = batch[-1].pk


def answer(rows: QuerySet[Event], form: str) -> StreamingHttpResponse:
    """*rows* as a file to download."""
    name = f"events-{timezone.now():%Y-%m-%d}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(export(rows, form), content_type=FORMS[form], headers=headers)


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, separators=(",", ":"))


def _json_lines(events: Iterable[dict[str, Any]]) -> bytes:
    return "".join(f"{_json(event)}\n" for event in events).encode()


def _csv(events: Iterable[dict[str, Any]]) -> bytes:
    return _lines([_cell(value) for value in event.values()] for event in events)


def _lines(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    """*value* as a text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return _json(value) if value else ""
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
