"""Where a running image stands beside what a builder-web server has.

===============  ==================================================================================
unknown          no build of this server has these bytes: never built there, or removed before we asked
current          the newest build of this job and platform is what runs
rebuilt          there is a newer build with the very same bytes: nothing to do
update           a newer build has other bytes
reconfigure      the same, and it needs another configuration: devices or ABI differ
===============  ==================================================================================

``unknown`` is never ``current``. That the server could not be asked is no standing at all.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from unikernels.builds.answers import Build, Solo5
from unikernels.builds.risk import manifest_reasons


class Standing(enum.StrEnum):
    """See the table above."""

    UNKNOWN = "unknown"
    CURRENT = "current"
    REBUILT = "rebuilt"
    UPDATE = "update"
    RECONFIGURE = "reconfigure"

    @property
    def newer(self) -> bool:
        """Whether there is something to upgrade to."""
        return self in {Standing.UPDATE, Standing.RECONFIGURE}


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest build of the running build's job and platform; ``digest`` of its main binary, if known."""

    build: Build
    digest: str | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A standing with sentences for people; ``newest`` is what could be upgraded to, else None."""

    standing: Standing
    reasons: tuple[str, ...] = ()
    newest: Build | None = None


def judge(
    *,
    digest: str,
    found: Build | None,
    newest: Newest | None,
    running: Solo5 | None,
    deployed: str | None = None,
) -> Judgement:
    """Where the image with the SHA-256 *digest* (hexadecimal, as the instance reports it) stands.

    *found* is the newest build with these bytes (None: the server knows none), *newest* the newest of its
    job and platform (None: there is none any more), *running* what the image was built for, *deployed* the uuid
    of the build that it was taken from, if it was.
    """
    if found is None or not found.has_binary:
        return Judgement(Standing.UNKNOWN, ("The builder does not have these bytes (any more).",))
    if newest is None:
        return Judgement(Standing.CURRENT, (f"No build of {found.job} on {found.platform} is newer.",))
    if _same(digest, found, newest):
        return _unchanged(newest.build, deployed or found.uuid)
    if newest.build.started < found.started:
        return Judgement(Standing.CURRENT, ("The newest build is older than what runs.",))
    return _update(found, newest.build, running or found.solo5)


def _same(digest: str, found: Build, newest: Newest) -> bool:
    return found.uuid == newest.build.uuid or newest.digest == digest.lower()


def _unchanged(newest: Build, deployed: str) -> Judgement:
    if newest.uuid == deployed:
        return Judgement(Standing.CURRENT)
    return Judgement(Standing.REBUILT, ("It was built again since, with the very same bytes.",))


def _update(found: Build, newest: Build, running: Solo5 | None) -> Judgement:
    if not newest.has_binary:
        return Judgement(Standing.CURRENT, ("The newest build has no main binary.",))
    notes = []
    if newest.platform != found.platform:
        notes.append(f"It was built on {newest.platform}; what runs on {found.platform}.")
    if running is None or newest.solo5 is None:
        notes.append("The builder does not tell devices and ABI; they are checked once it is downloaded.")
    differences = [reason.text for reason in manifest_reasons(running, newest.solo5)]
    standing = Standing.RECONFIGURE if differences else Standing.UPDATE
    return Judgement(standing, (*differences, *notes), newest)
