"""Following an operation: server-sent events, as they are written.

=============  ==================================================================================
``event``      one thing that happened, as in ``events`` of an operation; its ``id`` is the place
``operation``  how the operation stands: at first, and whenever that is another
``end``        the whole of it, when it has ended; nothing comes after that
=============  ==================================================================================

A stream begins with everything that happened, or behind ``Last-Event-ID``. Who reads again behind the
end is told 204, at which a browser stops asking.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial

from django.db import DatabaseError
from django.http import HttpResponseBase, StreamingHttpResponse
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from accounts.actors import Actor
from accounts.models import ApiToken, Event, User
from mollymawk.errors import Missing
from mollymawk.rest.schema import gives_stream
from unikernels.access import operation_of
from unikernels.api.base import Endpoint
from unikernels.api.operations import MAX_EVENTS, detail, event_out, summary
from unikernels.operations.feed import feed, following_now, in_thread

STILL_HERE = 15.0  # seconds of silence after which we say that we are there; proxies cut after 60 or so
LASTS = 600.0  # seconds; who reads on then is asked again who they are
MAX_FOLLOWERS = 1000  # of one process; each costs some 10 KiB and a fraction of a look
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class News:
    """What there is to tell of an operation, to somebody who knows everything up to *last*."""

    last: int
    state: str
    ended: bool
    words: str


class Progress(Endpoint):
    """The progress of one operation."""

    @gives_stream("followOperation")
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """Follow an operation.

        Events `event` (what happened; its `id` is for `Last-Event-ID`), `operation` (how it stands, whenever
        that changes) and `end` (all of it, then the stream ends). A comment comes after 15 s without news.
        After ten minutes the stream ends by itself: go on with `Last-Event-ID`.
        """
        if following_now() >= MAX_FOLLOWERS:
            raise Throttled(5)
        actor, last = self.actor, _last(request)
        first = news(actor, pk, last, "")
        if first.ended and first.last == last:
            return Response(status=204)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(
            told(actor, pk, first), content_type="text/event-stream; charset=utf-8", headers=headers
        )


async def told(actor: Actor, pk: int, found: News) -> AsyncIterator[str]:
    """The stream that begins with *found*."""
    yield f"retry: 3000\n\n{found.words}"
    until = time.monotonic() + LASTS
    with feed().following(pk) as follower:
        while not found.ended and time.monotonic() < until:
            is_new = await follower.news(STILL_HERE)
            try:
                found = await in_thread(partial(_again, actor, pk, found))
            except (Missing, DatabaseError):
                return  # whoever asks again is told why
            if words := found.words or ("" if is_new else ": still here\n\n"):
                yield words


def _again(actor: Actor, pk: int, known: News) -> News:
    return news(fresh(actor), pk, known.last, known.state)


def news(actor: Actor, pk: int, last: int, state: str) -> News:
    """What *actor* does not know yet of operation *pk*. Raises ``Missing`` when it is not theirs."""
    operation = operation_of(actor, pk)
    rows = Event.objects.filter(operation=pk, pk__gt=last).order_by("id").select_related("actor")
    events = list(rows[:MAX_EVENTS])
    stands = _json(summary(operation))
    words = [_event("event", _json(event_out(event)), event.pk) for event in events]
    ended = operation.finished_at is not None and len(events) < MAX_EVENTS
    if ended:
        words.append(_event("end", _json(detail(operation))))
    elif stands != state:
        words.append(_event("operation", stands))
    return News(events[-1].pk if events else last, stands, ended, "".join(words))


def fresh(actor: Actor) -> Actor:
    """*actor* as they are by now. Raises ``Missing`` for somebody who may not ask any more."""
    user = User.objects.filter(pk=actor.user.pk, is_active=True).first() if actor.user else None
    token = ApiToken.objects.filter(pk=actor.token.pk).select_related("team").first() if actor.token else None
    if user is None or (actor.token and not (token and token.usable)):
        raise Missing("Whoever asked may not ask any more.")
    return replace(actor, user=user, token=token)


def _json(value: object) -> str:
    return json.dumps(value, cls=JSONEncoder)


def _event(name: str, data: str, place: int | None = None) -> str:
    return (f"id: {place}\n" if place else "") + f"event: {name}\ndata: {data}\n\n"


def _last(request: Request) -> int:
    """The event behind which to go on; 0 for the beginning."""
    given = request.headers.get("Last-Event-ID", "")
    return min(int(given), MAX_ID) if given.isascii() and given.isdigit() and len(given) < 20 else 0
