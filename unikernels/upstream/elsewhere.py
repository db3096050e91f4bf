"""Old addresses that are not answered here any more."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from unikernels.upstream.envelope import reply

GONE = "This is not offered here. See /api/v1/schema/ for what is."


@csrf_exempt
def missing(request: HttpRequest) -> HttpResponseBase:
    """404 in the envelope. The original answers 400 with a page."""
    return reply(404, GONE)
