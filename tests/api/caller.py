"""A program that uses the API and holds every answer against the description."""

from __future__ import annotations

import functools
import json
import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.test import Client
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no stubs
from rest_framework.test import APIClient

from mollymawk.rest.schema import description


class Caller:
    """Calls as one person or program. ``answer.data`` is the body, decoded."""

    def __init__(self, client: Client, headers: dict[str, str] | None = None) -> None:
        self.client, self.headers = client, headers or {}

    def saying(self, **headers: str) -> Caller:
        """The same program, which sends these headers too (``If_Match`` is ``If-Match``)."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return Caller(self.client, self.headers | told)

    def get(self, path: str, **query: Any) -> Any:
        return self.call("get", path, None, query)

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return self.call("post", path, body, query)

    def put(self, path: str, body: Any = None, **query: Any) -> Any:
        return self.call("put", path, body, query)

    def delete(self, path: str, **query: Any) -> Any:
        return self.call("delete", path, None, query)

    def call(self, method: str, path: str, body: Any, query: dict[str, Any]) -> Any:
        """One call; *path* is told below ``/api/v1/``."""
        address = path if path.startswith(("/", "http")) else f"/api/v1/{path}"
        if query:
            address += ("&" if "?" in address else "?") + urlencode(query)
        sent: dict[str, Any] = {"headers": self.headers} if self.headers else {}
        if method != "get":
            data = "" if body is None else json.dumps(body)
            sent |= {"data": data, "content_type": "application/json"}
        answer = getattr(self.client, method)(address, **sent)
        check(method, urlsplit(address).path, answer)
        return answer


def anonymous() -> Caller:
    """Nobody in particular."""
    return Caller(APIClient())


def check(method: str, path: str, answer: Any) -> None:
    """Whether *answer* is one that the description announces."""
    operation = operation_at(method, path)
    described = operation["responses"].get(str(answer.status_code))
    assert described is not None, f"{method} {path} answers {answer.status_code}, which is not described"
    content = described.get("content")
    if content is None:
        assert answer.getvalue() == b""
        return
    kind = answer.headers["Content-Type"]
    assert kind in content, f"{kind} is not one of {list(content)}"
    if kind.endswith("json"):
        validator(_key(content[kind]["schema"])).validate(json.loads(answer.getvalue()))


@functools.lru_cache(500)
def operation_at(method: str, path: str) -> Any:
    """What the description says about *method* at *path*."""
    for template, operations in sorted(description()["paths"].items(), key=lambda item: item[0].count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            assert method in operations, f"{method} {template} is not described"
            return operations[method]
    raise AssertionError(f"{path} is not described")


def _key(schema: dict[str, Any]) -> str:
    return str(schema["$ref"])


@functools.cache
def validator(reference: str) -> Draft202012Validator:
    """What checks a body against one component."""
    return Draft202012Validator(
        {"$ref": reference, "components": description()["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
