"""Actions of the admin that are hard to take back: asked once more, with what they would be done to."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

Action = Callable[[Any, HttpRequest, QuerySet[Any]], Any]


def asked(question: str) -> Callable[[Action], Action]:
    """An action that asks *question* and is done when the answer is yes."""

    def decorate(action: Action) -> Action:
        @wraps(action)
        def answer(site: ModelAdmin[Any], request: HttpRequest, rows: QuerySet[Any]) -> Any:
            if "confirmed" in request.POST:
                return action(site, request, rows)
            context = site.admin_site.each_context(request)
            context |= {"title": question, "rows": rows, "action": action.__name__, "opts": site.opts}
            return TemplateResponse(request, "admin/asked.html", context)

        return answer

    return decorate
