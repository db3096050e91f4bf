"""Builds as rows, and the two ways between a row and what a builder says."""

from __future__ import annotations

from datetime import UTC, datetime

from unikernels.builds import answers
from unikernels.builds.address import MAX_JOB
from unikernels.builds.answers import Binary, Solo5
from unikernels.builds.client import Client
from unikernels.builds.errors import BadAnswer, NotThere
from unikernels.models import Build, Builder, Image

MAX_SENTENCE = 500  # characters
MAX_PLATFORM = 63  # characters; real ones are like debian-12
MAX_TARGET = 10  # characters of an ABI's name
MAX_ABI = 2**31 - 1
MAX_DEVICES = 64  # a Solo5 manifest has no more
MAX_SIZE = 2**63 - 1
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def sentence(error: Exception) -> str:
    """*error* as a text that every database can keep and every page show: servers may write anything."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(error))[:MAX_SENTENCE]


def row_of(builder: Builder, uuid: str) -> Build | None:
    """The row of a build, if it was asked for before."""
    return Build.objects.filter(builder=builder, uuid=uuid.lower()).first()


def keep(builder: Builder, build: answers.Build, digest: str, size: int | None) -> Build:
    """The row of *build*, whose main binary has this SHA-256. Raises ``BadAnswer`` for what no row can hold."""
    if len(build.platform) > MAX_PLATFORM or len(build.job) > MAX_JOB:
        raise BadAnswer("The builder names a job or platform that is too long.")
    if not all(_FIRST <= moment <= _LAST for moment in (build.started, build.finished)):
        raise BadAnswer("The builder tells an impossible time.")
    notes = _storable(build.solo5)
    row, _ = Build.objects.get_or_create(
        builder=builder,
        uuid=build.uuid,
        defaults={
            "job": build.job,
            "platform": build.platform,
            "started_at": build.started,
            "finished_at": build.finished,
            "digest": digest,
            "size": size if size is not None and size <= MAX_SIZE else None,
            "target": notes.target if notes else "",
            "abi_version": notes.version if notes else None,
            "devices": [list(device) for device in notes.devices] if notes else None,
        },
    )
    return row


def looked_up(builder: Builder, client: Client, build: answers.Build) -> Build:
    """The row of *build*; when it is new, the SHA-256 of its main binary is asked for.

    Raises ``BuilderError``: ``NoBinary`` for a build that failed.
    """
    if known := row_of(builder, build.uuid):
        return known
    binary = _binary(client, build)
    return keep(
        builder, build, binary.sha256 if binary else client.digest_of(build), binary.size if binary else None
    )


def described(row: Build) -> answers.Build:
    """*row* as a client would describe it."""
    return answers.Build(
        job=row.job,
        uuid=row.uuid,
        platform=row.platform,
        started=row.started_at,
        finished=row.finished_at or row.started_at,
        has_binary=True,
        solo5=solo5_of(row),
    )


def solo5_of(row: Build | Image) -> Solo5 | None:
    """What it was built for; None when the builder does not tell."""
    if not row.target or row.abi_version is None or row.devices is None:
        return None
    return Solo5(row.target, row.abi_version, tuple((name, kind) for name, kind in row.devices))


def _storable(notes: Solo5 | None) -> Solo5 | None:
    """Notes that no image can have are as good as none: the bytes tell, once they are here."""
    if notes is None or len(notes.target) > MAX_TARGET or not 0 <= notes.version <= MAX_ABI:
        return None
    return notes if len(notes.devices) <= MAX_DEVICES else None


def _binary(client: Client, build: answers.Build) -> Binary | None:
    """Its line in the list of its job, which also tells the size; the file itself tells the SHA-256 too."""
    try:
        lines = client.job_builds(build.job)
    except (NotThere, BadAnswer):
        return None
    return next((line.binary for line in lines if line.uuid == build.uuid), None)
