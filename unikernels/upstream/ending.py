"""The end of an operation as the answer to the request that began it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import reverse

from mollymawk.later import Later
from unikernels.models import Operation
from unikernels.operations.machine import State
from unikernels.operations.story import verdict
from unikernels.upstream.envelope import reply

PATIENCE = 60.0  # seconds; proxies give up after that, and the operation does not need us

Tell = Callable[[Operation], HttpResponseBase]


def when_done(operation: Operation, tell: Tell) -> Later:
    """What *tell* makes of *operation* at its end; after a minute, that it goes on."""

    def look() -> HttpResponseBase | None:
        row = _row(operation.pk)
        return tell(row) if row.finished_at else None

    return Later(look, lambda: _goes_on(_row(operation.pk)), seconds=PATIENCE)


def ended(operation: Operation, status: int, data: str, title: str = "") -> HttpResponseBase:
    """The answer for an operation that ended. *outcome* is the one word that says how."""
    return reply(status, data, title, outcome=operation.state, operation=operation.pk)


def succeeded(operation: Operation) -> bool:
    """Only this is a success, whatever the original answers."""
    return operation.state == State.SUCCEEDED


def plain(done: str, failed: str) -> Tell:
    """*done* as the answer to a success, else *failed* and why."""

    def tell(operation: Operation) -> HttpResponseBase:
        if succeeded(operation):
            return ended(operation, 200, done)
        return ended(operation, 500, f"{failed}{verdict(operation).sentence}")

    return tell


def _row(pk: int) -> Operation:
    related = ("unikernel__instance", "target__build", "fallback__build")
    return Operation.objects.select_related(*related).get(pk=pk)


def _goes_on(operation: Operation) -> HttpResponseBase:
    """Neither a success nor a failure: 504, so that nobody takes it for the one."""
    where = reverse("api:operation", args=[operation.pk])
    data = f"{verdict(operation).sentence} It goes on by itself; ask {where} how it ends."
    return reply(504, data, "Still under way", outcome="running", operation=operation.pk)
