"""Requests made up from the description: valid ones, ones that are wrong in one place, and rubbish.

Each case is made from its own number alone, so one that fails can be made again by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from mollymawk.rest.schema import description

# What exists in the house, what nearly exists, and what has broken parsers before.
TEXTS = (
    "robur", "fra-1", "hello", "data", "builds", "alice@example.org", "latest", "10.0.0.2:80", "0", "-1",
    "true", "null", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "Europe/Berlin", "::1", "a" * 64, "ab" * 32, "a" * 300, "", " ", "\0", "\ud7ff", "\U0001f409", "../..",
    "%00", "a:b", "a\nb", "\u202e", "1e999", "٣", "[::1]:80", "http://10.0.0.2/", "http://[", "//",
)  # fmt: skip
NUMBERS = (0, 1, 2, -1, 7, 64, 255, 65_536, 2**31, 2**53, 2**63 - 1, 2**63, 10**40, 0.5, 1e308)
ODD: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"a": None})
HEADERS = {
    "If-Match": ("*", '"a"', "W/\"a\"", "", "\"a\", \"b\"", '"' + "a" * 500),
    "If-None-Match": ("*", '"a"', "", "rubbish"),
    "If-Plan-Match": ("a", '"a"', "", "0" * 32),
    "Idempotency-Key": ("a", "", "k" * 256, "a b", "\x7f"),
    "Accept": ("application/json", "text/html", "*/*;q=0", "rubbish"),
    "X-Request-ID": ("a", "a" * 65, "a b"),
    "Last-Event-ID": ("0", "1", "x", "9" * 30),
}  # fmt: skip
KINDS = (
    "application/json; charset=utf-16",
    "text/plain",
    "",
    "application/octet-stream",
    "multipart/form-data",
)
DEEP = 6


@dataclass(frozen=True, slots=True)
class Case:
    """One request."""

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def curl(self) -> str:
        """How to send it again."""
        told = "".join(f" -H {f'{name}: {value}'!r}" for name, value in self.headers.items())
        data = "" if self.body is None else f" --data-binary {self.body!r}"
        return f"curl -X {self.method.upper()}{told} -H 'Content-Type: {self.kind}'{data} {self.path}?{self.query}"


def case(random: Random, method: str, good: str, valid: Any) -> Case:
    """A request to the endpoint at *good*, an address that exists, for which *valid* is a body."""
    path, _, fixed = good.partition("?")
    if random.random() < 0.1:
        path = _bent(random, path)
    operation = described(method, good.partition("?")[0])
    query = "&".join(part for part in (fixed, urlencode(_query(random, operation), errors="replace")) if part)
    made = Case(method, path, query, headers=_headers(random))
    if method == "get":
        return made
    body, kind = _body(random, operation, valid)
    return Case(method, path, query, body, kind, made.headers)


@cache
def described(method: str, path: str) -> Mapping[str, Any]:
    """What the description says about *method* at *path*."""
    parts = path.split("/")
    templates = sorted(description()["paths"].items(), key=lambda item: item[0].count("{"))
    for template, operations in templates:
        names = template.split("/")
        pairs = zip(names, parts, strict=True) if len(names) == len(parts) else ()
        if len(names) == len(parts) and all(n == p or n.startswith("{") for n, p in pairs):
            found: Mapping[str, Any] = operations[method]
            return found
    raise LookupError(path)


def _bent(random: Random, path: str) -> str:
    """*path* with one part below the root of the API replaced."""
    parts = path.split("/")
    at = random.randrange(3, len(parts))
    parts[at] = quote(random.choice((*TEXTS, "999999", str(2**63), "0")), safe="")
    return "/".join(parts)


def _query(random: Random, operation: Mapping[str, Any]) -> dict[str, str]:
    known = [told for told in operation.get("parameters", ()) if told["in"] == "query"]
    found = {}
    for told in random.sample(known, min(len(known), random.choice((0, 0, 1, 1, 2, 3)))):
        value = made(random, told["schema"], random.choice((0.0, 0.0, 0.5)))
        found[told["name"]] = value if isinstance(value, str) else json.dumps(value)
    if random.random() < 0.05:
        found[random.choice(("x", "limit", "cursor", "dry_run", "team"))] = random.choice(TEXTS)
    return found


def _headers(random: Random) -> dict[str, str]:
    names = random.sample(list(HEADERS), random.choice((0, 0, 0, 1, 2)))
    return {name: random.choice(HEADERS[name]) for name in names}


def _body(random: Random, operation: Mapping[str, Any], valid: Any) -> tuple[bytes, str]:
    kind = "application/octet-stream" if isinstance(valid, bytes) else "application/json"
    if random.random() < 0.05:
        return random.randbytes(random.randrange(200)), random.choice((*KINDS, kind))
    if isinstance(valid, bytes):
        return bytes(_spoilt(random, valid)), kind
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if valid is not None and random.random() < 0.5:
        value = bent(random, valid)
    elif content is not None:
        value = made(random, content["schema"], random.choice((0.0, 0.1, 0.3)))
    else:
        value = random.choice((None, {}, anything(random)))
    return b"" if value is None else json.dumps(value).encode(), kind


def _spoilt(random: Random, content: bytes) -> bytearray:
    found = bytearray(content)
    for _ in range(random.choice((0, 1, 8))):
        found[random.randrange(len(found))] = random.randrange(256)
    return found[: random.choice((len(found), random.randrange(len(found) + 1)))]


def bent(random: Random, value: Any) -> Any:
    """*value* in which one thing is another."""
    if isinstance(value, dict) and value and random.random() < 0.8:
        name = random.choice(list(value))
        if random.random() < 0.1:
            return {key: inner for key, inner in value.items() if key != name}
        return value | {name: bent(random, value[name])}
    if isinstance(value, list) and value and random.random() < 0.8:
        at = random.randrange(len(value))
        return [*value[:at], bent(random, value[at]), *value[at + 1 :]]
    return anything(random)


def anything(random: Random, depth: int = 0) -> Any:
    """Any JSON."""
    what = random.randrange(8 if depth < DEEP else 5)
    if what < 2:
        return random.choice(TEXTS)
    if what < 4:
        return random.choice(NUMBERS)
    if what == 4:
        return random.choice(ODD)
    if what == 5:
        return "".join(chr(random.randrange(1, 0x2FF)) for _ in range(random.randrange(80)))
    inner = [anything(random, depth + 1) for _ in range(random.randrange(4))]
    return inner if what == 6 else {random.choice(TEXTS): one for one in inner}


def made(random: Random, schema: Mapping[str, Any], wrong: float = 0.0, depth: int = 0) -> Any:
    """A value of *schema*; each part of it is anything at all with a probability of *wrong*."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return made(random, description()["components"]["schemas"][name], wrong, depth)
    if random.random() < wrong or depth > DEEP:
        return anything(random)
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema and "properties" not in schema:  # beside properties it is a rule between them
            return made(random, random.choice(schema[several]), wrong, depth)
    if "enum" in schema:
        return random.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    kinds = schema.get("type", "string")
    kind = random.choice(kinds) if isinstance(kinds, list) else kinds
    return _MADE[kind](random, schema, wrong, depth)


def _object(random: Random, schema: Mapping[str, Any], wrong: float, depth: int) -> dict[str, Any]:
    needed = schema.get("required", ())
    found = {
        name: made(random, inner, wrong, depth + 1)
        for name, inner in schema.get("properties", {}).items()
        if name in needed or random.random() < 0.4
    }
    if isinstance(more := schema.get("additionalProperties"), dict):
        for _ in range(random.randrange(3)):
            found[random.choice(TEXTS)] = made(random, more, wrong, depth + 1)
    return found


def _array(random: Random, schema: Mapping[str, Any], wrong: float, depth: int) -> list[Any]:
    most = min(schema.get("maxItems", 3), 3)
    return [
        made(random, schema.get("items", {}), wrong, depth + 1)
        for _ in range(random.randint(min(schema.get("minItems", 0), most), most))
    ]


def _integer(random: Random, schema: Mapping[str, Any], *_: Any) -> int:
    low, high = schema.get("minimum", 0), schema.get("maximum", 2**40)
    return int(random.choice((low, high, random.randint(low, high), min(high, max(low, 1)))))


def _string(random: Random, schema: Mapping[str, Any], *_: Any) -> str:
    if given := _FORMATS.get(schema.get("format", "")):
        return random.choice(given)
    if pattern := schema.get("pattern"):
        return random.choice([text for text in TEXTS if re.search(pattern, text)] or list(TEXTS))
    low, high = schema.get("minLength", 0), schema.get("maxLength", 400)
    found = [text for text in TEXTS if low <= len(text) <= high]
    return random.choice(found)


_FORMATS: Mapping[str, tuple[str, ...]] = {
    "date-time": ("2026-01-01T00:00:00Z", "2026-11-30T05:00:00.123456+05:45", "0001-01-01T00:00:00Z"),
    "uuid": ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"),
    "time": ("22:00", "00:00", "23:59"),
    "date": ("2026-01-01", "0001-01-01"),
    "uri": ("https://example.org/", "http://10.0.0.2/x"),
    "email": ("alice@example.org", "nobody@example.org"),
}  # fmt: skip

_MADE: Mapping[str, Callable[..., Any]] = {
    "object": _object,
    "array": _array,
    "integer": _integer,
    "number": lambda random, *_: random.choice(NUMBERS),
    "string": _string,
    "boolean": lambda random, *_: random.random() < 0.5,
    "null": lambda *_: None,
}  # fmt: skip
