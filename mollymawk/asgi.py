"""The ASGI application: Django, and beside it the console streams, which would each hold a thread there."""

from __future__ import annotations

import gc
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mollymawk.settings")
django.setup(set_prefix=False)

from mollymawk import urls  # noqa: E402  # now, and not at the first request
from mollymawk.handler import Handler  # noqa: E402  # settings and models can be read only now
from unikernels.consoles import stream  # noqa: E402
from unikernels.metrics import processes  # noqa: E402
from unikernels.upstream import console as old_console  # noqa: E402

__all__ = ["application", "urls"]

_django = Handler()

# What is loaded by now stays as long as the process. Looking through it for garbage takes a tenth of a second,
# and one request in a hundred would wait for that.
gc.collect()
gc.freeze()
processes.begin("web")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request."""
    await _answerer(scope)(scope, receive, send)


def _answerer(scope: Scope) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The streams stand beside Django: ``/unikernels/<id>/console/stream``, and the old address of it."""
    path = scope["path"] if scope["type"] == "http" else ""
    if path == old_console.PATH:
        return old_console.application
    return stream.application if _is_stream(path) else _django


def _is_stream(path: str) -> bool:
    parts = path.split("/")
    return len(parts) == 5 and parts[1] == "unikernels" and parts[3:] == ["console", "stream"]
