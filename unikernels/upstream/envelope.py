"""The one shape of every answer here: ``{"status", "title", "success", "data"}``, in this order.

``title`` is the status as text unless a route gives another. What this Mollymawk adds stands behind.
"""

from __future__ import annotations

from typing import Any

from django.http import JsonResponse

from mollymawk.errors import ApplicationError

NOT_YOURS = "You don't have the necessary permissions to access this service."


class Stop(Exception):
    """The answer is known, and it is no success."""

    def __init__(self, status: int, data: str, title: str = "", **more: Any) -> None:
        super().__init__(data)
        self.status, self.title, self.more = status, title, more


def reply(status: int, data: Any, title: str = "", **more: Any) -> JsonResponse:
    """An answer. *more*: what scripts for the original do not look for."""
    body = {
        "status": status,
        "title": title or str(status),
        "success": 200 <= status < 300,
        "data": data,
        **more,
    }
    response = JsonResponse(body, status=status, json_dumps_params={"separators": (",", ":")})
    response.headers["Cache-Control"] = "no-store"
    # 500 is the original's word for a refusal: nothing broke here, and Django's log need not say so.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return response


def words(error: ApplicationError) -> str:
    """*error* as one text, with all its reasons."""
    fields = [f"{name}: {text}" for name, texts in error.fields.items() for text in texts]
    return " ".join([str(error), *error.reasons, *fields])


def told(error: ApplicationError) -> Stop:
    """*error* as the original would put it: 400, 404 or 500, whatever finer codes there are."""
    if error.status == 403:
        return Stop(400, f"{NOT_YOURS} {error}", **error.extra)
    return Stop(error.status if error.status in {400, 404} else 500, words(error), **error.extra)
