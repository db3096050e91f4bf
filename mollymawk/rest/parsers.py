"""How bodies are read: JSON with a limit, images and contents of block devices as a stream."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework import parsers
from rest_framework.exceptions import APIException, ParseError

# The largest honest body is an instance with three PEM texts (some 30 kB) or a unikernel with its
# arguments (the wire takes less than 64 kB); what is larger is a mistake or an attack on our memory.
MAX_JSON_BYTES = 1024 * 1024

MAX_WHOLE = 2**53  # beyond it a number with a point cannot tell which whole number is meant

_CHUNK = 256 * 1024  # bytes of an image that are held at a time


class TooLarge(APIException):
    """The body is larger than this endpoint reads."""

    status_code = 413
    default_code = "too-large"


class LengthRequired(APIException):
    """A stream whose length is not told beforehand."""

    status_code = 411
    default_code = "length-required"


class JSONParser(parsers.BaseParser):
    """JSON in UTF-8, at most ``MAX_JSON_BYTES``; an object, since every body here is one."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        raw = stream.read(MAX_JSON_BYTES + 1)
        if len(raw) > MAX_JSON_BYTES:
            raise TooLarge(f"The body is larger than {MAX_JSON_BYTES} bytes.")
        try:
            value = json.loads(raw, parse_constant=_refuse_constant, parse_float=_number)
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}.") from None
        if not isinstance(value, dict):
            raise ParseError("The body must be a JSON object.")
        return value


def _number(text: str) -> int | float:
    """A number with a point. ``1.0`` is whole, as it is for JSON Schema."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < MAX_WHOLE else number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class ImageParser(parsers.BaseParser):
    """An image as the body itself, streamed to a file in the spool: ``{"file": file}``."""

    media_type = "application/octet-stream"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        # Closed, and so removed, when the request is answered, whether or not anybody came to read it.
        file = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - read by the service
        (parser_context or {})["view"].opened.enter_context(file)
        size = 0
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > settings.MAX_IMAGE_BYTES:
                file.close()
                raise TooLarge(f"An image has at most {settings.MAX_IMAGE_BYTES} bytes.")
            file.write(chunk)
        file.seek(0)
        return {"file": file}


class StreamParser(parsers.BaseParser):
    """Bytes of any length as the body itself, read by who asks for them: ``{"stream": stream}``."""

    media_type = "application/octet-stream"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        return {"stream": stream}
