"""What fires, and what fired in the last days."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from unikernels.alerts.services import alerts_of
from unikernels.pages.request import PageRequest, page
from unikernels.pages.same import same

MAX_OPEN = 200  # more are a storm: the instances tell why
MAX_OVER = 50
RECENT = timedelta(days=7)


@page
@require_GET
def alerts(request: PageRequest) -> HttpResponse:
    """Those that are open, the newest first, then those that were over in the last days."""
    found = request.frame.of_team(alerts_of(request.actor)).select_related("team")
    over = found.filter(resolved_at__gt=timezone.now() - RECENT).order_by("-resolved_at")
    context = {
        "section": "alerts",
        "open": list(found.filter(resolved_at=None)[:MAX_OPEN]),
        "over": list(over[:MAX_OVER]),
        "same": same("GET", "/alerts/?open=true", command="alerts"),
    }
    return render(request, "alerts.html", context)
