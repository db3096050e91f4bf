"""The types of JSON: a number is not taken for a text, nor ``"yes"`` for true, as a query has to be read."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

_TYPES: tuple[tuple[tuple[type[Any], ...], type | tuple[type, ...], str], ...] = (
    ((serializers.CharField, serializers.ChoiceField, serializers.UUIDField), str, "This is a text."),
    ((serializers.BooleanField,), bool, "This is true or false."),
    ((serializers.IntegerField, serializers.FloatField), (int, float), "This is a number."),
)


def misfit(field: Any, value: object) -> Any:
    """What is wrong with the type of *value* (JSON) for *field*, as DRF tells errors; nothing when it fits.

    Null, what is inside of other shapes, and whether the value itself will do, is judged by the field.
    """
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        found = {str(at): misfit(field.child, inner) for at, inner in enumerate(value)}
        return {at: wrong for at, wrong in found.items() if wrong}
    for fields, types, sentence in _TYPES:
        if isinstance(field, fields) and value is not None:
            is_fitting = isinstance(value, types) and (types is bool or not isinstance(value, bool))
            return [] if is_fitting else [sentence]
    return []
