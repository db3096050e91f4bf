"""Holding the bytes of what runs: fetched back from the instance once per digest (design rule 4)."""

from __future__ import annotations

from django.conf import settings

from albatross.client import Client
from albatross.errors import ImageRefused
from albatross.messages import Info
from albatross.names import Name
from albatross.solo5 import inspect
from albatross.transport import Guard
from unikernels.images import store
from unikernels.images.services import remember
from unikernels.models import Image, Version
from unikernels.operations.world import policies_to_carry


class NotPossible(Exception):
    """The bytes cannot be had, and trying again would not help."""


def hold_bytes(*, client: Client, name: Name, version: Version, guard: Guard) -> None:
    """Have the bytes of *version*, which runs as *name*, in the store, and link them.

    Raises ``CommandError`` when the instance cannot be asked, ``NotPossible`` when it runs something
    else, changes meanwhile, or gives other bytes than it reports.
    """
    if store.held(version.digest) and (known := Image.objects.filter(digest=version.digest).first()):
        return link(version, known)
    before = _running(client, name, version)
    policies = policies_to_carry(client, name)
    with store.staged() as (file, path):
        client.get_image(name, file, max_size=settings.MAX_IMAGE_BYTES, policy=policies, guard=guard)
        if _running(client, name, version).started != before.started:
            raise NotPossible("it was restarted meanwhile.")
        file.seek(0)
        try:
            facts = inspect(file, max_size=settings.MAX_IMAGE_BYTES)
        except ImageRefused as error:
            raise NotPossible(f"what the instance gave is no image: {error}") from error
        if facts.digest.hex() != version.digest:
            raise NotPossible("the instance gave other bytes than it reports to run.")
        store.keep(file, path, version.digest)
    return link(version, remember(facts))


def _running(client: Client, name: Name, version: Version) -> Info:
    info = dict(client.unikernels()).get(name)
    if info is None or info.digest.hex() != version.digest:
        raise NotPossible("the instance does not run it (any more).")
    return info


def link(version: Version, image: Image) -> None:
    """Say that *image* holds the bytes of *version* (and of the same ones of its unikernel)."""
    Version.objects.filter(digest=version.digest, unikernel=version.unikernel, image=None).update(
        image=image, pruned_at=None
    )
    version.image = image
