"""Actions of the admin: done to each of the rows, and asked once more when they are hard to take back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from accounts.actors import Actor
from accounts.requests import actor_of
from mollymawk.errors import ApplicationError, Unproven

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


def each(
    site: ModelAdmin[Any], request: HttpRequest, rows: QuerySet[Any], change: Callable[[Actor, Any], Any]
) -> None:
    """Do *change* to each of *rows* and tell which ones it was refused for."""
    actor, done = actor_of(request), 0
    for row in rows:
        try:
            change(actor, row)
        except Unproven:
            raise  # accounts.proof asks for the proof
        except ApplicationError as error:
            site.message_user(request, f"{row}: {error}", messages.ERROR)
        else:
            done += 1
    site.message_user(request, f"{done} done.", messages.SUCCESS if done else messages.WARNING)
