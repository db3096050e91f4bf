"""The OpenAPI description: what the endpoints say of themselves, and what holds for all of them."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from mollymawk.rest.guard import guarded, shown
from mollymawk.rest.idempotency import MAX_KEY
from mollymawk.rest.plans import PlanOut
from mollymawk.rest.shapes import ChangeQuery, Strict

NOT_BLANK = r"\S"  # a pattern
PROBLEM = "application/problem+json"

Shape = type[Serializer[Any]]
Handler = TypeVar("Handler", bound=Callable[..., Any])
Scopes = str | tuple[str, ...]

SESSION: tuple[str, ...] = ()  # no scope suffices: only people may, with a session
SCOPE = "scope"  # the attribute of a handler that tells its scopes

_making = threading.Lock()

_LOCATION = OpenApiParameter(
    name="Location",
    type=OpenApiTypes.URI,
    location=OpenApiParameter.HEADER,
    response=[202],
    description="The operation that does the change; ask it until `finished` is true.",
)

_RETRY_AFTER = OpenApiParameter(
    name="Retry-After",
    type=OpenApiTypes.INT,
    location=OpenApiParameter.HEADER,
    response=[202],
    description="Seconds after which to ask again.",
)

_TAGS = [
    OpenApiParameter(
        name="ETag",
        type=OpenApiTypes.STR,
        location=OpenApiParameter.HEADER,
        response=[200, 304],
        description="What it is called as it is now; for `If-Match` and `If-None-Match`.",
    ),
    OpenApiParameter(
        name="If-None-Match",
        type=OpenApiTypes.STR,
        location=OpenApiParameter.HEADER,
        description="An ETag: 304 without a body while it is still called so.",
    ),
]

_CONDITIONS = [
    OpenApiParameter(
        name="Idempotency-Key",
        type={"type": "string", "pattern": f"^[ -~]{{1,{MAX_KEY}}}$"},
        location=OpenApiParameter.HEADER,
        description="Asked for twice with the same key within 24 h, it is done once, and answered the same.",
    ),
    OpenApiParameter(
        name="If-Match",
        type=OpenApiTypes.STR,
        location=OpenApiParameter.HEADER,
        description="The ETag of what was read at this address: changed since, it is left alone (412).",
    ),
    OpenApiParameter(
        name="If-Plan-Match",
        type=OpenApiTypes.STR,
        location=OpenApiParameter.HEADER,
        description="The `digest` of a plan: exactly that is done, or nothing (412, with the new `plan`).",
    ),
]

_PROBLEMS = {
    "400": "What was sent cannot be understood.",
    "401": "No credential, or none that is valid.",
    "403": "Known, but the role or the token does not suffice; `scope` tells which one a token lacks.",
    "404": "Not there, or not yours.",
    "405": "This address does not take this method.",
    "409": "Another operation is under way, or the thing has changed.",
    "411": "The length of the body is not told.",
    "412": "A condition does not hold: it was changed since it was read, or the plan is another one.",
    "413": "The body is too large.",
    "415": "The body has a type that this address does not read.",
    "422": "Understood and allowed, but it would not work; `errors` says why.",
    "428": "It replaces the whole of something: say with `If-Match` which state of it was read.",
    "429": "Too many requests; `Retry-After` tells the seconds to wait.",
    "502": "An instance, or what tells about it, did not do its part.",
}
_OF_READS = ("400", "401", "403", "404", "405", "429", "502")
_OF_QUESTIONS = (*_OF_READS, "409", "422")  # to somebody else: he may not know, or have too much to do

_PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem details. Some problems have further members.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "tells the kinds apart"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "a sentence for the reader"},
        "scope": {
            "type": "string",
            "description": "the scope that the token lacks; one of several is enough",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "the field, a/b for b in a"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


class EndpointSchema(AutoSchema):
    """Shapes that are nested in their endpoint are named after both."""

    def get_serializer_name(self, serializer: Serializer[Any], direction: str) -> str:
        return type(serializer).__qualname__.replace(".", "")

    def get_summary(self) -> str:
        return self._words()[0]

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular calls it without more
        return self._words()[1]

    def get_auth(self) -> list[dict[str, list[str]]]:
        """A token with one of the scopes that the handler states, or a session."""
        found: list[dict[str, list[str]]] = []
        for entry in super().get_auth():
            scopes = stated(getattr(self.view, self.method.lower())) or ()
            found += [{"token": [scope]} for scope in scopes] if "token" in entry else [entry]
        return found

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        """What is read is strict: no other fields, and what its shape says of them together."""
        found: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        made = force_instance(serializer)
        if isinstance(made, Strict):
            return found | {"additionalProperties": False} | dict(made.holds)
        return found

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        """A text that is read and may not be blank holds more than white space."""
        found = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        is_text = isinstance(field, serializers.CharField) and isinstance(field.root, Strict)
        is_text = is_text and not isinstance(field, serializers.RegexField)  # which tells its own pattern
        return {"pattern": NOT_BLANK} | found if is_text and not field.allow_blank else found

    def _words(self) -> tuple[str, str]:
        """The first line of a handler's docstring, and the rest of it."""
        handler = getattr(self.view, self.method.lower())
        first, _, rest = inspect.cleandoc(handler.__doc__ or "").partition("\n")
        return first.rstrip("."), rest.strip()


class BearerScheme(OpenApiAuthenticationExtension):
    """How the description shows API tokens."""

    target_class = "accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token: `Authorization: Bearer mm_…`. Each operation names the scope that it needs.",
        }


def stated(handler: Any) -> tuple[str, ...] | None:
    """The scopes of which a token needs one for *handler*; None when it states none."""
    found: tuple[str, ...] | None = getattr(handler, SCOPE, None)
    return found


def states(scope: Scopes | None, handler: Handler) -> Handler:
    """*handler*, which states *scope*."""
    if scope is not None:
        setattr(handler, SCOPE, (scope,) if isinstance(scope, str) else scope)
    return handler


def reads(
    name: str,
    *,
    answer: Shape,
    scope: Scopes | None = "read",
    query: Shape | None = None,
    waits: Shape | None = None,
    tag: Collection[str] | bool = False,
) -> Callable[[Handler], Handler]:
    """Describe a handler that changes nothing. *waits*: what it answers while somebody else is asked.

    *tag*: the members of the answer by which one sees whether it was changed, or all; it has an ETag.
    *scope*: what a token needs, or several of which one is enough, or ``SESSION``.
    """
    responses = {200: OpenApiResponse(answer, description="What was asked for.")}
    parameters: list[Any] = [query] if query else []
    if waits:
        responses[202] = OpenApiResponse(waits, description="There is no answer yet; ask again.")
        parameters.append(_RETRY_AFTER)
    if tag is False:
        describe = extend_schema(operation_id=name, parameters=parameters, responses=responses)
        return lambda handler: states(scope, describe(handler))
    responses[304] = OpenApiResponse(None, description="It is as it was: the ETag of `If-None-Match`.")
    describe = extend_schema(operation_id=name, parameters=[*parameters, *_TAGS], responses=responses)
    return lambda handler: states(scope, describe(shown(handler, None if tag is True else tag)))


def gives_file(
    name: str,
    *,
    scope: Scopes,
    query: Shape | None = None,
    kinds: Iterable[str] = ("application/octet-stream",),
) -> Callable[[Handler], Handler]:
    """Describe a handler that answers with the bytes of a file, of one of *kinds* (media types)."""
    answer = OpenApiResponse(OpenApiTypes.BINARY, description="The bytes, as a file.")
    describe = extend_schema(
        operation_id=name,
        parameters=[query] if query else [],
        responses={(200, kind): answer for kind in kinds},
    )
    return lambda handler: states(scope, describe(handler))


def gives_stream(name: str) -> Callable[[Handler], Handler]:
    """Describe a handler that answers with server-sent events."""
    last = OpenApiParameter(
        name="Last-Event-ID",
        type=OpenApiTypes.STR,
        location=OpenApiParameter.HEADER,
        description="The `id` of the last event that was read: the stream goes on behind it.",
    )
    describe = extend_schema(
        operation_id=name,
        parameters=[last],
        responses={
            (200, "text/event-stream; charset=utf-8"): OpenApiResponse(
                OpenApiTypes.STR, description="Events, as they are written."
            ),
            204: OpenApiResponse(None, description="It has ended, and everything was read."),
        },
    )
    return lambda handler: states("read", describe(handler))


def changes(
    name: str,
    *,
    answer: Shape | None,
    scope: Scopes | None = None,
    body: Any = None,
    status: int = 200,
    query: Shape = ChangeQuery,
    whole: bool = False,
) -> Callable[[Handler], Handler]:
    """Describe a handler that changes something and answers *status* with *answer*; with
    ``?dry_run=true`` it answers 200 with a plan. *whole*: it replaces the whole of what is there.
    *scope*: what a token needs, or several of which one is enough, or ``SESSION``.
    """
    what = {
        200: "The change is done.",
        201: "It is made.",
        202: "An operation is under way.",
        204: "It is gone.",
    }
    responses = {status: OpenApiResponse(answer, description=what[status])}
    if status == 200 and answer is not None:
        either = PolymorphicProxySerializer(
            component_name=f"{answer.__name__}OrPlan",
            serializers=[answer, PlanOut],
            resource_type_field_name=None,
        )
        responses[200] = OpenApiResponse(either, description=f"{what[200]} With `dry_run`, the plan.")
    else:
        responses[200] = OpenApiResponse(
            PlanOut, description="The plan, as asked by `dry_run`: nothing was changed."
        )
    describe = extend_schema(
        operation_id=name,
        parameters=[query, *_CONDITIONS, *([_LOCATION] if status == 202 else [])],
        request=body,
        responses=responses,
    )
    return lambda handler: states(scope, describe(guarded(handler, whole=whole)))


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of the generator: every operation tells in which shape it fails."""
    result["components"]["schemas"]["Problem"] = _PROBLEM_SCHEMA
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for method, operation in operations.items():
            _keep_conditions(operation, tagged="ETag" in _headers(operations.get("get", {})))
            for status in _failures(method, operation["responses"]):
                answer = {"description": _PROBLEMS[status], "content": content}
                operation["responses"].setdefault(status, answer)
    return result


def _headers(operation: dict[str, Any]) -> dict[str, Any]:
    """The headers of what *operation* answers when it goes well."""
    found: dict[str, Any] = operation.get("responses", {}).get("200", {}).get("headers", {})
    return found


def _keep_conditions(operation: dict[str, Any], *, tagged: bool) -> None:
    """Leave only the conditions that can be met: what has no ETag is not matched, nor what is uploaded."""
    kinds = operation.get("requestBody", {}).get("content", {})
    vain = {"If-Plan-Match"} if list(kinds) == ["application/octet-stream"] else set()
    vain |= set() if tagged else {"If-Match"}
    if "parameters" in operation:
        operation["parameters"] = [one for one in operation["parameters"] if one["name"] not in vain]


def _failures(method: str, responses: Collection[str]) -> Iterable[str]:
    if method != "get":
        return _PROBLEMS
    return _OF_QUESTIONS if "202" in responses else _OF_READS


def description() -> dict[str, Any]:
    """The whole description; made once, since the endpoints do not change while we run."""
    with _making:  # two threads that make it at the same moment get in each other's way
        return _described()


@functools.cache
def _described() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


class Description(APIView):
    """The OpenAPI 3.1 description of this API, as JSON."""

    schema = None  # does not describe itself
    http_method_names = ["get", "head"]
    permission_classes = [permissions.AllowAny]
    authentication_classes = []

    def get(self, request: Request) -> Response:
        return Response(description())
