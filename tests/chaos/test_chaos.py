"""A sample of the chaos: the same runs each time. ``make chaos`` plays them all."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.chaos.oracle import violations
from tests.chaos.plans import sample
from tests.chaos.playing import outcome_of
from tests.chaos.points import MISHAPS, Part, Run, Scene, points_of
from tests.chaos.world import Story, World
from unikernels.operations.machine import Kind

PARTS, RUNS = 10, 15


@pytest.mark.parametrize("seed", range(PARTS))
def test_whatever_goes_wrong_the_end_is_true(world: World, seed: int) -> None:
    stories = [world.play(run) for run in sample(seed, RUNS)]
    found = [f"{sentence}\n    {story.run.command}" for story in stories for sentence in violations(story)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", [Kind.UPGRADE, Kind.CONFIGURE, Kind.ROLLBACK])
def test_every_part_fails_at_some_step_of_every_change(kind: Kind) -> None:
    assert {MISHAPS[point.mishap].part for point in points_of(Scene(kind))} == set(Part)


CALM = {
    "deploy/good/held": "succeeded",
    "upgrade/good/held": "succeeded",
    "upgrade/dies/held": "rolled_back",
    "upgrade/sick/held/checks": "rolled_back",
    "upgrade/wrong-abi/held": "aborted",
    "upgrade/other-devices/held": "aborted",
    "configure/good/foreign": "succeeded",
    "configure/dies/held": "rolled_back",
    "rollback/good/held": "succeeded",
    "restart/good/foreign": "succeeded",
    "destroy/good/foreign": "succeeded",
}


@pytest.mark.parametrize("scene", CALM)
def test_without_a_fault_every_scene_ends_as_it_should(world: World, scene: str) -> None:
    story = world.play(Run.parse(f"{scene} #0"))
    assert (outcome_of(story), violations(story)) == (CALM[scene], [])


SILENT = [
    (
        "upgrade/good/held builder-slow@fetch #0",
        "The build could not be downloaded: The builder took too long.",
    ),
    ("upgrade/good/held never-answers-again@preflight #0", "The instance did not answer in time."),
]


@pytest.mark.parametrize(("run", "reason"), SILENT)
def test_who_is_silent_for_longer_than_a_lease_is_given_up_with_words(
    world: World, run: str, reason: str
) -> None:
    story = world.play(Run.parse(run))
    assert story.operation is not None
    assert (outcome_of(story), story.operation.reason) == ("aborted", reason)
    assert story.seconds < 120  # and not begun anew by one worker after the other until the deadline


def test_what_ended_while_the_instance_was_silent_is_not_said_to_run(world: World) -> None:
    story = world.play(Run.parse("deploy/dies/held never-answers-again@prove #0"))
    assert (outcome_of(story), violations(story)) == ("failed/unknown", [])


def test_what_was_told_to_end_and_then_could_not_be_reached_is_not_said_to_run(world: World) -> None:
    run = "destroy/good/foreign old-one-ends-slowly@swap never-answers-again@resend #6"
    story = world.play(Run.parse(run))
    assert (outcome_of(story), violations(story)) == ("failed/unknown", [])


def test_a_run_is_the_same_each_time(world: World) -> None:
    run = Run.parse("upgrade/good/held dark@observe database-after@prove #7")
    first, second = world.play(run), world.play(run)
    assert told(first) == told(second)
    assert len(first.struck) == 2


def told(story: Story) -> list[object]:
    """What happened, without the numbers that differ by when it happened."""
    return [
        *story.places,
        *((entry.what, entry.told.digest, entry.told.memory) for entry in story.entries),
        *story.notes,
        round(story.seconds, 2),
        outcome_of(story),
    ]


def test_a_run_reads_what_it_writes() -> None:
    for run in sample(5, 50):
        assert asdict(Run.parse(str(run))) == asdict(run)


def test_the_time_is_not_ours(world: World) -> None:
    story = world.play(Run.parse("upgrade/good/held old-one-never-ends@swap #0"))
    assert story.seconds > 60  # seconds that nobody waited for
