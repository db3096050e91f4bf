"""Adding and removing images."""

from __future__ import annotations

from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actors import ANY, Actor, require
from accounts.events import record
from accounts.models import Team
from accounts.scopes import UPLOAD, Scope
from albatross.errors import ImageRefused
from albatross.solo5 import ImageFacts, inspect
from mollymawk.errors import Refused
from unikernels.images import store
from unikernels.models import Image, TeamImage, Version

MAX_NAME = 200
UNUSED_FOR = timedelta(hours=1)


def image_add(*, actor: Actor, team: Team, file: BinaryIO, name: str) -> TeamImage:
    """Store the image that *file* holds (plain or zlib) for *team*.

    Streams; nothing is kept of what is not a Solo5 image. Bytes that another team has already are
    taken in like new ones, so that nobody learns of it. Raises ``Refused`` with the reason.
    """
    require(actor, team, UPLOAD, unikernel=ANY)
    with store.staged() as (staging, path):
        try:
            facts = inspect(file, plain=staging, max_size=settings.MAX_IMAGE_BYTES)
            names_readable(facts)
        except ImageRefused as error:
            raise Refused(f"{_tidy(name)} is not taken: {error}") from error
        store.keep(staging, path, facts.digest.hex())
    with transaction.atomic():
        image = _image(facts)
        copy, new = TeamImage.objects.get_or_create(
            team=team, image=image, defaults={"name": _tidy(name), "added_by": actor.user}
        )
        if new:
            record(
                actor=actor,
                kind="image.added",
                subject=f"image:{image.digest}",
                team=team,
                data={"name": copy.name, "size": image.size},
            )
    return copy


def image_remove(*, actor: Actor, copy: TeamImage) -> None:
    """Take an image from a team; refused while a version of the team needs it.

    The bytes go some time after no team and no version has them any more (``sweep``).
    """
    require(actor, copy.team, Scope.DEPLOY)
    image = copy.image
    if Version.objects.filter(image=image, unikernel__team=copy.team).exists():
        raise Refused("A version of a unikernel needs this image: it is the way back to it.")
    with transaction.atomic():
        record(actor=actor, kind="image.removed", subject=f"image:{image.digest}", team=copy.team)
        copy.delete()


def sweep() -> int:
    """Forget images that no team and no version has had for an hour; the number of them.

    Later than the removal on purpose: somebody may be storing the same bytes at this moment.
    """
    unused = Image.objects.filter(copies=None, versions=None, created_at__lt=timezone.now() - UNUSED_FOR)
    digests = list(unused.values_list("digest", flat=True))
    gone = 0
    for digest in digests:
        if store.age(digest) > UNUSED_FOR.total_seconds():
            with transaction.atomic():
                gone += Image.objects.filter(digest=digest, copies=None, versions=None).delete()[0]
            if not Image.objects.filter(digest=digest).exists():
                store.remove(digest)
    store.sweep_staging()
    return gone


def remember(facts: ImageFacts) -> Image:
    """The row of bytes that are in the store already (captured from an instance)."""
    return _image(facts)


def _image(facts: ImageFacts) -> Image:
    image, _ = Image.objects.get_or_create(
        digest=facts.digest.hex(),
        defaults={
            "size": facts.size,
            "target": facts.target.value,
            "abi_version": facts.version,
            "devices": [[device.name, device.kind.value] for device in facts.devices],
        },
    )
    return image


def names_readable(facts: ImageFacts) -> None:
    """Albatross would take any bytes; a name that nobody can type cannot be mapped to anything."""
    if not all(device.name.isprintable() for device in facts.devices):
        raise ImageRefused("a device of its manifest has a name that cannot be written.")


def _tidy(name: str) -> str:
    """A file name as given, without folders and control characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:MAX_NAME] or "image"
