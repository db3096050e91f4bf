"""Rows of any model, made of nothing but its fields; every text whose name announces a secret is a canary."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, time
from itertools import count
from typing import Any

from django.db import models
from django.db.models import Model

CANARY = "canary0f"
_SECRET = re.compile(r"secret|sealed|password|_hash$|private|pepper|session_key", re.IGNORECASE)
# What constraints of the database ask for beyond each field.
_EXCEPTIONS: dict[str, dict[str, Any]] = {"Letter": {"address": ""}}
_AT = datetime(2026, 11, 30, tzinfo=UTC)

_numbers = count(1)


def secret_columns(model: type[Model]) -> list[str]:
    """The columns of *model* in which a canary is put."""
    return [field.name for field in _fields(model) if _is_secret(field)]


def make(model: type[Model], given: dict[type[Model], Model] | None = None) -> Model:
    """A new row of *model* with every column filled, and with rows for it to refer to.

    *given*: rows to refer to, by their model, unless each may be referred to once.
    """
    number = next(_numbers)
    values = {field.name: _value(field, number, given or {}) for field in _fields(model)}
    row = model(**values | _EXCEPTIONS.get(model.__name__, {}))
    row.save_base(raw=True, force_insert=True)
    return row


def _fields(model: type[Model]) -> list[Any]:
    made_here = [f for f in model._meta.concrete_fields if not isinstance(f, models.AutoField)]
    return [f for f in made_here if not getattr(f, "generated", False)]


def _is_secret(field: Any) -> bool:
    if field.model.__name__ == "Authenticator" and field.name == "data":
        return True
    return isinstance(field, models.CharField | models.TextField) and bool(_SECRET.search(field.name))


def _value(field: Any, number: int, given: dict[type[Model], Model]) -> Any:
    if field.is_relation:
        return _referred(field, given)
    if _is_secret(field):
        return {"secret": CANARY} if isinstance(field, models.JSONField) else _cut(field, f"{CANARY}{number}")
    if field.choices and not field.unique:
        return next(value for value, _ in field.flatchoices)
    if isinstance(field, models.JSONField):
        return field.get_default() if field.has_default() else {}
    return _plain(field, number)


def _plain(field: Any, number: int) -> Any:
    """Tried in order: subclasses of a field come before it."""
    kinds: list[tuple[Any, Any]] = [
        (models.EmailField, f"u{number}@example.org"),
        (models.GenericIPAddressField, "192.0.2.1"),
        (models.CharField | models.TextField, _cut(field, f"{number}")),
        (models.BooleanField, False),
        (models.UUIDField, uuid.UUID(int=number)),
        (models.IntegerField, min(number, 30_000)),
        (models.FloatField, 1.0),
        (models.DateTimeField, _AT),
        (models.DateField, _AT.date()),
        (models.TimeField, time(8)),
        (models.BinaryField, b""),
    ]
    return next(value for kind, value in kinds if isinstance(field, kind))


def _cut(field: Any, text: str) -> str:
    return text[: field.max_length] if field.max_length else text


def _referred(field: Any, given: dict[type[Model], Model]) -> Any:
    target = field.related_model
    once = field.unique or any(field.name in names for names in _unique_together(field.model))
    if target in given and not once:
        return given[target]
    if target is field.model:
        return None
    # Not in a circle: what is being made stands for itself where it may be missing.
    if field.null and (target in _making or (not once and len(_making) > 2)):
        return None
    _making.append(target)
    try:
        made = make(target, given)
    finally:
        _making.pop()
    if not once:
        given[target] = made
    return made


_making: list[Any] = []


def _unique_together(model: type[Model]) -> list[tuple[str, ...]]:
    unique = [c for c in model._meta.constraints if isinstance(c, models.UniqueConstraint)]
    return [tuple(c.fields) for c in unique] + list(model._meta.unique_together)
