"""Asking a builder-web server.

::

    client = Client("https://builds.robur.coop")
    build = client.by_digest(digest)                      # what runs, raises UnknownBinary
    newest = client.latest(build.job, build.platform)     # without the platform jobs flip between platforms
    changes = client.compare(build.uuid, newest.uuid)     # on demand only: dear, and one at a time
    fetched = client.fetch(newest, file)                  # streamed, its SHA-256 verified

Every call may take as long as its limits say: call it from background work, or give it small ``Limits``.
Every failure is a ``BuilderError``. Threads may share a client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO

from unikernels.builds import answers, caches
from unikernels.builds.address import (
    DEFAULT_SERVER,
    Place,
    build_path,
    compare_path,
    hash_path,
    job_path,
    known_digest,
    place_of,
)
from unikernels.builds.answers import Build, Job, JobBuild
from unikernels.builds.compare import Changes
from unikernels.builds.compare import parse as read_changes
from unikernels.builds.errors import (
    BadAnswer,
    CutOff,
    NoBinary,
    NoSuccessfulBuild,
    NotComparable,
    NotThere,
    RedirectedElsewhere,
    ServerFailed,
    UnknownBinary,
    Unverifiable,
)
from unikernels.builds.fetching import Fetched, Progress, digest_in, receive
from unikernels.builds.turns import turns_of
from unikernels.builds.web import DEFAULT_LIMITS, MAX_HOPS, Answer, Limits, Patience, Web

MOST_PLATFORMS = 12  # builds of a job that are looked at to learn its platforms; real jobs have 1 to 3


class Client:
    """One server. *comparing* gives the turn for a comparison; by default one at a time in this process.

    Several processes that compare on the same server need one that they share (a lock in Redis).
    After *until* (on the monotonic clock) every request raises ``TimedOut``. *patience*: see ``Web``.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_SERVER,
        *,
        limits: Limits = DEFAULT_LIMITS,
        ca: str | None = None,
        comparing: Callable[[], AbstractContextManager[object]] | None = None,
        until: float | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._web = Web(base_url, limits, ca, until, patience)
        self._limits = limits
        self._turns = turns_of(self._web.base_url)
        self._comparing = comparing or (lambda: self._turns.comparison(limits.turn))
        self._jobs: caches.Cache[tuple[Job, ...]] = caches.Cache(caches.JOBS, 1)
        self._lines: caches.Cache[tuple[JobBuild, ...]] = caches.Cache(caches.LATEST, 200)
        self._places: caches.Cache[Place] = caches.Cache(caches.LATEST, 10_000)
        self._builds: caches.Cache[Build] = caches.Cache(caches.FOR_EVER, 10_000)
        self._digests: caches.Cache[str] = caches.Cache(caches.LATEST, 10_000)
        self._changes: caches.Cache[Changes] = caches.Cache(caches.FOR_EVER, 50)

    @property
    def base_url(self) -> str:
        return self._web.base_url

    def jobs(self, *, fresh: bool = False) -> tuple[Job, ...]:
        """All jobs that have a successful build. Kept for an hour."""

        def told() -> tuple[Job, ...]:
            return tuple(answers.jobs(self._json("/all-builds", NotThere, "The builder lists no jobs.")))

        return self._jobs.get(None, told, fresh=fresh)

    def job_builds(self, job: str, *, fresh: bool = False) -> tuple[JobBuild, ...]:
        """One line for each distinct main binary of a job, newest first. Kept for 15 minutes."""
        path = job_path(job)

        def told() -> tuple[JobBuild, ...]:
            return tuple(answers.job_builds(self._json(path, NotThere, f"The builder has no job {job}.")))

        return self._lines.get(job, told, fresh=fresh)

    def build(self, job: str, uuid: str) -> Build:
        """The details of a build. Raises ``NotThere``. Kept for ever."""
        path = build_path(job, uuid)

        def told() -> Build:
            found = answers.build(self._json(path, NotThere, f"The builder has no build {uuid} (any more)."))
            if found.uuid != uuid.lower():
                raise BadAnswer("The builder answered with another build.")
            return found

        return self._builds.get((job, uuid.lower()), told)

    def remember(self, build: Build, digest: str) -> None:
        """What is known of a build from elsewhere, so that it is not asked for: it never changes."""
        self._builds.get((build.job, build.uuid), lambda: build)
        self._digests.get(build.uuid, lambda: digest)

    def latest(self, job: str, platform: str | None = None, *, fresh: bool = False) -> Build:
        """The newest successful build of a job. Raises ``NoSuccessfulBuild``. Kept for 15 minutes.

        Name the *platform* of the build that runs, else the newest of all platforms is found.
        """
        place = self.latest_place(job, platform, fresh=fresh)
        return self.build(place.job, place.uuid)

    def latest_place(self, job: str, platform: str | None = None, *, fresh: bool = False) -> Place:
        """Where ``latest`` is; its details are not asked for."""
        path = job_path(job, "/build/latest", platform)
        missing = f"The builder has no successful build of {job}" + (f" on {platform}." if platform else ".")
        place = self._places.get(
            path, lambda: self._place(path, job, NoSuccessfulBuild, missing), fresh=fresh
        )
        if place.job != job:
            raise RedirectedElsewhere("The builder redirects to another job.")
        return place

    def latest_per_platform(self, job: str) -> dict[str, Build]:
        """Platform -> newest successful build there. Platforms of the newest ``MOST_PLATFORMS`` lines only."""
        lines = [line for line in self.job_builds(job) if line.binary][:MOST_PLATFORMS]
        platforms = {self.build(job, line.uuid).platform for line in lines}
        return {platform: self.latest(job, platform) for platform in sorted(platforms)}

    def by_digest(self, digest: str, *, job: str | None = None, fresh: bool = False) -> Build:
        """The newest build whose main binary has this SHA-256 (hexadecimal). Raises ``UnknownBinary``.

        The server finds any file by its hash, so it is made sure that it is the main binary's. Whoever knows the
        *job* spares a request for each digest: its lines are asked first. Kept for 15 minutes.
        """
        digest = known_digest(digest)
        line = self._line_of(job, digest, fresh=fresh) if job else None
        if job and line:
            return self.build(job, line.uuid)
        path = hash_path(digest)
        missing = "The builder does not have these bytes: never built there, or removed since."
        place = self._places.get(path, lambda: self._place(path, None, UnknownBinary, missing), fresh=fresh)
        found = self.build(place.job, place.uuid)
        if not found.has_binary or self.digest_of(found) != digest:
            raise UnknownBinary("These bytes are at the builder, but they are no main binary.")
        return found

    def digest_of(self, build: Build) -> str:
        """The SHA-256 that the server states for the main binary: in the lines of the job, else as ETag.

        Raises ``NoBinary``, ``Unverifiable``. Kept for 15 minutes.
        """
        return self._digests.get(build.uuid, lambda: self._listed(build) or self._tagged(build))

    def compare(self, old: str, new: str) -> Changes:
        """What changed from one build to another (uuids). Raises ``NotComparable``. Kept for ever.

        A failure of the server is tried once more: its comparisons are known to fail now and then.
        """
        path = compare_path(old, new)

        def told() -> Changes:
            try:
                return self._compared(path, old, new)
            except (ServerFailed, CutOff):
                return self._compared(path, old, new)

        return self._changes.get(path, told)

    def fetch(
        self,
        build: Build,
        file: BinaryIO,
        *,
        max_size: int | None = None,
        expected: str | None = None,
        progress: Progress | None = None,
    ) -> Fetched:
        """Write the main binary of *build* to *file* (seekable) from its position on.

        Its SHA-256 is what the server states (and *expected*, if given), or ``HashMismatch`` is raised. After any
        error nothing of it is left in *file*. *progress* is called with the bytes so far and the stated length.
        Raises ``NoBinary``, ``TooLarge``, ``CutOff``, ``Unverifiable``. Whether it is an image is not looked at.
        """
        path = build_path(build.job, build.uuid, "/main-binary")
        stated = (self._listed(build), expected and known_digest(expected))
        with self._turns.request(self._limits.turn), self._binary(path, build.uuid) as answer:
            wanted = {digest for digest in (*stated, digest_in(answer)) if digest}
            return receive(answer, file, wanted, max_size or self._limits.binary_bytes, progress)

    def _line_of(self, job: str, digest: str, *, fresh: bool) -> JobBuild | None:
        try:
            lines = self.job_builds(job, fresh=fresh)
        except NotThere:
            return None  # a job that was removed; its bytes may be known by another name
        return next((line for line in lines if line.binary and line.binary.sha256 == digest), None)

    def _listed(self, build: Build) -> str | None:
        """The SHA-256 in the lines of the job, which has one build for each distinct binary."""
        try:
            lines = self.job_builds(build.job)
        except (NotThere, ServerFailed, BadAnswer):
            return None  # the file itself tells it too
        return next((line.binary.sha256 for line in lines if line.binary and line.uuid == build.uuid), None)

    def _tagged(self, build: Build) -> str:
        """The SHA-256 that the headers of the binary state; its bytes are left where they are."""
        path = build_path(build.job, build.uuid, "/main-binary")
        with self._turns.request(self._limits.turn), self._binary(path, build.uuid) as answer:
            digest = digest_in(answer)
        if digest is None:
            raise Unverifiable("The builder does not state the SHA-256 of this binary.")
        return digest

    @contextmanager
    def _binary(self, path: str, uuid: str) -> Iterator[Answer]:
        with self._web.get(path, seconds=self._limits.download, uuid=uuid) as answer:
            answer.expect(NoBinary, "The build has no main binary, or is not there any more.")
            yield answer

    def _compared(self, path: str, old: str, new: str) -> Changes:
        with self._comparing(), self._web.get(path, as_json=True, seconds=self._limits.compare) as answer:
            answer.expect(NotComparable, "The builder cannot compare these builds.")
            changes = read_changes(answer.json(self._limits.json_bytes))
        if (changes.old.uuid, changes.new.uuid) != (old.lower(), new.lower()):
            raise BadAnswer("The builder compared other builds.")
        return changes

    def _json(self, path: str, missing: type[NotThere], what: str) -> object:
        with self._turns.request(self._limits.turn), self._web.get(path, as_json=True) as answer:
            answer.expect(missing, what)
            return answer.json(self._limits.json_bytes)

    def _place(self, path: str, job: str | None, missing: type[NotThere], what: str) -> Place:
        """The build that a redirect of the server names; it is not opened."""
        for _ in range(MAX_HOPS + 1):
            with self._turns.request(self._limits.turn), self._web.step(path, as_json=True) as answer:
                if not answer.redirected:
                    answer.expect(missing, what)
                    told = answers.mapping(answer.json(self._limits.json_bytes))
                    return Place(answers.word(told.get("job") or job, "job"), answers.uuid(told.get("uuid")))
                path = self._web.target(answer)
            place = place_of(path)
            if place is not None:
                return place
        raise RedirectedElsewhere("The builder redirects in circles.")
