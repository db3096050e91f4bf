"""Lists in pages, by key: a page costs the same wherever it stands, and nothing that exists is
skipped or told twice because something else was made or removed meanwhile.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from mollymawk.errors import Invalid

PAGE_LIMIT = 50
MAX_LIMIT = 200  # a page of the largest objects stays below a quarter of a megabyte
MAX_CURSOR = 512  # the longest key: a 63-character name and a number, in base64
MAX_ID = 2**63 - 1  # what a database key can be

Value = str | int


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an order. The last column of an order must be unique."""

    column: str
    kind: type[str | int] = int
    falling: bool = False

    def beyond(self, value: Value) -> Q:
        """What comes after *value*."""
        return Q(**{f"{self.column}__{'lt' if self.falling else 'gt'}": value})

    def admits(self, value: object) -> bool:
        """Whether *value* can stand in this column."""
        if self.kind is int:
            return type(value) is int and 0 <= value <= MAX_ID
        return isinstance(value, str) and value.isprintable()


@dataclass(frozen=True, slots=True)
class Keyset:
    """A total order of rows, and the pages along it."""

    keys: tuple[Key, ...]

    def ordered(self, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """*rows* in this order."""
        return rows.order_by(*(f"-{key.column}" if key.falling else key.column for key in self.keys))

    def after(self, rows: QuerySet[Any, Any], cursor: str) -> QuerySet[Any, Any]:
        """Those of *rows* that come after the one *cursor* was made of; ``Invalid`` for a broken cursor."""
        condition, same = Q(), Q()
        for key, value in zip(self.keys, self._read(cursor), strict=True):
            condition |= same & key.beyond(value)
            same &= Q(**{key.column: value})
        return rows.filter(condition)

    def cursor(self, row: Model | dict[str, Any]) -> str:
        """An opaque text that stands for the place of *row*."""
        values = [row[key.column] if isinstance(row, dict) else getattr(row, key.column) for key in self.keys]
        text = json.dumps(values, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _read(self, cursor: str) -> Sequence[Value]:
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            values = json.loads(raw) if len(cursor) <= MAX_CURSOR else None
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, list) or len(values) != len(self.keys):
            raise broken_cursor()
        if not all(key.admits(value) for key, value in zip(self.keys, values, strict=True)):
            raise broken_cursor()
        return values


def broken_cursor() -> Invalid:
    """What a cursor that we did not make is answered with."""
    text = "This cursor is none of ours; take the link in `next`, or start without a cursor."
    return Invalid(text, fields={"cursor": ["unreadable"]})


BY_ID = Keyset((Key("id"),))
NEWEST_FIRST = Keyset((Key("id", falling=True),))
BY_NAME = Keyset((Key("name", str), Key("id")))


def page(
    rows: QuerySet[Any, Any],
    *,
    request: Request,
    order: Keyset,
    query: dict[str, Any],
    show: Callable[[Any], dict[str, Any]],
) -> dict[str, Any]:
    """One page of *rows*: ``{"items": [...], "next": link or None}``; *query* is a validated ``PageQuery``.

    Raises ``Invalid`` for a broken cursor.
    """
    found, link = cut(rows, request=request, order=order, query=query)
    return {"items": [show(row) for row in found], "next": link}


def cut(
    rows: QuerySet[Any, Any], *, request: Request, order: Keyset, query: dict[str, Any]
) -> tuple[list[Any], str | None]:
    """The rows of one page, and the link to the next.

    One row more than asked for is read, to know whether there is a next page.
    """
    limit = query["limit"]
    if cursor := query.get("cursor"):
        rows = order.after(rows, cursor)
    found = list(order.ordered(rows)[: limit + 1])
    if len(found) <= limit:
        return found, None
    return found[:limit], _link(request, order.cursor(found[limit - 1]))


def _link(request: Request, cursor: str) -> str:
    query = request.query_params.copy()
    query["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
