"""Django under ASGI: a fixed number of threads, and no body beyond what an image (or, where one is
uploaded, the content of a block device) needs.

Every view and middleware here is synchronous. Django's own handler hops between the event loop and a
thread for each middleware, and takes a new thread and a new database connection for each request.
Here a request makes one hop into a pool whose threads keep their connections: that costs a third of
the CPU less, and there are never more connections than threads.
"""

from __future__ import annotations

import asyncio
import contextvars
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from mollymawk.errors import problem
from mollymawk.later import LOOK_EVERY, Later
from mollymawk.streaming import in_threads

# Most requests take milliseconds. A few wait (an upload is hashed, a console is asked for, an instance
# is tested), and must not keep the others waiting.
THREADS = 16
FORM_OVERHEAD = 2**20  # bytes around an image: boundaries and fields of a form

_BLOCK_UPLOAD = re.compile(r"/(?:api/v1/)?blocks/\d+/upload/|/api/block/(?:create|upload)")

T = TypeVar("T")
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Handler(ASGIHandler):
    """Answers requests in the threads of a pool."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        self._most = settings.MAX_IMAGE_BYTES + FORM_OVERHEAD
        self._most_of_blocks = settings.MAX_BLOCK_BYTES + FORM_OVERHEAD

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; 413 when its body is announced as too large, or turns out to be."""
        if scope["type"] != "http":
            raise ValueError(f"This is answered over HTTP only, not {scope['type']}.")
        most = self._most_of_blocks if _BLOCK_UPLOAD.fullmatch(scope["path"]) else self._most
        body = _Measured(receive, most)
        if _announced(scope) <= most:
            await self.handle(scope, body.receive, send)
        else:
            body.exceeded = True
        if body.exceeded:
            await self.send_response(_too_large(most), send)

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


class _Measured:
    """A body, cut off when it is longer than *most* bytes."""

    def __init__(self, receive: Receive, most: int) -> None:
        self.exceeded = False
        self._receive, self._left = receive, most

    async def receive(self) -> Any:
        """The next message; a disconnect in place of what is too much."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left >= 0:
            return message
        self.exceeded = True
        return {"type": "http.disconnect"}


def _announced(scope: Scope) -> int:
    """The length of the body that the header tells; 0 without one."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _too_large(most: int) -> JsonResponse:
    detail = f"The body is larger than {most} bytes."
    response = JsonResponse(problem(413, "too-large", detail), status=413)
    response.headers["Content-Type"] = "application/problem+json"
    response.headers["Connection"] = "close"  # the rest of the body is not read
    return response
