"""The oracle has to see what it is there for: each rule is broken once, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.oracle import violations
from tests.chaos.points import Run
from tests.chaos.world import World
from unikernels.operations import judge, record, steps, tasks
from unikernels.operations.facts import Answer, Memo
from unikernels.operations.machine import Event, Running, State

Patch = pytest.MonkeyPatch


def sends_whatever_it_sees(patch: Patch) -> None:
    def judged(memo: Memo, *_: Any, **__: Any) -> Event:
        return Event.SEND_AGAIN if memo.sends < 2 else Event.ARRIVED

    patch.setattr(judge, "judge_swap", judged)
    patch.setitem(steps.STEPS, State.RESEND, steps.swap)


def believes_the_answer(patch: Patch) -> None:
    patch.setattr(judge, "judge_stay", lambda memo, *_: Event.GOOD if memo.looks else Event.WAIT)


def takes_any_answer_for_healthy(patch: Patch) -> None:
    patch.setattr(judge, "judge_answers", lambda *_: Event.GOOD)


def lies_about_what_runs(patch: Patch) -> None:
    patch.setattr(record, "_running", lambda *_: Running.NO)


def calls_it_untouched(patch: Patch) -> None:
    patch.setattr(judge, "judge_swap", lambda *_, **__: Event.UNTOUCHED)


def never_sweeps(patch: Patch) -> None:
    patch.setattr(tasks.sweep, "run", lambda: 0)


def takes_what_was_not_seen_for_done(patch: Patch) -> None:
    def judged(memo: Memo, *_: Any, **__: Any) -> Event:
        return Event.ARRIVED if memo.answer is not Answer.FAILURE else Event.LOST

    patch.setattr(judge, "judge_swap", judged)
    patch.setattr(judge, "judge_stay", lambda *_: Event.GOOD)


def forgets_the_version(patch: Patch) -> None:
    patch.setattr(record, "_succeeded", lambda *_: {"unstable": False})


BROKEN: list[tuple[Callable[[Patch], None], str, str]] = [
    (believes_the_answer, "upgrade/dies/held #0", "does not run"),
    (takes_any_answer_for_healthy, "upgrade/sick/held/checks #0", "succeeded with failing checks"),
    (
        lies_about_what_runs,
        "deploy/sick/held/checks #0",
        "failed, running: no, and something runs",
    ),
    (calls_it_untouched, "upgrade/good/held #0", "what ran was touched"),
    (never_sweeps, "upgrade/good/held killed-after-write@swap #0", "it never ended"),
    (takes_what_was_not_seen_for_done, "upgrade/good/held change-dropped@swap #0", "does not run"),
    (sends_whatever_it_sees, "upgrade/good/held #0", "a second swap"),
    (forgets_the_version, "upgrade/good/held #0", "as the current one"),
]


@pytest.mark.parametrize(
    ("breaking", "run", "seen"), BROKEN, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_broken_rule_is_seen(
    world: World, monkeypatch: Patch, breaking: Callable[[Patch], None], run: str, seen: str
) -> None:
    assert violations(world.play(Run.parse(run))) == []
    breaking(monkeypatch)
    found = violations(world.play(Run.parse(run)))
    assert any(seen in sentence for sentence in found), found
