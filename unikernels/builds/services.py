"""Builders, and what people want to know of them. No page ever waits for a builder: see ``ask``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from cryptography import x509
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actors import NOTHING, Actor, require_superuser
from accounts.events import record
from mollymawk.errors import Conflict, Forbidden, Invalid, Missing, Refused
from unikernels.builds import tasks
from unikernels.builds.address import Place, job_path, known_uuid, server_url
from unikernels.builds.compare import Changes
from unikernels.builds.edge import new_client
from unikernels.builds.errors import BuilderError, NotThere, RequestRefused
from unikernels.builds.lookups import PENDING
from unikernels.builds.packing import unpack_changes, unpack_solo5
from unikernels.builds.risk import Risk, assess
from unikernels.builds.rows import looked_up, row_of
from unikernels.builds.web import Limits
from unikernels.models import Build, Builder, Lookup, Version

FRESH_FOR = timedelta(minutes=5)  # an answer that is older is asked for anew, while it is shown
AGAIN_AFTER = timedelta(seconds=30)  # after trouble, when somebody asks again
MAX_WAITING = 200  # questions without an answer, of all people and builders
# A request of a program waits for the answer: 5 s at most, the longest wait for a connection or turn included.
HURRY_SECONDS = 3.5
IN_A_HURRY = Limits(connect=1.5, turn=1.5)
MAX_CA = 100_000  # characters of PEM

# It stands in addresses of pages and on command lines.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?")


def builder_add(*, actor: Actor, name: str, url: str, ca: str = "") -> Builder:
    """A new builder-web server; *ca* is PEM, empty for a certificate that everybody trusts.

    Raises ``Invalid`` (with ``fields``) and ``Conflict`` for a name or address that is taken.
    """
    require_superuser(actor)
    builder = Builder(**builder_read(name=name, url=url, ca=ca))
    with transaction.atomic():
        builder.save(force_insert=True)
        _tell(actor, builder, "builder.added", url=builder.url)
    return builder


def builder_change(
    *, actor: Actor, builder: Builder, name: str | None = None, url: str | None = None, ca: str | None = None
) -> Builder:
    """Change what is given; None leaves as it is. Then it is asked anew. Raises what ``builder_add`` raises."""
    require_superuser(actor)
    given = builder_read(builder, name=name, url=url, ca=ca)
    changed = {field: value for field, value in given.items() if getattr(builder, field) != value}
    if not changed:
        return builder
    with transaction.atomic():
        Builder.objects.filter(pk=builder.pk).update(**changed, failures=0, retry_at=None, trouble_text="")
        if "url" in changed:  # what another server said
            builder.lookups.all().delete()
            builder.standings.all().delete()
        _tell(actor, builder, "builder.changed", fields=sorted(changed))
    builder.refresh_from_db()
    return builder


def builder_remove(*, actor: Actor, builder: Builder) -> None:
    """Forget *builder* and what it told; refused while a version comes from it."""
    require_superuser(actor)
    with transaction.atomic():
        if count := Version.objects.filter(build__builder=builder).count():
            raise Refused(f"{count} versions of unikernels come from this builder: they say so for ever.")
        _tell(actor, builder, "builder.removed", url=builder.url)
        builder.standings.all().delete()
        builder.builds.all().delete()
        builder.delete()


def builders_of(actor: Actor) -> QuerySet[Builder]:
    """The builders that *actor* may choose from: all of them."""
    _require_somebody(actor)
    return Builder.objects.all()


def builder_named(actor: Actor, name: str) -> Builder:
    """The builder *name*, or ``Missing``."""
    found = builders_of(actor).filter(name=name).first()
    if found is None:
        raise Missing(f"There is no builder {name[:63]!r}.")
    return found


def build_of(actor: Actor, pk: int) -> Build:
    """A build that was asked for before, or ``Missing``. Builds are public to everybody here."""
    _require_somebody(actor)
    found = Build.objects.select_related("builder").filter(pk=pk).first()
    if found is None:
        raise Missing(NOTHING)
    return found


def ask(*, actor: Actor, builder: Builder, what: Lookup.What, key: str = "", fresh: bool = False) -> Lookup:
    """What *builder* said last, at once; a worker asks it when that is too old, or *fresh* is wanted.

    *key*: nothing for JOBS, a job for BUILDS, ``old/new`` (uuids) for CHANGES, which never grow old.
    While ``pending`` an older answer may stand in ``data``. Raises ``Invalid`` for what no builder has,
    ``Conflict`` when too many questions wait.
    """
    _require_somebody(actor)
    key = _key(what, key)
    lookup = Lookup.objects.filter(builder=builder, what=what, key=key).first()
    if lookup is None:
        _refuse_flood()
        lookup, new = Lookup.objects.get_or_create(
            builder=builder, what=what, key=key, defaults={"asked_at": timezone.now()}
        )
        if new:
            _wake(lookup)
    elif _is_old(lookup, fresh=fresh):
        _ask_again(lookup)
    return lookup


def build_find(
    *, actor: Actor, builder: Builder, job: str, uuid: str | None = None, platform: str | None = None
) -> Build:
    """A build of *job*: the one named, else the newest (on *platform*). May ask the builder, for 5 s in all.

    For programs, which wait for the answer; pages use ``ask``. Raises ``Invalid`` for what cannot be asked
    for, ``Missing``, and ``Refused`` with the reason when the builder does not answer as it should.
    """
    _require_somebody(actor)
    try:
        client = new_client(builder, IN_A_HURRY, HURRY_SECONDS)
        place = Place(job, known_uuid(uuid)) if uuid else client.latest_place(job, platform)
        known = row_of(builder, place.uuid)
        found = known or looked_up(builder, client, client.build(place.job, place.uuid))
    except RequestRefused as error:
        raise Invalid(str(error)) from error
    except NotThere as error:
        raise Missing(str(error)) from error
    except BuilderError as error:
        raise Refused(f"The builder {builder.name} was of no help: {error}") from error
    if found.job != job:
        raise Missing(f"The builder {builder.name} has no such build of {job}.")
    return found


def pending(lookup: Lookup) -> bool:
    """Whether an answer is on its way."""
    return lookup.answered_at is None or lookup.answered_at < lookup.asked_at


def changes_from(lookup: Lookup) -> tuple[Changes, Risk]:
    """What changed, and how risky that is, from an answered lookup of CHANGES without trouble."""
    changes = unpack_changes(lookup.data["changes"])
    return changes, assess(
        changes, old=unpack_solo5(lookup.data["old"]), new=unpack_solo5(lookup.data["new"])
    )


# --- lookups -------------------------------------------------------------------------------------


def _key(what: Lookup.What, key: str) -> str:
    """*key* in its one form."""
    try:
        if what is Lookup.What.BUILDS:
            job_path(key)
            return key
        if what is Lookup.What.CHANGES:
            old, _, new = key.partition("/")
            return f"{known_uuid(old)}/{known_uuid(new)}"
    except RequestRefused as error:
        raise Invalid(str(error)) from error
    return ""


def _is_old(lookup: Lookup, *, fresh: bool) -> bool:
    if pending(lookup) or lookup.answered_at is None:
        return False  # the sweep sees to a question that was lost
    age = timezone.now() - lookup.answered_at
    if lookup.trouble_text:
        return fresh or age > AGAIN_AFTER
    return lookup.what != Lookup.What.CHANGES and (fresh or age > FRESH_FOR)


def _ask_again(lookup: Lookup) -> None:
    now = timezone.now()
    if Lookup.objects.filter(pk=lookup.pk, asked_at=lookup.asked_at).update(asked_at=now):
        lookup.asked_at = now
        _wake(lookup)
    else:
        lookup.refresh_from_db()  # somebody else asked in between


def _wake(lookup: Lookup) -> None:
    transaction.on_commit(lambda: tasks.answer.delay(lookup.pk))


def _refuse_flood() -> None:
    if Lookup.objects.filter(PENDING).count() >= MAX_WAITING:
        raise Conflict("Too many questions to builders wait for their answers; try again in a minute.")


# --- reading what was given ----------------------------------------------------------------------


def _require_somebody(actor: Actor) -> None:
    if not actor.all_powerful and not (actor.user and actor.user.is_active):
        raise Forbidden("This is for people with an account.")


def builder_read(builder: Builder | None = None, **given: str | None) -> dict[str, str]:
    """The columns for what is given for *builder* (None: a new one), each in its one form.

    Raises ``Invalid`` with every wrong field, ``Conflict`` for a name or address that another one has.
    """
    columns: dict[str, str] = {}
    wrong: dict[str, list[str]] = {}
    for field, text in given.items():
        if text is not None:
            try:
                columns[field] = _READERS[field](text)
            except ValueError as error:
                wrong[field] = [str(error)]
    if wrong:
        raise Invalid("The builder is not described rightly.", fields=wrong)
    _refuse_twin(builder, columns)
    return columns


def _name(text: str) -> str:
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise ValueError("Use 1 to 63 letters, digits, dots and hyphens; a letter or digit at both ends.")
    return name


def _ca(text: str) -> str:
    if not text.strip():
        return ""
    try:
        x509.load_pem_x509_certificates(text[:MAX_CA].encode("ascii"))
    except ValueError as error:
        raise ValueError("This is needed as PEM (-----BEGIN CERTIFICATE-----).") from error
    if len(text) > MAX_CA:
        raise ValueError(f"At most {MAX_CA} characters.")
    return text.strip() + "\n"


_READERS = {"name": _name, "url": server_url, "ca": _ca}


def _refuse_twin(builder: Builder | None, columns: dict[str, str]) -> None:
    others = Builder.objects.exclude(pk=builder.pk) if builder and builder.pk else Builder.objects.all()
    if others.filter(name=columns.get("name", "")).exists():
        raise Conflict(f"There is a builder {columns['name']} already.")
    if twin := others.filter(url=columns.get("url", "")).first():
        raise Conflict(f"{twin.url} is the builder {twin.name} already.")


def _tell(actor: Actor, builder: Builder, kind: str, **data: Any) -> None:
    record(actor=actor, kind=kind, subject=f"builder:{builder.name}", data=data)
