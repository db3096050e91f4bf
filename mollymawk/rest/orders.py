"""The orders in which a list may be asked for: ``?ordering=name``, ``?ordering=-size``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rest_framework import serializers

from mollymawk.rest.pages import Key, Keyset

NAMED = "ordering"


@dataclass(frozen=True, slots=True)
class Orders:
    """What rows may be ordered by, by the names that the API gives to it; rows that are alike stand in
    the order of ``id``, rising or falling like the rest.

    A page follows by the values of these columns, so it is exact for rows whose values stay: what moves
    while it is read (a state) may be told twice or not at all.
    """

    usual: str
    keys: Mapping[str, Key]

    def field(self) -> serializers.ChoiceField:
        """What a query has for it."""
        names = [sign + name for name in self.keys for sign in ("", "-")]
        return serializers.ChoiceField(names, default=self.usual, help_text="`-` before it: falling")

    def of(self, query: Mapping[str, Any]) -> Keyset:
        """The order that a checked *query* asks for."""
        wanted = query[NAMED]
        return Keyset(tuple(self._keys(wanted)), "" if wanted == self.usual else wanted)

    def _keys(self, wanted: str) -> Iterator[Key]:
        falling, name = wanted.startswith("-"), wanted.removeprefix("-")
        yield replace(self.keys[name], falling=falling)
        if self.keys[name].column != "id":
            yield Key("id", falling=falling)


ID = Key("id")
NAME = Key("name", str)
