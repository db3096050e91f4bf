"""One process of the harness: its people, rows, instance and builder, and what becomes of one run."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from accounts.models import Event
from albatross.client import Client, calls
from albatross.messages import Info, PolicyAdd
from albatross.names import Name
from mollymawk.celery import WakeUp
from mollymawk.errors import ApplicationError, Conflict
from tests.chaos import scenes
from tests.chaos.builder import URL, Builder
from tests.chaos.clock import Clock, unbound
from tests.chaos.database import Database, Killed
from tests.chaos.points import MISHAPS, Point, Run
from tests.chaos.wire import Line
from tests.chaos.yard import Entry, Told, Yard
from unikernels import models
from unikernels.checks import rounds
from unikernels.images import store
from unikernels.operations import record, runner, services, tasks
from unikernels.operations.lease import Lease
from unikernels.operations.machine import TERMINAL, Leg, State
from unikernels.operations.steps import STEPS
from unikernels.operations.work import Outcome, Work
from unikernels.windows import tasks as window_tasks

Outcomes = models.CheckResult.Outcome
SWEEP = 5.0  # seconds, as beat has it
DELIVERY = 0.001  # seconds that a message takes
LONGEST = 2 * 3600.0 + 300.0  # seconds after which a run that goes on is a violation
AFTERMATH = 20.0  # seconds after the end in which nothing may change any more
NAME = scenes.full_name("hello")
TABLES: tuple[type[Model], ...] = (
    Event,
    models.CheckResult,
    models.Check,
    models.RollbackWindow,
    models.Operation,
    models.Version,
    models.Unikernel,
)


@dataclass
class Story:
    """Everything that the oracle needs to know of one run."""

    run: Run
    operation: models.Operation | None = None
    unikernel: models.Unikernel | None = None
    before: Told = field(default_factory=Told)  # what ran when the change was asked for
    at_end: Told = field(default_factory=Told)  # what truly ran in the moment of the end
    later: Told = field(default_factory=Told)  # and a minute after it
    healthy_at_end: bool = False
    entries: list[Entry] = field(default_factory=list)
    places: list[tuple[Leg, State, State | None]] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)
    struck: list[Point] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    seconds: float = 0.0  # of virtual time, until the end
    moved_on: bool = False  # another operation began since


class World:
    """Made once a process; ``play`` as often as you like."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.yard = Yard(folder / "instance", self.clock)
        self.database = Database(self.clock)
        self.stage = scenes.Stage(self.yard, self.yard.papers, "127.0.0.1:1025", URL)
        self.builder = Builder(self.clock, self.stage.catalogue)
        self._kept = [image.pk for image in self.stage.uploaded.values()]
        sick = (self.stage.images["sick"], self.stage.images["uploaded-sick"])
        self._sick = {hashlib.sha256(image).hexdigest() for image in sick}
        self._messages: set[int] = set()
        self._number = 0

    def close(self) -> None:
        """Let go of what it holds."""
        self.yard.end()
        self.clock.loop.close()

    # --- one run -------------------------------------------------------------------------------------

    def play(self, run: Run) -> Story:
        """Do *run* from its beginning to a minute after its end."""
        with self._ready(run):
            self.story = Story(run)
            scenes.prepare(self.stage, run.scene)
            self.story.before = Told.of(self.yard.running())
            self.story.entries = self.yard.story
            self.yard.story.clear()
            began = self.clock.now
            self.clock.at(began + SWEEP, self._sweep)
            self.story.operation = scenes.ask(self.stage, run.scene)
            self._to_the_end()
            self.story.seconds = self.clock.now - began
            self._aftermath()
            return self.story

    def _to_the_end(self) -> None:
        limit = self.clock.now + LONGEST
        self.clock.wait(lambda: self._ended, limit)

    def _aftermath(self) -> None:
        story = self.story
        assert story.operation is not None
        self.clock.sleep(AFTERMATH)
        self.database.reset(random.Random(0))
        story.moved_on = models.Operation.objects.filter(pk__gt=story.operation.pk).exists()
        story.later = Told.of(self.yard.running())
        story.operation = models.Operation.objects.select_related("target", "fallback").get(
            pk=story.operation.pk
        )
        story.unikernel = models.Unikernel.objects.select_related("current").get(operations=story.operation)

    @contextlib.contextmanager
    def _ready(self, run: Run) -> Iterator[None]:
        """Everything as new, and everybody in this world."""
        self._number += 1
        self._ended = False
        self._due: dict[str, list[Point]] = {}
        for point in run.points:
            self._due.setdefault(point.step, []).append(point)
        self._kill: str | None = None
        self.chance = random.Random(f"{run}")
        self.clock.forget()
        self.clock.now += 1000.0
        self.yard.reset(NAME)
        self.builder.reset()
        self.database.reset(self.chance)
        self.yard.run(PolicyAdd(scenes.POLICY), Name(NAME.path))
        with self.clock.rules(), self._patched(run), self.builder.answering(), self.database.watched():
            try:
                yield
            finally:
                self.database.reset(random.Random(0))
                self.clock.forget()
                self.yard.close()
                self.clock.settle()
                self._forget()

    def _forget(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for model in TABLES:
                if model is Event and connection.vendor == "postgresql":
                    continue  # there they are append-only
                cursor.execute(f'DELETE FROM "{model._meta.db_table}"')
        for image in models.Image.objects.exclude(pk__in=self._kept):  # fetched in this run
            store.remove(image.digest)
            image.delete()

    @contextlib.contextmanager
    def _patched(self, run: Run) -> Iterator[None]:
        Line.yard = self.yard
        steps = {state: self._watched(step) for state, step in STEPS.items()}
        patches = (
            mock.patch.object(calls, "Connection", Line),
            mock.patch.object(Client, "unikernels", unbound(self._look)),
            mock.patch.object(runner, "STEPS", steps),
            mock.patch.object(record, "write", self._write),
            mock.patch.object(Lease, "guard", unbound(self._guard)),
            mock.patch.object(WakeUp, "apply_async", unbound(self._send)),
            mock.patch.object(rounds, "configured", return_value=run.scene.checks),
            mock.patch.object(rounds, "run", self._round),
        )
        with contextlib.ExitStack() as stack:
            for patch in patches:
                stack.enter_context(patch)
            yield

    # --- what happens on the way -----------------------------------------------------------------------

    def _watched(self, step: Callable[[Work], Outcome]) -> Callable[[Work], Outcome]:
        def watched(work: Work) -> Outcome:
            if self.story.operation is None or work.operation.pk == self.story.operation.pk:
                self._strike(("back." if work.leg is Leg.BACK else "") + work.state)
            return step(work)

        return watched

    def _strike(self, step: str) -> None:
        self.story.reached.add(step)
        for point in self._due.pop(step, ()):
            self.story.struck.append(point)
            MISHAPS[point.mishap].strike(self)

    _real_write = staticmethod(record.write)
    _real_guard = staticmethod(Lease.guard)
    _real_look = staticmethod(Client.unikernels)

    def _write(self, work: Work, outcome: Outcome) -> State:
        self._die_if("before")
        try:
            state = World._real_write(work, outcome)
        except DatabaseError:
            if self.database.in_doubt:
                self.story.places.append((work.leg, work.state, None))
            raise
        self.story.places.append((work.leg, work.state, state))
        if state in TERMINAL and self.story.operation and work.operation.pk == self.story.operation.pk:
            self._end()
        self._die_if("after")
        return state

    def _end(self) -> None:
        self._ended = True
        self.story.at_end = Told.of(self.yard.running())
        self.story.healthy_at_end = self._healthy()

    def _look_for_the_end(self) -> None:
        """When the answer to the last commit was lost, nobody told."""
        places, operation = self.story.places, self.story.operation
        if places and places[-1][2] is None and operation is not None:
            with contextlib.suppress(DatabaseError):
                if models.Operation.objects.filter(pk=operation.pk, finished_at__isnull=False).exists():
                    self._end()

    def _guard(self, lease: Lease) -> float:
        left = World._real_guard(lease)
        self._die_if("amid")
        return left

    def _die_if(self, moment: str) -> None:
        if self._kill == moment:
            self._kill = None
            self.database.dead = True
            raise Killed

    def _look(self, *args: Any, **words: Any) -> list[tuple[Name, Info]]:
        found = World._real_look(*args, **words)
        self.yard.story.append(Entry("seen", Told.of(dict(found).get(NAME))))
        return found

    def _round(self, thing: Any, **_: Any) -> rounds.Round:
        outcome = Outcomes.PASSED if self._healthy() else Outcomes.FAILED
        return rounds.Round(outcome, f"the check {outcome}")

    def _healthy(self) -> bool:
        info = self.yard.running()
        return info is not None and info.digest.hex() not in self._sick

    # --- messages and workers ----------------------------------------------------------------------------

    def _send(self, task: Any, args: Any = (), kwargs: Any = None, countdown: float = 0, **_: Any) -> None:
        del kwargs
        self._number += 1
        number = self._number
        self._messages.add(number)

        def arrive() -> None:
            if number in self._messages:
                self._messages.remove(number)
                self._work(task.run, *args)

        self.clock.at(self.clock.now + countdown + DELIVERY, arrive)

    def _sweep(self) -> None:
        self.clock.at(self.clock.now + SWEEP, self._sweep)
        if not self._ended:
            self._work(tasks.sweep.run)
            self._look_for_the_end()
        else:
            self._work(_sweep_windows)

    def _work(self, task: Callable[..., Any], *arguments: Any) -> None:
        """A worker does *task*, as long as it lives."""
        try:
            task(*arguments)
        except Killed:
            self.story.notes.append("a worker was killed")
        except DatabaseError as error:
            self.story.notes.append(f"a task failed: {error}")
        except Exception as error:  # noqa: BLE001 - a mistake of ours, which the oracle tells
            self.story.mistakes.append(f"{type(error).__name__}: {error}")
        finally:
            self.database.dead = False

    # --- what faults do ------------------------------------------------------------------------------

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Have *action* happen in *seconds*."""
        self.clock.at(self.clock.now + seconds, action)

    def empty_broker(self) -> None:
        """All messages are lost."""
        self._messages.clear()

    def kill(self, moment: str) -> None:
        """The worker dies before or after its next write, or when it next asks for its lease."""
        self._kill = moment

    def cancel(self) -> None:
        """A person cancels."""
        operation = self.story.operation
        assert operation is not None
        self._person(lambda: services.cancel(actor=self.stage.actor, operation=operation))

    def ask_again(self) -> None:
        """Another person asks for the same."""
        operation = self.story.operation
        assert operation is not None

        def again() -> None:
            try:
                scenes.ask(self.stage, self.story.run.scene)
            except Conflict:
                return
            if (
                models.Operation.objects.filter(unikernel=operation.unikernel_id, finished_at=None).count()
                > 1
            ):
                self.story.mistakes.append("two operations at once for one unikernel")
            elif not self._ended:
                self.story.mistakes.append("a second request was taken while the first was under way")

        self._person(again)

    def _person(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (ApplicationError, DatabaseError) as error:
            self.story.notes.append(f"a person was told: {error}")


def _sweep_windows() -> None:
    if models.RollbackWindow.objects.exists():
        window_tasks.sweep.run()
