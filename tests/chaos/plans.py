"""Which runs there are: every single fault, and every pair of faults that can meet.

A pair can meet when a run with the first fault alone comes to the step of the second; any other pair
is the same run as one with a single fault. So singles come first, and tell which steps they reached.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence

from tests.chaos.points import STEPS, Point, Run, Scene, points_of
from unikernels.operations.machine import Kind

# Of all scenes every pair of faults, at steps that the seed chooses; of these then every pair at every pair of steps.
THOROUGH = (Scene(Kind.UPGRADE),)
OTHERS = (
    Scene(Kind.UPGRADE, "dies"),
    Scene(Kind.UPGRADE, "sick", checks=True),
    Scene(Kind.UPGRADE, "good", "foreign", checks=True),
    Scene(Kind.UPGRADE, "wrong-abi"),
    Scene(Kind.UPGRADE, "other-devices"),
    Scene(Kind.ROLLBACK),
    Scene(Kind.ROLLBACK, "sick", checks=True),
    Scene(Kind.CONFIGURE, "good", "foreign"),
    Scene(Kind.CONFIGURE, "dies"),
    Scene(Kind.DEPLOY),
    Scene(Kind.DEPLOY, "dies"),
    Scene(Kind.RESTART, "good", "foreign"),
    Scene(Kind.DESTROY, "good", "foreign"),
)
SCENES = (*THOROUGH, *OTHERS)

Reached = Mapping[Run, frozenset[str]]  # by a run with one fault or none: the steps it came to


def calm(seed: int) -> list[Run]:
    """Every scene without a fault."""
    return [Run(scene, (), seed) for scene in SCENES]


def singles(seed: int, reached: Reached) -> list[Run]:
    """Every scene with every fault at every step that it comes to."""
    runs = [
        Run(scene, (point,), seed)
        for scene in SCENES
        for point in points_of(scene)
        if point.step in reached.get(Run(scene, (), seed), frozenset())
    ]
    random.Random(seed).shuffle(runs)
    return runs


def pairs(seed: int, reached: Reached) -> list[Run]:
    """Every pair of faults of every scene, then the same at all other steps, which are the most: in an order
    that the seed chooses.
    """
    chance = random.Random(seed)
    some = [run for scene in SCENES for run in _some(scene, seed, reached, chance)]
    every = {Run(scene, pair, seed) for scene in THOROUGH for pair in _meeting(scene, seed, reached)}
    rest = sorted(every.difference(some), key=str)
    chance.shuffle(some)
    chance.shuffle(rest)
    return some + rest


def _some(scene: Scene, seed: int, reached: Reached, chance: random.Random) -> Iterator[Run]:
    """One pair of steps for each pair of faults."""
    found: dict[tuple[str, str], list[tuple[Point, Point]]] = {}
    for pair in _meeting(scene, seed, reached):
        first, second = sorted(point.mishap for point in pair)
        found.setdefault((first, second), []).append(pair)
    for _, choices in sorted(found.items()):
        yield Run(scene, chance.choice(choices), seed)


def _meeting(scene: Scene, seed: int, reached: Reached) -> Iterator[tuple[Point, Point]]:
    for first, second in itertools.product(points_of(scene), repeat=2):
        alone = reached.get(Run(scene, (first,), seed))
        if alone is None or first.step not in alone or second.step not in alone:
            continue
        if _order(first) < _order(second):
            yield first, second


def _order(point: Point) -> tuple[int, Point]:
    return STEPS.index(point.step), point


def sample(seed: int, count: int) -> Sequence[Run]:
    """*count* runs of all kinds with one or two faults, chosen by the seed; not all of them meet."""
    chance = random.Random(seed)
    runs = []
    for number in range(count):
        scene = SCENES[number % len(SCENES)]
        points = sorted(chance.sample(points_of(scene), 2 - number % 2), key=_order)
        runs.append(Run(scene, tuple(points), seed))
    return runs
