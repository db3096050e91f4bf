"""Every route that Django answers, found by walking its URL resolver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern

_CONVERTED = re.compile(r"<(?:\w+:)?(\w+)>")
_GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")


@dataclass(frozen=True)
class Found:
    """A route as it is written, ``teams/<name>/``, its name, and what answers it."""

    route: str
    name: str
    callback: Any

    @property
    def parameters(self) -> list[str]:
        """The names of what stands in the address."""
        return _CONVERTED.findall(self.route)

    def address(self, values: dict[str, Any]) -> str:
        """The address with *values* in it."""
        return "/" + _CONVERTED.sub(lambda name: str(values[name[1]]), self.route)


def routes() -> list[Found]:
    """All of them."""
    return list(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[Any], before: str) -> Iterator[Found]:
    for each in patterns:
        route = before + _plain(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, route)
        else:
            assert isinstance(each, URLPattern)
            yield Found(route, each.name or "", each.callback)


def _plain(pattern: Any) -> str:
    """A pattern without the types of its parameters; of an expression only its groups are kept."""
    if isinstance(pattern, RoutePattern):
        return _CONVERTED.sub(r"<\1>", str(pattern))
    assert isinstance(pattern, RegexPattern)
    text = str(pattern)
    return _GROUP.sub(r"<\1>", text).removeprefix("^").removesuffix("$")
