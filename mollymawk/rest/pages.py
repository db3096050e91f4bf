"""Lists in pages, by key: a page costs the same wherever it stands, and nothing that exists is
skipped or told twice because something else was made or removed meanwhile.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from mollymawk.errors import Invalid

PAGE_LIMIT = 50
MAX_LIMIT = 200  # a page of the largest objects stays below a quarter of a megabyte
MAX_CURSOR = 512  # the longest key: a 63-character name and a number, in base64
MAX_ID = 2**63 - 1  # what a database key can be

Value = str | int | datetime


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an order, never null. The last column of an order must be unique."""

    column: str
    kind: type[Value] = int
    falling: bool = False

    def beyond(self, value: Value) -> Q:
        """What comes after *value*."""
        return Q(**{f"{self.column}__{'lt' if self.falling else 'gt'}": value})

    def of(self, row: Model | dict[str, Any]) -> str | int:
        """What stands in this column of *row*, as a cursor tells it."""
        value = row[self.column] if isinstance(row, dict) else reduce(getattr, self.column.split("__"), row)
        return value.isoformat() if isinstance(value, datetime) else value  # type: ignore[return-value]

    def read(self, told: object) -> Value:
        """The value that a cursor tells. Raises ``ValueError`` for what cannot stand in this column."""
        if self.kind is int and type(told) is int and 0 <= told <= MAX_ID:
            return told
        if self.kind is str and isinstance(told, str) and told.isprintable():
            return told
        if self.kind is datetime and isinstance(told, str):
            moment = datetime.fromisoformat(told)
            if moment.tzinfo is not None and moment.year > 1:  # what a database can turn into its own zone
                return moment
        raise ValueError(told)


@dataclass(frozen=True, slots=True)
class Keyset:
    """A total order of rows, and the pages along it. A cursor belongs to the orders of one *name*."""

    keys: tuple[Key, ...]
    name: str = ""

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
        values = [key.of(row) for key in self.keys]
        text = json.dumps([self.name, *values] if self.name else values, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _read(self, cursor: str) -> Sequence[Value]:
        try:
            if len(cursor) > MAX_CURSOR:
                raise broken_cursor()
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            return self._values(json.loads(raw))
        except (ValueError, OverflowError, RecursionError):
            raise broken_cursor() from None

    def _values(self, told: object) -> list[Value]:
        """What a cursor of ours tells. Raises ``ValueError`` for one of another order or list."""
        name = [self.name] if self.name else []
        if not (isinstance(told, list) and told[: len(name)] == name):
            raise ValueError(told)
        return [key.read(value) for key, value in zip(self.keys, told[len(name) :], strict=True)]


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
