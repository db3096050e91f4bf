"""What has to be true after a run, whatever happened in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from tests.chaos.points import MISHAPS, Part
from tests.chaos.world import Story
from tests.chaos.yard import Told
from unikernels.models import Operation, Version
from unikernels.operations.machine import FIRST_STATE, TRANSITIONS, Kind, Leg, Running, State

LATE = timedelta(seconds=60)  # that nothing may be open past its deadline
_OURS = ("unikernel_create", "unikernel_force_create", "unikernel_restart")


def violations(story: Story) -> list[str]:
    """Sentences; none when all is well."""
    operation = story.operation
    if operation is None:
        return ["the request was not taken"]
    found = list(story.mistakes)
    if operation.finished_at is None:
        return [*found, f"it never ended: it stands in {operation.state}"]
    rules: tuple[Callable[[Story, Operation], Iterator[str]], ...] = (
        _in_time,
        _legal,
        _true,
        _settled,
        _sent_once,
    )
    return [*found, *(sentence for rule in rules for sentence in rule(story, operation))]


def _in_time(story: Story, operation: Operation) -> Iterator[str]:
    del story
    assert operation.finished_at is not None
    if operation.finished_at > operation.deadline_at + LATE:
        late = (operation.finished_at - operation.deadline_at).total_seconds()
        yield f"it ended {late:.0f} s after its deadline"


def _legal(story: Story, operation: Operation) -> Iterator[str]:
    """Every step followed from the one before, and each is in the table."""
    place: State | None = FIRST_STATE[Kind(operation.kind)]
    for leg, state, following in story.places:
        if place not in {state, None}:  # None: the answer of the database was lost
            yield f"it went on in {state} after {place}"
        if following not in {None, *(to for _, to in TRANSITIONS[leg][state].values())}:
            yield f"{following} cannot follow {state} on the way {leg}"
        place = following
    if place not in {operation.state, None}:
        yield f"the row says {operation.state}, the last write was {place}"


# --- what the end says, and what runs ----------------------------------------------------------------


def _true(story: Story, operation: Operation) -> Iterator[str]:
    match State(operation.state):
        case State.SUCCEEDED:
            yield from _success(story, operation)
        case State.ABORTED | State.CANCELLED:
            yield from _untouched(story, operation)
        case State.ROLLED_BACK:
            yield from _runs(story, operation.fallback, "rolled_back")
        case State.FAILED:
            yield from _failure(story, operation)


def _success(story: Story, operation: Operation) -> Iterator[str]:
    if operation.kind == Kind.DESTROY:
        if story.at_end.started is not None:
            yield "it says gone, and it runs"
    else:
        yield from _runs(story, operation.target, "succeeded")
        if operation.kind == Kind.RESTART and story.at_end.started == story.before.started:
            yield "it says restarted, and the same process runs"


def _runs(story: Story, version: Version | None, word: str) -> Iterator[str]:
    assert version is not None
    if not _is(story.at_end, version):
        yield f"{word}, and version {version.number} does not run: {story.at_end}"
    elif story.run.scene.checks and not story.healthy_at_end:
        yield f"{word} with failing checks"


def _untouched(story: Story, operation: Operation) -> Iterator[str]:
    if story.at_end.started != story.before.started and not _exited(story):
        yield f"{operation.state}, and what ran was touched: {story.before} became {story.at_end}"


def _failure(story: Story, operation: Operation) -> Iterator[str]:
    runs = story.at_end.started is not None
    said = operation.running
    if said == Running.UNKNOWN:
        if not _had_trouble(story):
            yield "failed and unknown, though the instance could be asked"
    elif (said == Running.YES) != runs:
        yield f"failed, running: {said}, and {'something' if runs else 'nothing'} runs"
    if operation.fallback_id and not operation.going_back and operation.kind != Kind.ROLLBACK and not runs:
        yield "failed with nothing running, and it never tried to go back"


def _settled(story: Story, operation: Operation) -> Iterator[str]:
    """The unikernel's row tells the version that runs, and nothing changes after the end."""
    thing = story.unikernel
    assert thing is not None
    if operation.state == State.FAILED:
        return
    runs = story.at_end.started is not None and operation.kind != Kind.DESTROY
    if runs and thing.current is not None and not _is(story.at_end, thing.current):
        yield f"the row has version {thing.current.number} as the current one, and {story.at_end} runs"
    if story.later != story.at_end and not story.moved_on:
        yield f"after its end {story.at_end} became {story.later}"


def _is(told: Told, version: Version) -> bool:
    return told.is_version(version.digest, version.configuration["memory"])


def _exited(story: Story) -> bool:
    return any(point.mishap == "exits" for point in story.struck)


def _had_trouble(story: Story) -> bool:
    return any(MISHAPS[point.mishap].part is Part.INSTANCE for point in story.struck)


# --- never twice -------------------------------------------------------------------------------------


def _sent_once(story: Story, operation: Operation) -> Iterator[str]:
    """A version is started again only after the instance was seen without it."""
    del operation
    started: set[tuple[str, int]] = set()  # since something else was seen
    for entry in story.entries:
        version = (entry.told.digest, entry.told.memory)
        if entry.what == "seen":
            # The process of before the request is not the one that was asked for, whatever it runs.
            there = {version} if entry.told.started not in {None, story.before.started} else set()
            started &= there
        elif entry.what == "started" and entry.command in _OURS:
            if version in started:
                yield f"a second swap to {entry.told} without having seen the instance without it"
            started.add(version)


def backwards(story: Story) -> bool:
    """Whether it took the way back."""
    return any(leg is Leg.BACK for leg, _, _ in story.places)
