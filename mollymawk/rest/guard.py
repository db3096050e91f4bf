"""What stands around every handler: a change is made once and under its conditions, an answer has its ETag."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from rest_framework.fields import BooleanField
from rest_framework.request import Request
from rest_framework.response import Response

from mollymawk.rest.conditions import conditional, digest, tagged
from mollymawk.rest.idempotency import key_of, once

if TYPE_CHECKING:
    from mollymawk.rest.endpoint import Endpoint

Handler = TypeVar("Handler", bound=Callable[..., Any])


def shown(handler: Handler, members: Collection[str] | None) -> Handler:
    """*handler*, which reads, with the ETag of what it answers: of those *members*, or of all."""

    @wraps(handler)
    def answer(endpoint: Endpoint, request: Request, *args: Any, **kwargs: Any) -> Response:
        return tagged(request, handler(endpoint, request, *args, **kwargs), members)

    return cast("Handler", answer)


def guarded(handler: Handler, *, whole: bool) -> Handler:
    """*handler*, which changes: rehearsed, or done once and under the conditions of the request."""

    @wraps(handler)
    def answer(endpoint: Endpoint, request: Request, *args: Any, **kwargs: Any) -> Response:
        def change() -> Response:
            response: Response = handler(endpoint, request, *args, **kwargs)
            if isinstance(response.data, dict) and response.data.get("dry_run") is True:
                response.data["digest"] = digest(endpoint, request, response.data)
            return response

        key_of(request)  # a dry run refuses what the change would
        if request.query_params.get("dry_run", "").lower() in BooleanField.TRUE_VALUES:
            return change()
        return once(request, lambda: conditional(endpoint, request, change, whole=whole))

    return cast("Handler", answer)
