"""What all bodies and queries have in common."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from mollymawk.rest.pages import MAX_LIMIT, PAGE_LIMIT


class Strict(serializers.Serializer[Any]):
    """A body or query in which an unknown name is a mistake, not something to overlook."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            known = ", ".join(sorted(self.fields))
            raise ValidationError(
                {str(name): [f"There is no such field here; known: {known}."] for name in unknown}
            )
        return super().to_internal_value(data)


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
