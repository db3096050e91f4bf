"""Long answers in pieces, under WSGI and ASGI: none is ever held in memory as a whole.

Given an ordinary iterator, Django reads all of it before it sends the first byte under ASGI. Our
handler hands its answers through ``in_threads``: what comes next is read in a thread when what came
before is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

from django.db import close_old_connections
from django.http import HttpResponseBase, StreamingHttpResponse

AT_ONCE = 256 * 1024  # bytes that are read before they are sent; files come in pieces of 4 KiB


def download(pieces: Iterator[bytes], *, size: int, name: str) -> StreamingHttpResponse:
    """The bytes of *pieces*, *size* in all, as a file called *name*."""
    headers = {
        "Content-Length": str(size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
    return StreamingHttpResponse(pieces, content_type="application/octet-stream", headers=headers)


def in_threads(response: HttpResponseBase) -> None:
    """Have what *response* streams, if it does, read in threads."""
    if isinstance(response, StreamingHttpResponse) and not response.is_async:
        response.streaming_content = _read(iter(response))


async def _read(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    # Never closed from here: who goes away may do so while a thread is in it. The last reference closes it.
    while piece := await asyncio.to_thread(_some, pieces):
        yield piece


def _some(pieces: Iterator[bytes]) -> bytes:
    """The next of *pieces*, together with those after it that are small."""
    close_old_connections()  # some pieces are read from the database, and this thread is none of a request
    taken: list[bytes] = []
    size = 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size >= AT_ONCE:
            break
    return b"".join(taken)
