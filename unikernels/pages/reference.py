"""The reference of the API, drawn from its description: made once, since it never changes while we run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from mollymawk.errors import Missing
from mollymawk.rest.schema import NOT_BLANK, description
from unikernels.pages.request import PageRequest, page
from unikernels.pages.same import Same, same

DEEP = 4  # levels of a body that are told
TONES = {"get": "idle", "post": "ok", "put": "warn", "patch": "warn", "delete": "bad"}

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A parameter, or a member of a body or an answer. ``kind`` tells its type and limits in words."""

    name: str
    kind: str
    text: str
    needed: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What may come back."""

    status: str
    phrase: str
    text: str
    kinds: str
    tone: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method at one address."""

    name: str
    method: str
    path: str
    summary: str
    text: str
    scopes: list[str]
    parameters: list[Part]
    body: list[Part]
    body_kinds: str
    answers: list[Answer]
    same: Same
    words: str = field(repr=False)

    @property
    def tone(self) -> str:
        """Colour of the method."""
        return TONES[self.method.lower()]


@page
@require_GET
def reference(request: PageRequest) -> HttpResponse:
    """All endpoints, or those with the words of ``q``."""
    words = request.GET.get("q", "").lower().split()
    groups = {
        name: [one for one in group if all(word in one.words for word in words)]
        for name, group in grouped().items()
    }
    found = {name: group for name, group in groups.items() if group}
    context = {"q": request.GET.get("q", ""), "groups": found, "count": sum(map(len, found.values()))}
    template = "reference.html#list" if request.htmx else "reference.html"
    return render(request, template, context)


@page
@require_GET
def endpoint(request: PageRequest, name: str) -> HttpResponse:
    """One endpoint, whole."""
    found = endpoints().get(name)
    if found is None:
        raise Missing("The API has no such endpoint.")
    return render(request, "reference_endpoint.html", {"endpoint": found, "same": found.same})


@cache
def endpoints() -> dict[str, Endpoint]:
    """All of them, by name."""
    return {
        operation["operationId"]: _endpoint(path, method, operation)
        for path, methods in description()["paths"].items()
        for method, operation in methods.items()
    }


@cache
def grouped() -> dict[str, list[Endpoint]]:
    """All of them, by the first part of their address."""
    groups: dict[str, list[Endpoint]] = {}
    for one in endpoints().values():
        groups.setdefault(one.path.split("/")[3].replace("-", " "), []).append(one)
    return dict(sorted(groups.items()))


def _endpoint(path: str, method: str, operation: Schema) -> Endpoint:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    summary, text = operation["summary"], operation.get("description", "")
    return Endpoint(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=summary,
        text=text,
        scopes=[scope for way in operation["security"] for scope in way.get("token", ())],
        parameters=[_parameter(told) for told in operation.get("parameters", ()) if not _answered(told)],
        body=list(_parts(schema)) if schema else [],
        body_kinds=", ".join(content),
        answers=[_answer(status, told) for status, told in sorted(operation["responses"].items())],
        same=_same(method, path, schema, content),
        words=f"{method} {path} {summary} {text} {operation['operationId']}".lower(),
    )


def _answered(told: Schema) -> bool:
    """Whether it is a header of answers only."""
    return told["in"] == "header" and "response" in told


def _parameter(told: Schema) -> Part:
    return Part(
        told["name"],
        _kind(told["schema"]),
        _words(told),
        bool(told.get("required")),
        told["in"],
    )


def _answer(status: str, told: Schema) -> Answer:
    content = told.get("content", {})
    schema = next((kind.get("schema") for kind in content.values()), None)
    good = status.startswith(("2", "3"))
    parts = [replace(part, needed=False) for part in _parts(schema)] if schema and good else []
    tone = "ok" if good else "bad"
    return Answer(
        status, HTTPStatus(int(status)).phrase, told["description"], ", ".join(content), tone, parts
    )


def _parts(schema: Schema, prefix: str = "", depth: int = 0) -> Iterator[Part]:
    """The members of *schema*, and theirs, as ``a.b`` and ``a[].b``."""
    schema = _resolved(schema)
    for several in ("oneOf", "anyOf"):
        for one in schema.get(several, ()):
            yield from _parts(one, prefix, depth)
    if schema.get("type") == "array":
        yield from _parts(schema["items"], f"{prefix}[]", depth)
    if depth >= DEEP:
        return
    for name, inner in schema.get("properties", {}).items():
        whole = f"{prefix}.{name}" if prefix else name
        yield Part(whole, _kind(inner), _words(inner), name in schema.get("required", ()))
        yield from _parts(inner, whole, depth + 1)


def _words(told: Schema) -> str:
    """What is said of it, without the list of choices, which the type tells."""
    text: str = told.get("description", "")
    return text.partition("\n\n* `")[0]


def _resolved(schema: Schema) -> Schema:
    while reference := schema.get("$ref") or schema.get("allOf", [{}])[0].get("$ref"):
        schema = description()["components"]["schemas"][reference.rpartition("/")[2]]
    return schema


def _kind(schema: Schema) -> str:
    """The type of a value in words."""
    schema = _resolved(schema)
    if several := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(dict.fromkeys(_kind(one) for one in several))
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    kinds = schema.get("type", "anything")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if words == "array":
        return f"list of {_kind(schema['items'])}"
    limits = [text.format(json.dumps(schema[name])) for name, text in _LIMITS.items() if name in schema]
    told = ", ".join([schema.get("format", words), *limits])
    return told.replace(_LIMITS["pattern"].format(json.dumps(NOT_BLANK)), "not blank")


_LIMITS = {
    "minimum": "from {}",
    "maximum": "to {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "maxItems": "at most {}",
    "pattern": "like {}",
    "default": "else {}",
}


def _same(method: str, path: str, schema: Schema | None, content: Schema) -> Same:
    """The endpoint with curl: addresses in capitals, a body with what is needed."""
    parts = path.removeprefix("/api/v1").split("/")
    address = "/".join(part.strip("{}").upper() if part.startswith("{") else part for part in parts)
    body = _example(schema) if schema else None
    upload = "FILE" if "application/octet-stream" in content else ""
    return same(method.upper(), address, body=body, upload=upload)


def _example(schema: Schema, depth: int = 0) -> Any:
    """A body with what is needed, or with the first thing when nothing is."""
    schema = _resolved(schema)
    members = schema.get("properties", {})
    wanted = [name for name in members if name in schema.get("required", ())] or list(members)[:1]
    return {name: _value(members[name], depth) for name in wanted}


def _value(schema: Schema, depth: int) -> Any:
    schema = _resolved(schema)
    if several := schema.get("oneOf") or schema.get("anyOf"):
        return _value(several[0], depth)
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema:
        return schema["default"]
    kinds = schema.get("type", "string")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object":
        return _example(schema, depth + 1) if depth < DEEP else {}
    return {"array": [], "integer": schema.get("minimum", 1), "number": 1, "boolean": True}.get(kind, "…")
