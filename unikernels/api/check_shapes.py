"""Checks in the API: what is sent, and how they are told."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from mollymawk.errors import Invalid
from mollymawk.rest.shapes import Strict
from unikernels.checks.services import (
    MAX_NAME,
    MAX_SECONDS,
    MIN_SECONDS,
    Found,
    Span,
    history,
    told_of,
    uptime,
)
from unikernels.checks.settings import TYPES, parse
from unikernels.models import Check, CheckResult

MAX_SPANS = 50  # ups and downs that are told
_TEXT = {"type": "string"}


def _shape(description: str, required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }


_SHAPES = {
    "http": _shape(
        "http: GET a URL. Good is a status in the range, and the text in the body.",
        ["url"],
        url=_TEXT | {"pattern": "^https?://", "description": "without user and password"},
        connect={"type": ["string", "null"], "description": "IP address to connect to instead"},
        status={
            "type": "array",
            "items": {"type": "integer", "minimum": 100, "maximum": 599},
            "minItems": 2,
            "maxItems": 2,
            "default": [200, 399],
            "description": "lowest and highest",
        },
        text=_TEXT | {"default": "", "description": "a part of the body; empty: any body"},
        verify={"type": "boolean", "default": True, "description": "check the certificate"},
    ),
    "dns": _shape(
        "dns: ask a server, by UDP and then TCP. Good is a record, and the answer among them.",
        ["server", "name"],
        server=_TEXT | {"description": "host:port"},
        name=_TEXT,
        type={"type": "string", "enum": list(TYPES), "default": "A"},
        answer=_TEXT | {"default": "", "description": "empty: any answer"},
    ),
    "tcp": _shape(
        "tcp: good is that a connection is taken.", ["address"], address=_TEXT | {"pattern": ":[0-9]+$"}
    ),
}

SETTINGS_SCHEMA: dict[str, Any] = {
    "description": "What is asked, and what is good; by the kind of the check.",
    "oneOf": list(_SHAPES.values()),
}


@extend_schema_field(SETTINGS_SCHEMA)
class SettingsField(serializers.DictField):
    """The JSON form of ``checks.settings``, which reads and judges it together with the kind."""

    def to_representation(self, value: Any) -> Any:
        return value


class CheckWords(Strict):
    """What is asked."""

    kind = serializers.ChoiceField(Check.Kind.values)
    settings = SettingsField()
    holds = {
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}}, "then": {"properties": {"settings": shape}}}
            for kind, shape in _SHAPES.items()
        ]
    }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            parse(attrs["kind"], attrs["settings"])
        except Invalid as error:
            raise ValidationError({"settings": error.fields}) from error
        return attrs


class CheckIn(CheckWords):
    """A check, the whole of it."""

    name = serializers.CharField(max_length=MAX_NAME)
    seconds = serializers.IntegerField(
        default=60, min_value=MIN_SECONDS, max_value=MAX_SECONDS, help_text="between two rounds"
    )


class CheckOut(serializers.Serializer[Any]):
    """A check, and how it stands."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(Check.Kind.values)
    settings = SettingsField()
    told = serializers.CharField(help_text="what is asked and what for, in one line")
    seconds = serializers.IntegerField(help_text="between two rounds")
    state = serializers.ChoiceField(Check.State.values)
    since = serializers.DateTimeField(help_text="how long it is in this state")
    failures = serializers.IntegerField(help_text="conclusive ones in a row, up to now")
    due_at = serializers.DateTimeField(help_text="when it is asked next")


class SpanOut(serializers.Serializer[Any]):
    """A time through which it stood the same."""

    state = serializers.ChoiceField(Check.State.values)
    began = serializers.DateTimeField()
    ended = serializers.DateTimeField(allow_null=True, help_text="null: how it stands now")
    text = serializers.CharField(help_text="what began it")


class UptimeOut(serializers.Serializer[Any]):
    """The share of time in which it was up, 0 to 1, as far as that was known; null: never known."""

    day = serializers.FloatField(allow_null=True)
    week = serializers.FloatField(allow_null=True)
    month = serializers.FloatField(allow_null=True)


class CheckDetail(CheckOut):
    """A check with its history."""

    history = SpanOut(many=True)
    uptime = UptimeOut()


class ResultOut(serializers.Serializer[Any]):
    """One try. Inconclusive: we could not ask, which says nothing about the unikernel."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(CheckResult.Outcome.values)
    latency = serializers.FloatField(help_text="seconds")
    text = serializers.CharField()
    operation = serializers.IntegerField(allow_null=True, help_text="null: a scheduled round")


class FoundOut(serializers.Serializer[Any]):
    """What one try found; it is kept nowhere."""

    outcome = serializers.ChoiceField(CheckResult.Outcome.values)
    latency = serializers.FloatField(help_text="seconds")
    text = serializers.CharField()


def show(check: Check) -> dict[str, Any]:
    """A check, as the API tells it."""
    return {
        "id": check.pk,
        "name": check.name,
        "kind": check.kind,
        "settings": check.settings,
        "told": told_of(check),
        "seconds": check.seconds,
        "state": check.state,
        "since": check.state_since,
        "failures": check.failures,
        "due_at": check.due_at,
    }


def show_whole(check: Check) -> dict[str, Any]:
    """A check with its history."""
    return show(check) | {
        "history": [_span(span) for span in history(check, MAX_SPANS)],
        "uptime": {
            "day": uptime(check, 1),
            "week": uptime(check, 7),
            "month": uptime(check, 30),
        },
    }


def show_result(result: CheckResult) -> dict[str, Any]:
    """One try, as the API tells it."""
    return {
        "id": result.pk,
        "at": result.at,
        "outcome": result.outcome,
        "latency": result.latency,
        "text": result.text,
        "operation": result.operation_id,
    }


def show_found(found: Found) -> dict[str, Any]:
    """What one try found, as the API tells it."""
    return {"outcome": found.outcome, "latency": found.latency, "text": found.text}


def _span(span: Span) -> dict[str, Any]:
    return {"state": span.state, "began": span.began, "ended": span.ended, "text": span.text}
