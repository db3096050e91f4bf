"""Long answers in pieces, under WSGI and ASGI: none is ever held in memory as a whole.

Given an ordinary iterator, Django reads all of it before it sends the first byte under ASGI. Here each
piece is read in a thread when the one before is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

from django.http import HttpRequest, StreamingHttpResponse
from rest_framework.request import Request


def download(
    request: HttpRequest | Request, pieces: Iterator[bytes], *, size: int, name: str
) -> StreamingHttpResponse:
    """The bytes of *pieces*, *size* in all, as a file called *name*."""
    headers = {
        "Content-Length": str(size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
    content = _one_by_one(pieces) if hasattr(request, "scope") else pieces
    return StreamingHttpResponse(content, content_type="application/octet-stream", headers=headers)


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    # Never closed from here: who goes away may do so while a thread is in it. The last reference closes it.
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece
