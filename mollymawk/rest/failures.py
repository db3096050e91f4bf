"""What goes wrong before or beside an endpoint: on a page a page, in the API a problem."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from mollymawk.errors import problem

API = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for a request that Django itself refuses: unknown host, too many fields, a broken form."""
    if not request.path.startswith(API):
        return defaults.bad_request(request, exception)
    return _problem(400, "invalid", "This request is refused: it is malformed, or meant for another host.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500 for what nobody expected; it is in the log."""
    if not request.path.startswith(API):
        return defaults.server_error(request)
    return _problem(500, "error", "Something went wrong here. It is noted in the log of the server.")


def _problem(status: int, code: str, detail: str) -> HttpResponse:
    return JsonResponse(problem(status, code, detail), status=status, content_type="application/problem+json")
