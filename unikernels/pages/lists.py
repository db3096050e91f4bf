"""Long lists, a page at a time and by key, so that a page costs the same wherever it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest

from mollymawk.rest.pages import Keyset

PER_PAGE = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One page of a list. ``next`` and ``first`` are query strings, empty when there is no such page."""

    items: list[T]
    next: str
    first: str


def listed(
    request: HttpRequest, rows: QuerySet[Any, Any], order: Keyset, show: Callable[[Any], T]
) -> Listed[T]:
    """The page of *rows* that the query's ``after`` asks for. Raises ``Invalid`` for a broken one."""
    after = request.GET.get("after", "")
    if after:
        rows = order.after(rows, after)
    found = list(order.ordered(rows)[: PER_PAGE + 1])
    following = order.cursor(found[PER_PAGE - 1]) if len(found) > PER_PAGE else None
    return Listed(
        [show(row) for row in found[:PER_PAGE]],
        _query(request, following) if following else "",
        _query(request, None) if after else "",
    )


def _query(request: HttpRequest, after: str | None) -> str:
    query = request.GET.copy()
    query.pop("after", None)
    if after:
        query["after"] = after
    return f"?{query.urlencode()}"
