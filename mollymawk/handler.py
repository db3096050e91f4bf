"""Django under ASGI: a fixed number of threads, and no body beyond what its address needs (``bodies``).

Every view and middleware here is synchronous. Django's own handler hops between the event loop and a
thread for each middleware, and takes a new thread and a new database connection for each request.
Here a request makes one hop into a pool whose threads keep their connections: that costs a third of
the CPU less, and there are never more connections than threads.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase

from mollymawk.bodies import Failure, Measured, announced, room, too_large
from mollymawk.later import LOOK_EVERY, Later
from mollymawk.streaming import in_threads

# Most requests take milliseconds. A few wait (an upload is hashed, a console is asked for, an instance
# is tested), and must not keep the others waiting.
THREADS = 16

T = TypeVar("T")
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Handler(ASGIHandler):
    """Answers requests in the threads of a pool."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; 413 when its body is announced as too large, or turns out to be; 408 when
        it comes too slowly.
        """
        if scope["type"] != "http":
            raise ValueError(f"This is answered over HTTP only, not {scope['type']}.")
        most = room(scope)
        failure: Failure | None = too_large(most)
        if announced(scope) <= most:
            body = Measured(receive, most)
            await self.handle(scope, body.receive, send)
            failure = body.failure
        if failure is not None:
            await self.send_response(failure.response(), send)

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await self._in_thread(lambda: self.get_response(request))
        while isinstance(response, Later):
            await asyncio.sleep(LOOK_EVERY)
            found = await self._in_thread(response.answer)
            response = response if found is None else found
        in_threads(response)
        return response

    async def _in_thread(self, work: Callable[[], T]) -> T:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, context.run, connected, work)


def connected(work: Callable[[], T]) -> T:
    """*work* in a thread of ours that keeps its connection to the database, as long as it is good."""
    # Django does this at the signals of a request, which are sent in other threads.
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()
