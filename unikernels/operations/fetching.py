"""Getting the bytes of a version into our store: from its builder, or back from the instance."""

from __future__ import annotations

import time
from dataclasses import replace

from albatross.errors import AlbatrossError, CommandError, ImageRefused
from mollymawk.errors import ApplicationError
from unikernels.builds.download import hold_build
from unikernels.builds.errors import BuilderError
from unikernels.images import store
from unikernels.instances.troubles import sentence
from unikernels.models import Build, Image, Version
from unikernels.operations import judge
from unikernels.operations.capture import NotPossible, hold_bytes, link
from unikernels.operations.facts import Memo
from unikernels.operations.lease import CancelAsked, Lease
from unikernels.operations.machine import Event, Kind, Leg, State
from unikernels.operations.plan import NO_WAY_BACK
from unikernels.operations.sending import MAX_TRIES, given_up
from unikernels.operations.work import Outcome, Work

PROGRESS_EVERY = 1.0  # seconds between two writes of how far a download is


def fetch(work: Work, target: Version) -> Outcome:
    """The bytes of the target have to be in our store before anything else happens."""
    if target.image_id and store.held(target.digest):
        return Outcome(Event.PASSED, work.memo)
    if target.build is not None:
        return _download(work, target, target.build)
    if work.kind is Kind.DEPLOY:
        return Outcome(Event.REFUSED, work.memo, "The bytes of the image are not in the store any more.")
    return hold(work, target, then="The image could not be fetched from the instance: ")


def to_download(work: Work) -> bool:
    """Whether the step to do is a download."""
    target = work.operation.target
    fetching = work.state is State.FETCH and work.leg is not Leg.BACK
    return fetching and target is not None and target.build is not None and target.image is None


def hold(work: Work, version: Version, *, then: str) -> Outcome:
    """The bytes of *version*, which runs, from the instance; *then* begins the words of a refusal."""
    work.lease.cancellable = True  # a hold is always before the commit point
    try:
        hold_bytes(client=work.client, name=work.name, version=version, guard=work.lease.guard)
    except (AlbatrossError, ApplicationError) as error:
        outcome = not_reached(work, error)
        return _without(work, then + outcome.reason) if outcome.event is Event.REFUSED else outcome
    except CancelAsked:
        return Outcome(Event.CANCEL, work.memo, "It was cancelled.")
    except NotPossible as error:
        return _without(work, then + str(error))
    return Outcome(Event.PASSED, work.memo, "fetched from the instance")


def not_reached(work: Work, error: Exception) -> Outcome:
    """The instance cannot be asked: before the commit point a few tries, going back until the end."""
    memo = replace(work.memo, tries=work.memo.tries + 1)
    hopeless = not isinstance(error, CommandError) or given_up(work, memo)
    if work.before_commit and hopeless:
        return Outcome(Event.REFUSED, memo, sentence(error))
    return Outcome(Event.WAIT, memo, sentence(error), judge.backoff(memo.tries, work.timings))


def _without(work: Work, reason: str) -> Outcome:
    """No bytes: only with a person's yes, or for a destroy, which wants it gone anyway."""
    if work.state is State.CAPTURE and (work.kind is Kind.DESTROY or NO_WAY_BACK in work.operation.accepted):
        return Outcome(Event.PASSED, work.memo, reason, fields={"fallback": None})
    return Outcome(Event.REFUSED, work.memo, reason)


# --- from a builder ----------------------------------------------------------------------------------


def _download(work: Work, version: Version, build: Build) -> Outcome:
    work.lease.cancellable = True
    progress = _Progress(work.lease, work.memo)
    try:
        image = _image_of(build) or hold_build(build=build, guard=work.lease.guard, progress=progress)
    except BuilderError as error:
        return _builder_failed(work, error)
    except ImageRefused as error:
        return Outcome(Event.REFUSED, work.memo, f"What {build.builder} gave is no image: {error}")
    except CancelAsked:
        return Outcome(Event.CANCEL, work.memo, "It was cancelled.")
    link(version, image)
    memo = replace(progress.memo, fetched=image.size, fetch_size=image.size, tries=0)
    return Outcome(Event.PASSED, memo, f"downloaded from {build.builder}")


def _image_of(build: Build) -> Image | None:
    """The very bytes, if they are here already."""
    return Image.objects.filter(digest=build.digest).first() if store.held(build.digest) else None


def _builder_failed(work: Work, error: BuilderError) -> Outcome:
    """Nothing was touched: a few tries where another may help, then the words of the refusal."""
    memo = replace(work.memo, tries=work.memo.tries + 1)
    reason = f"The build could not be downloaded: {error}"
    if error.retryable and memo.tries < MAX_TRIES:
        return Outcome(Event.WAIT, memo, reason, judge.backoff(memo.tries, work.timings))
    return Outcome(Event.REFUSED, memo, reason)


class _Progress:
    """Writes into the row, now and then, how far a download is."""

    def __init__(self, lease: Lease, memo: Memo) -> None:
        self.memo = memo
        self._lease = lease
        self._written = time.monotonic()

    def __call__(self, fetched: int, size: int | None) -> None:
        if time.monotonic() - self._written < PROGRESS_EVERY:
            return
        self._written = time.monotonic()
        self.memo = replace(self.memo, fetched=fetched, fetch_size=size or 0)
        self._lease.write(memo=self.memo.to_json())
