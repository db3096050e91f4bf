"""The pure machine and its judgements against a model of an instance, in every order of things.

The model instance is honest but awkward: answers get lost, kills and starts come late, processes end,
and now and then it cannot be asked. (What is made of an instance that lies is tested by the chaos.)
Whether every (leg, state, event) is in the table or illegal is in ``test_machine``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from unikernels.operations.facts import Answer, Look, Memo, Sight
from unikernels.operations.judge import Timings, judge_stay, judge_swap, stay
from unikernels.operations.machine import (
    BEFORE_COMMIT,
    TERMINAL,
    TRANSITIONS,
    Event,
    IllegalEvent,
    Leg,
    State,
    follow,
)

T = Timings()
OLD, NEW = "old", "new"
NEWS = st.lists(
    st.sampled_from(["look", "look", "look", "look", "dark", "something comes late", "it ends"]),
    min_size=1,
    max_size=10,
)
DECIDED = {Event.LOST, Event.SEND_AGAIN, Event.UNTOUCHED, Event.FOREIGN, Event.UNKNOWABLE}


@dataclass(frozen=True)
class Process:
    """What runs under the name."""

    version: str
    started: int


class Instance:
    """What runs, and the change that is still on its way: first the kill, then the start."""

    def __init__(self) -> None:
        self.clock = 100
        self.running: Process | None = Process(OLD, self.clock)
        self.coming: list[str | None] = []
        self.touched = False

    def begin(self, version: str) -> None:
        """A force_create was taken in whole: kill what runs, then start *version*."""
        self.coming += [None, version]

    def proceed(self) -> None:
        """The next of what is on its way happens, if anything is."""
        if not self.coming:
            return
        version = self.coming.pop(0)
        self.touched = True
        self.clock += 1
        self.running = Process(version, self.clock) if version else None


class Operation(RuleBasedStateMachine):
    """An upgrade with a fallback, step by step, as ``runner`` and ``steps`` do it."""

    @initialize(state=st.sampled_from([State.CHECK, *[State.PREFLIGHT] * 4]), calm=st.integers(0, 25))
    def begin(self, state: State, calm: int) -> None:
        self.calm = calm  # steps until somebody may interrupt
        self.instance = Instance()
        self.leg, self.state = Leg.OUT, state
        self.memo = Memo()
        self.now = 0.0
        self.last = Event.PASSED
        self.sent: list[tuple[str, Process | None]] = []  # on this leg: the version, and what was seen before
        self.seen: Process | None = None

    # --- the operation ---------------------------------------------------------------------------------

    @property
    def wanted(self) -> str:
        return OLD if self.leg is Leg.BACK else NEW

    def happens(self, event: Event) -> None:
        """Follow the table, as ``record.write`` does."""
        before = self.leg
        self.calm -= 1
        self.leg, self.state = follow(self.leg, self.state, event)
        self.last = event
        if self.leg is not before:
            self.memo, self.sent = self.memo.for_way_back("it did not work"), []

    def look(self, *, dark: bool) -> Look:
        """What one look shows of this leg's target."""
        if dark:
            return Look(self.now, Sight.DARK)
        self.seen = there = self.instance.running
        if there is None:
            return Look(self.now, Sight.NOTHING)
        return Look(self.now, self.sight_of(there), there.started, there.version)

    def sight_of(self, there: Process) -> Sight:
        was = self.memo.before
        anew = was is None or was.started != there.started
        if there.version == self.wanted and anew:
            return Sight.TARGET
        return Sight.BEFORE if not anew else Sight.STALE

    @precondition(lambda self: self.state in BEFORE_COMMIT - {State.SWAP})
    @rule(events=st.lists(st.sampled_from([*[Event.PASSED] * 12, Event.WAIT, Event.REFUSED]), min_size=6))
    def prepare(self, events: list[Event]) -> None:
        for event in events:
            if self.state is State.PREFLIGHT:
                self.preflight()
            elif self.state in BEFORE_COMMIT - {State.SWAP}:
                self.happens(event)

    def preflight(self) -> None:
        there = self.instance.running
        before = Look(self.now, Sight.BEFORE, there.started, there.version) if there else None
        self.memo = replace(self.memo, before=before)
        gone = self.leg is Leg.OUT and (there is None or there.version != OLD)
        self.happens(Event.REFUSED if gone else Event.PASSED)

    @precondition(lambda self: self.state in {State.SWAP, State.RESEND})
    @rule(
        fate=st.sampled_from(
            ["breaks", "done", "done, not told", "late", "late", "ignored", "refused", "kills"]
        )
    )
    def send(self, fate: str) -> None:
        """An honest instance says DONE only when it was, and FAILURE only when it did not start it."""
        if fate == "breaks":
            return self.happens(Event.NOT_SENT)
        self.sent.append((self.wanted, self.seen))
        if fate not in {"ignored", "refused"}:
            self.instance.begin(self.wanted)
        while self.instance.coming and fate.startswith("done"):
            self.instance.proceed()
        if fate == "kills":
            self.instance.proceed()
            self.instance.coming.clear()
        answer = {"done": Answer.DONE, "refused": Answer.FAILURE, "kills": Answer.FAILURE}.get(
            fate, Answer.UNCLEAR
        )
        sends = self.memo.sends + 1
        self.memo = replace(self.memo, sends=sends, sent_at=self.now, answer=answer, looks=())
        return self.happens(Event.SENT)

    @precondition(lambda self: self.state in {State.OBSERVE, State.PROVE})
    @rule(news=NEWS)
    def go_on(self, news: list[str]) -> None:
        for what in news:
            if what == "it ends":
                self.instance.running = None
            elif what == "something comes late":
                self.instance.proceed()
            elif self.state is State.OBSERVE:
                self._observe(dark=what == "dark")
            elif self.state is State.PROVE:
                self._prove(dark=what == "dark")

    def _observe(self, *, dark: bool) -> None:
        self.now += T.look_gap
        look = self.look(dark=dark)
        self.memo = self.memo.saw(look)
        event = judge_swap(self.memo, self.now, T, insist=self.leg is Leg.BACK)
        if event in DECIDED:
            first, second = [look for look in self.memo.looks if look.sight is not Sight.DARK][-2:]
            assert (first.sight, first.started) == (second.sight, second.started), "decided from one look"
        if event is Event.ARRIVED:
            fresh = replace(self.memo, looks=(), proving_since=look.at, up_started=None, restarts=0)
            self.memo = stay(fresh, look)
        self.happens(event)

    def _prove(self, *, dark: bool) -> None:
        self.now += 2.0
        self.memo = stay(self.memo, self.look(dark=dark))
        self.happens(judge_stay(self.memo, self.now, T))

    # --- the world -------------------------------------------------------------------------------------

    @precondition(lambda self: self.state not in BEFORE_COMMIT | TERMINAL)
    @rule(seconds=st.sampled_from([0.5, 5.0, 40.0, 130.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.calm < 0 and Event.EXPIRED in TRANSITIONS[self.leg].get(self.state, {}))
    @rule(event=st.sampled_from([Event.CANCEL, Event.EXPIRED]))
    def something_interrupts(self, event: Event) -> None:
        if event in TRANSITIONS[self.leg][self.state]:
            self.calm = 6
            self.happens(event)

    @precondition(lambda self: self.state in TERMINAL)
    @rule(event=st.sampled_from(Event))
    def nothing_happens_after_the_end(self, event: Event) -> None:
        while self.instance.coming:
            self.instance.proceed()
        with pytest.raises(IllegalEvent):
            follow(self.leg, self.state, event)

    # --- what always holds -------------------------------------------------------------------------------

    @invariant()
    def it_ends_or_goes_on(self) -> None:
        assert self.state in TERMINAL or self.state in TRANSITIONS[self.leg]

    @invariant()
    def untouched_means_untouched(self) -> None:
        if self.state in {State.ABORTED, State.CANCELLED}:
            assert not self.instance.touched

    @invariant()
    def success_was_seen(self) -> None:
        if self.state is State.SUCCEEDED:
            assert self.last is Event.GOOD
            assert self.seen is not None
            assert self.seen.version == NEW

    @invariant()
    def rolled_back_was_seen(self) -> None:
        if self.state is State.ROLLED_BACK:
            assert self.seen is not None
            assert (self.seen.version, self.leg) == (OLD, Leg.BACK)

    @invariant()
    def never_more_than_three_sends_to_one_target(self) -> None:
        assert len(self.sent) <= T.max_sends

    @invariant()
    def never_sent_again_while_the_target_was_seen(self) -> None:
        for version, seen in self.sent[1:]:
            assert seen is None or seen.version != version or self.was_there_before(seen)

    def was_there_before(self, seen: Process) -> bool:
        return self.memo.before is not None and self.memo.before.started == seen.started


TestOperation = Operation.TestCase
TestOperation.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
