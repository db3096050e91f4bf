"""What all bodies and queries have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from mollymawk.rest.pages import MAX_LIMIT, PAGE_LIMIT
from mollymawk.rest.types import misfit

JSON = "json"  # in the context of a shape: it is a body, whose values have types of their own


class Strict(serializers.Serializer[Any]):
    """A body or query in which an unknown name is a mistake, not something to overlook.

    ``holds``: JSON Schema, for the description, of what holds between its fields.
    """

    holds: ClassVar[Mapping[str, Any]] = {}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            known = ", ".join(sorted(self.fields))
            raise ValidationError(
                {str(name): [f"There is no such field here; known: {known}."] for name in unknown}
            )
        wrong = self._misfits(data)
        try:
            found = super().to_internal_value(data)
        except ValidationError as error:
            told = error.detail if isinstance(error.detail, dict) else {}
            raise ValidationError({**told, **wrong} or error.detail) from error
        if wrong:
            raise ValidationError(wrong)
        return found

    def _misfits(self, data: Any) -> dict[str, Any]:
        """What has another type than JSON wants there, in a body."""
        if not (self.context.get(JSON) and isinstance(data, dict)):
            return {}
        found = {name: misfit(self.fields[name], value) for name, value in data.items()}
        return {name: wrong for name, wrong in found.items() if wrong}


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$"})
class NameField(serializers.CharField):
    """The name of something that stands in addresses; its service reads and judges it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=63, **options)


class NoBody(Strict):
    """For changes that need nothing but their address."""


class ChangeQuery(Strict):
    """What every change takes in its query."""

    dry_run = serializers.BooleanField(
        default=False, help_text="only tell what would happen; nothing is changed"
    )


class PageQuery(Strict):
    """What every list takes in its query."""

    limit = serializers.IntegerField(
        default=PAGE_LIMIT, min_value=1, max_value=MAX_LIMIT, help_text="how many at most"
    )
    cursor = serializers.CharField(required=False, help_text="from the link in `next`; opaque")


class Page(serializers.Serializer[Any]):
    """Some of a list; subclasses add ``items``."""

    next = serializers.URLField(allow_null=True, help_text="link to the next page; null on the last one")
