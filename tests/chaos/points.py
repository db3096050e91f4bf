"""What goes wrong, and at which step: the catalogue of faults, and how a run is written down."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from albatross.simulator.faults import Fault, Kind
from unikernels.operations import machine

if TYPE_CHECKING:
    from tests.chaos.world import World

FORWARD = ("check", "fetch", "verify", "preflight", "capture", "swap", "observe", "resend", "prove")
BACK = tuple(f"back.{step}" for step in ("preflight", "swap", "observe", "resend", "prove"))
STEPS = FORWARD + BACK
_SENDS = ("swap", "resend", "back.swap", "back.resend")
_LOOKS = ("observe", "prove", "back.observe", "back.prove")
_ASKS = ("check", "fetch", "preflight", "capture", *_SENDS, *_LOOKS, "back.preflight")
_CHANGES = ("unikernel_*create", "unikernel_restart", "unikernel_destroy")

OUTAGE = 40.0  # seconds: longer than a lease and than a resend waits, shorter than a deadline
SLOW = 20.0  # seconds: longer than a lease, shorter than a client waits
LAG = 5.0  # seconds that `info` is behind: less than a proof takes, or nobody could know better
FOR_EVER = 10_000.0  # seconds: longer than any deadline


class Part(enum.StrEnum):
    """Who or what fails."""

    INSTANCE = "instance"
    BUILDER = "builder"
    DATABASE = "database"
    BROKER = "broker"
    WORKER = "worker"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Mishap:
    """One kind of fault: what it does, and the steps at which it makes a difference."""

    name: str
    part: Part
    steps: tuple[str, ...]
    strike: Callable[[World], None]


def _instance(kind: Kind, *commands: str, **words: float | None) -> Callable[[World], None]:
    def strike(world: World) -> None:
        for command in commands or ("*",):
            world.yard.faults.add(Fault(kind, command=command, **words))  # type: ignore[arg-type]  # by name

    return strike


def _for_a_while(seconds: float, fault: Fault) -> Callable[[World], None]:
    def strike(world: World) -> None:
        world.yard.faults.add(fault)
        world.later(seconds, lambda: world.yard.faults.drop(fault.kind))

    return strike


def _lingers(world: World) -> None:
    world.yard.daemon.lag = LAG


def _old_digest(world: World) -> None:
    world.yard.daemon.old_digest = 3


def _builder(kind: str, **words: float) -> Callable[[World], None]:
    return lambda world: world.builder.fault(kind, times=world.chance.choice((1, None)), **words)


def _of(part: Part, steps: tuple[str, ...], **kinds: Callable[[World], None]) -> Iterator[Mishap]:
    for name, strike in kinds.items():
        yield Mishap(name.replace("_", "-"), part, steps, strike)


def _catalogue() -> Iterator[Mishap]:
    yield from _of(
        Part.INSTANCE,
        _ASKS,
        refuse=_instance(Kind.REFUSE),
        refuse_thrice=_instance(Kind.REFUSE, times=3),
        dark=_for_a_while(OUTAGE, Fault(Kind.UNREACHABLE)),
        reply_lost=_instance(Kind.CLOSE_AFTER),
        never_answers=_instance(Kind.HANG),
        never_answers_again=_instance(Kind.HANG, times=None),
        answers_slowly=_for_a_while(4 * OUTAGE, Fault(Kind.DELAY, seconds=SLOW, times=None)),
    )
    yield from _of(
        Part.INSTANCE,
        _SENDS,
        change_reply_lost=_instance(Kind.CLOSE_AFTER, *_CHANGES),
        change_reply_late=_instance(Kind.DELAY, *_CHANGES, seconds=FOR_EVER),
        change_dropped=_instance(Kind.CLOSE_BEFORE, *_CHANGES),
        change_refused=_instance(Kind.FAIL, *_CHANGES),
        create_fails=_instance(Kind.CREATE_FAILS, *_CHANGES),
        stream_breaks=_instance(Kind.BREAK_STREAM, "unikernel_*create", after=1),
        old_one_ends_slowly=_instance(Kind.SLOW_EXIT, *_CHANGES, seconds=OUTAGE),
        old_one_never_ends=_instance(Kind.SLOW_EXIT, *_CHANGES, seconds=FOR_EVER),
    )
    yield from _of(
        Part.INSTANCE,
        _LOOKS,
        old_one_lingers=_lingers,
        started_changes=_instance(Kind.STARTED_CHANGES, "unikernel_info", times=3),
        wrong_digest=_instance(Kind.WRONG_DIGEST, "unikernel_info", times=3),
        old_digest=_old_digest,
        exits=lambda world: world.yard.exits(),
    )
    yield from _of(
        Part.BUILDER,
        ("fetch",),
        builder_404=_builder("not_found"),
        builder_cut=_builder("cut"),
        builder_wrong_hash=_builder("wrong_hash"),
        builder_wrong_length=_builder("wrong_length"),
        builder_slow=_builder("slow", seconds=15),
        builder_not_elf=_builder("not_elf"),
    )
    yield from _of(
        Part.DATABASE,
        STEPS,
        database_before=lambda world: world.database.lose(),
        database_after=lambda world: world.database.lose(after=True),
        database_away=lambda world: world.database.lose(seconds=OUTAGE),
    )
    yield from _of(Part.BROKER, STEPS, broker_emptied=lambda world: world.empty_broker())
    yield from _of(
        Part.WORKER,
        STEPS,
        killed_before_write=lambda world: world.kill("before"),
        killed_after_write=lambda world: world.kill("after"),
        killed_amid=lambda world: world.kill("amid"),
        stalls=lambda world: world.clock.sleep(OUTAGE),
    )
    yield from _of(
        Part.PERSON,
        STEPS,
        cancel=lambda world: world.cancel(),
        cancel_amid=lambda world: world.later(0.005, world.cancel),
        second_request=lambda world: world.ask_again(),
    )


MISHAPS: Mapping[str, Mishap] = {mishap.name: mishap for mishap in _catalogue()}


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """A fault at a step, ``dark@swap``."""

    mishap: str
    step: str

    def __str__(self) -> str:
        return f"{self.mishap}@{self.step}"

    @classmethod
    def parse(cls, text: str) -> Self:
        mishap, _, step = text.partition("@")
        if mishap not in MISHAPS or step not in STEPS:
            raise ValueError(f"no such fault at a step: {text}")
        return cls(mishap, step)


@dataclass(frozen=True)
class Scene:
    """What is done to what: a kind, what the new version is like, and where its bytes come from.

    ``new``: ``good``, ``dies`` (ends at once), ``sick`` (runs, and fails its check). ``old``:
    ``held`` (its bytes are in the store) or ``foreign`` (they have to be captured first).
    """

    kind: machine.Kind
    new: str = "good"
    old: str = "held"
    checks: bool = False

    def __str__(self) -> str:
        return f"{self.kind}/{self.new}/{self.old}{'/checks' if self.checks else ''}"

    @classmethod
    def parse(cls, text: str) -> Self:
        kind, new, old, *checks = text.split("/")
        return cls(machine.Kind(kind), new, old, checks == ["checks"])


@dataclass(frozen=True)
class Run:
    """One run: a scene, what goes wrong in it, and a seed for what the catalogue leaves open."""

    scene: Scene
    points: tuple[Point, ...] = ()
    seed: int = 0

    def __str__(self) -> str:
        return " ".join([str(self.scene), *map(str, self.points), f"#{self.seed}"])

    @classmethod
    def parse(cls, text: str) -> Self:
        scene, *points, seed = text.split()
        return cls(Scene.parse(scene), tuple(map(Point.parse, points)), int(seed.removeprefix("#")))

    @cached_property
    def command(self) -> str:
        """What repeats exactly this run."""
        return f'python -m tests.chaos --run "{self}"'


def points_of(scene: Scene) -> list[Point]:
    """Every fault at every step that *scene* can come to."""
    first = list(machine.State).index(machine.FIRST_STATE[scene.kind])
    steps = {state.value for state in list(machine.State)[first:]}
    if scene.kind in {machine.Kind.UPGRADE, machine.Kind.CONFIGURE, machine.Kind.ROLLBACK}:
        steps |= set(BACK)
    return [Point(m.name, step) for m in MISHAPS.values() for step in m.steps if step in steps]
