"""The bytes of a build: streamed into our store, and kept only when they are what its builder stated."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from albatross.errors import ImageRefused
from albatross.solo5 import inspect
from unikernels.builds.edge import new_client
from unikernels.builds.rows import described
from unikernels.images import store
from unikernels.images.services import names_readable, remember
from unikernels.models import Build, Image


def hold_build(
    *, build: Build, guard: Callable[[], float], progress: Callable[[int, int | None], None]
) -> Image:
    """Have the main binary of *build* in the store; bytes that are here already are not asked for again.

    *guard* is asked before each request and for each piece that arrives, how many seconds the builder
    may be silent; what it raises is let through. *progress* is told the bytes so far and the whole
    size, if it is known. Raises ``BuilderError`` (whose ``retryable`` says whether to come again) and
    ``ImageRefused`` for what is no image. Nothing is left behind by a failure.
    """
    if store.held(build.digest) and (known := Image.objects.filter(digest=build.digest).first()):
        return known

    def piece(done: int, stated: int | None) -> None:
        guard()
        progress(done, build.size if stated is None else stated)

    guard()
    with store.staged() as (file, path):
        client = new_client(build.builder, patience=guard)
        client.fetch(
            described(build), file, max_size=settings.MAX_IMAGE_BYTES, expected=build.digest, progress=piece
        )
        file.seek(0)
        facts = inspect(file, max_size=settings.MAX_IMAGE_BYTES)
        if facts.compressed:
            raise ImageRefused("The binary of this build is compressed; its SHA-256 is not that of an image.")
        names_readable(facts)
        guard()
        store.keep(file, path, build.digest)
    return remember(facts)
