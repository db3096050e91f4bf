"""The ASGI application: Django, and beside it the console streams, which would each hold a thread there."""

from __future__ import annotations

import os
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mollymawk.settings")
django.setup(set_prefix=False)

from mollymawk.handler import Handler  # noqa: E402  # settings and models can be read only now
from unikernels.consoles import stream  # noqa: E402

# WhiteNoise's files are read at once, in a thread: they are ours, and small.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators", Warning)
_django = Handler()

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request."""
    answer = stream.application if _is_stream(scope) else _django
    await answer(scope, receive, send)


def _is_stream(scope: Scope) -> bool:
    """Whether it is ``/unikernels/<id>/console/stream``."""
    if scope["type"] != "http":
        return False
    parts = scope["path"].split("/")
    return len(parts) == 5 and parts[1] == "unikernels" and parts[3:] == ["console", "stream"]
