"""Which build it is that runs."""

from __future__ import annotations

from unikernels.models import Build, Builder, Standing, Unikernel


def running_build(unikernel: Unikernel, builder: Builder | None = None) -> Build | None:
    """The build with the bytes that run, as *builder* knows it (None: any builder); None: nobody knows them.

    Of several with the same bytes the newest is taken; else the one that the bytes were downloaded from.
    """
    if not unikernel.digest:
        return None
    taken = _taken_from(unikernel)
    wanted = builder or (taken.builder if taken else None)
    known = Standing.objects.filter(digest=unikernel.digest, found__isnull=False).order_by("builder")
    if wanted is not None:
        known = known.filter(builder=wanted)
    standing = known.select_related("found__builder").first()
    if standing is not None:
        return standing.found
    return taken if taken and taken.builder == wanted else None


def _taken_from(unikernel: Unikernel) -> Build | None:
    """The build that the current version was downloaded from, if that is what runs."""
    taken = unikernel.current.build if unikernel.current else None
    return taken if taken and taken.digest == unikernel.digest else None
