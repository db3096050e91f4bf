"""Every error of the API in one shape: RFC 9457 problem details."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from mollymawk.errors import ApplicationError, problem
from mollymawk.gone import told


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every error of the API in one shape."""
    if isinstance(error, (ApplicationError, IntegrityError)):
        error = told(error)
        errors = [{"detail": text} for text in error.reasons]
        errors += [
            {"pointer": name, "detail": text} for name, texts in error.fields.items() for text in texts
        ]
        body = problem(error.status, error.code, str(error), errors=errors, **error.extra)
        return Response(body, status=error.status, content_type="application/problem+json")
    response = exception_handler(error, context)
    if response is not None:
        response.data = _from_framework(error, response)
        response.content_type = "application/problem+json"
    return response


def _from_framework(error: Exception, response: Response) -> dict[str, Any]:
    status = response.status_code
    if isinstance(error, exceptions.ValidationError):
        return problem(400, "invalid", "Some fields are wrong.", errors=list(_flat(error.detail)))
    if isinstance(error, Http404):
        return problem(404, "not-found", "There is nothing here, or it is not yours.")
    if isinstance(error, PermissionDenied):
        return problem(403, "forbidden", str(error) or "This is not allowed.")
    if isinstance(error, exceptions.APIException):
        return problem(status, str(error.default_code).replace("_", "-"), str(error.detail))
    return problem(status, "error", "The request failed.")


def _flat(detail: Any, pointer: str = "") -> Any:
    if isinstance(detail, dict):
        for name, value in detail.items():
            yield from _flat(value, "/".join(part for part in (pointer, _name(name)) if part))
    elif isinstance(detail, list):
        for value in detail:
            yield from _flat(value, pointer)
    else:
        yield {"pointer": pointer, "detail": str(detail)}


def _name(field: object) -> str:
    """*field*, or nothing when the whole of it is meant."""
    return "" if field == api_settings.NON_FIELD_ERRORS_KEY else str(field)
