"""Changes under a condition: ``If-Match`` (nobody changed it since I read it), ``If-Plan-Match`` (do
exactly what the dry run told, or nothing).

A condition is looked at after everything else that may be wrong with a request: it is rehearsed
first, so whoever may not make a change learns nothing from its conditions.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from mollymawk.errors import ApplicationError, Invalid, Missing
from mollymawk.rest.turns import alone

if TYPE_CHECKING:
    from mollymawk.rest.endpoint import Endpoint

IF_MATCH = "If-Match"
IF_PLAN_MATCH = "If-Plan-Match"

_TAG = re.compile(r'"[^"]*"')


class Stale(ApplicationError):
    """A condition of the request does not hold: what it was made for has changed."""

    status, code, exit_code = 412, "stale", 5


class Unconditional(ApplicationError):
    """A request that might overwrite what its sender never saw."""

    status, code, exit_code = 428, "condition-required", 2


def etag(data: Any, members: Collection[str] | None = None) -> str:
    """The name of *data* as it is, or of those *members* of it that count."""
    return f'"{_hash(data if members is None else {name: data[name] for name in members})}"'


def digest(endpoint: Endpoint, request: Request, told: dict[str, Any]) -> str:
    """The name of a plan: what is asked for, what would be done, and what that stands on."""
    plan = {name: value for name, value in told.items() if name != "digest"}
    query = {name: value for name, value in request.query_params.items() if name != "dry_run"}
    body = {} if _uploads(request) else request.data
    return _hash([request.method, request.path, query, body, plan, endpoint.facts])


def tagged(request: Request, response: Response, members: Collection[str] | None) -> Response:
    """*response* with its ETag; 304 in its place when whoever asks has that already."""
    if response.status_code != 200:
        return response
    tag = etag(response.data, members)
    known = request.headers.get("If-None-Match", "")
    if known.strip() == "*" or tag in _TAG.findall(known):
        return Response(status=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return response


def conditional(
    endpoint: Endpoint, request: Request, change: Callable[[], Response], *, whole: bool
) -> Response:
    """What *change* answers, when the conditions of *request* hold.

    *whole*: it replaces the whole of something, so one of them is needed. Raises ``Stale`` (412) when
    one does not hold, ``Unconditional`` (428) when there is none.
    """
    match, plan = request.headers.get(IF_MATCH), request.headers.get(IF_PLAN_MATCH)
    if match is None and plan is None and not whole:
        return change()
    if _uploads(request):
        raise Invalid("What is uploaded is sent without conditions.")
    endpoint.rehearse(change)  # who may not do it takes nobody's turn, and learns nothing
    with alone(request.path):
        return _held(endpoint, change, match, plan)


def _held(
    endpoint: Endpoint, change: Callable[[], Response], match: str | None, plan: str | None
) -> Response:
    """What *change* answers, when *match* and *plan* hold; nobody else's turn comes meanwhile."""
    if plan is not None:
        _compare_plan(endpoint, plan, endpoint.rehearse(change).data)
    elif match is None and (present := _present(endpoint)) is not None:
        raise Unconditional(
            "This replaces the whole of it: send its ETag as If-Match, or If-Match: * to do so anyway.",
            extra={"etag": present},
        )
    if match is not None:
        _compare_tag(endpoint, match)
    return change()


def _compare_plan(endpoint: Endpoint, wanted: str, told: dict[str, Any]) -> None:
    if wanted.strip().strip('"') != told["digest"]:
        raise Stale("The plan is another one by now. Look at it again.", extra={"plan": told})
    endpoint.hold_facts()


def _compare_tag(endpoint: Endpoint, wanted: str) -> None:
    present = _present(endpoint)
    if present is None or (wanted.strip() != "*" and present not in _TAG.findall(wanted)):
        raise Stale("It was changed since it was read. Read it again.", extra={"etag": present})


def _present(endpoint: Endpoint) -> str | None:
    """The ETag of what is at the address of a request now; None when there is nothing."""
    try:
        found = endpoint.present()
    except Missing:
        return None
    if "ETag" not in found.headers:
        raise Invalid("What is at this address has no ETag; a change here takes If-Plan-Match.")
    return found.headers["ETag"]


def _uploads(request: Request) -> bool:
    data: Any = request.data
    return "stream" in data or hasattr(data.get("file"), "read")


def _hash(value: Any) -> str:
    text = json.dumps(value, cls=JSONEncoder, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
