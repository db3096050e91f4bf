"""Fields that several endpoints read or describe."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from albatross.errors import NameInvalid
from albatross.messages import MAX_INT
from albatross.names import parse_label
from mollymawk.errors import Invalid
from unikernels.configuration import (
    MAX_ARGUMENT_BYTES,
    MAX_ARGUMENTS,
    MAX_CPUS,
    MAX_DEVICES,
    MAX_MEMORY,
    MAX_SECTOR,
    MIN_MEMORY,
    parse,
)
from unikernels.configuration import Configuration as Value
from unikernels.operations.plan import FAILING_CHECKS, NEW_ABI, NO_WAY_BACK

ACCEPTS = [NO_WAY_BACK, NEW_ABI, FAILING_CHECKS]

_DEVICE = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
_DEVICES = {
    "type": "object",
    "maxProperties": MAX_DEVICES,
    "propertyNames": {"minLength": 1, "maxLength": 255},
}

CONFIGURATION_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Everything but the image. What is left out takes its default.",
    "additionalProperties": False,
    "properties": {
        "memory": {
            "type": "integer",
            "minimum": MIN_MEMORY,
            "maximum": MAX_MEMORY,
            "default": 32,
            "description": "MB",
        },
        "cpuids": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": MAX_CPUS - 1},
            "minItems": 1,
            "default": [0],
        },
        "arguments": {
            "type": "array",
            "items": {"type": "string", "maxLength": MAX_ARGUMENT_BYTES},
            "maxItems": MAX_ARGUMENTS,
            "description": "Stored encrypted; viewers see them masked.",
        },
        "networks": _DEVICES
        | {
            "description": "From network device of the image to bridge of the host; null: the same name.",
            "additionalProperties": {
                "oneOf": [
                    _DEVICE,
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "bridge": _DEVICE,
                            "mac": {
                                "type": ["string", "null"],
                                "pattern": "^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){5}$",
                            },
                        },
                    },
                ]
            },
        },
        "blocks": _DEVICES
        | {
            "description": "From block device of the image to block device of the team; null: the same name.",
            "additionalProperties": {
                "oneOf": [
                    _DEVICE,
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "device": _DEVICE,
                            "sector_size": {
                                "type": ["integer", "null"],
                                "minimum": 1,
                                "maximum": MAX_SECTOR,
                            },
                        },
                    },
                ]
            },
        },
        "restart": {
            "description": "When the process ends: never, always, or on these exit codes.",
            "oneOf": [
                {"type": "string", "enum": ["never", "always"]},
                {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}, "minItems": 1},
            ],
        },
        "startup": {
            "type": ["integer", "null"],
            "minimum": -MAX_INT,
            "maximum": MAX_INT,
            "description": "Order of start at boot of the host.",
        },
        "add_name": {"type": "boolean", "default": True, "description": "Pass --name to the unikernel."},
        "may_exit": {
            "type": "boolean",
            "default": False,
            "description": "A batch job: ending is no failure.",
        },
        "numcpus": {"type": "integer", "minimum": 1, "maximum": MAX_CPUS, "default": 1},
    },
}


@extend_schema_field(CONFIGURATION_SCHEMA)
class ConfigurationField(serializers.Field[Value, Any, Any, Any]):
    """The JSON form of ``unikernels.configuration``, which reads and judges it."""

    def to_internal_value(self, data: Any) -> Value:
        if not isinstance(data, dict):
            raise ValidationError("This is an object.")
        try:
            return parse(data)
        except Invalid as error:
            raise ValidationError(dict(error.fields)) from error

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field({"type": "string", "maxLength": 63, "pattern": "^[A-Za-z0-9.][A-Za-z0-9.-]{0,62}$"})
class LabelField(serializers.CharField):
    """A label of Albatross, in lower case."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=63, **options)

    def to_internal_value(self, data: Any) -> str:
        try:
            return parse_label(super().to_internal_value(data))
        except NameInvalid as error:
            raise ValidationError(f"{error}") from error


class DigestField(serializers.RegexField):
    """A SHA-256 in hexadecimal, of the uncompressed image."""

    def __init__(self, **options: Any) -> None:
        super().__init__(r"\A[0-9a-f]{64}\Z", **options)


class AcceptField(serializers.ListField):
    """The codes of questions that a person said yes to."""

    def __init__(self) -> None:
        super().__init__(child=serializers.ChoiceField(ACCEPTS), default=list)
