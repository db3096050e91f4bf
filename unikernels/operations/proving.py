"""Does it answer, does it stay? The check before a change, and the proof after it (design rule 7)."""

from __future__ import annotations

import time
from dataclasses import replace

from albatross.errors import AlbatrossError
from mollymawk.errors import ApplicationError
from unikernels.checks import rounds
from unikernels.operations import judge
from unikernels.operations.console import newest_lines
from unikernels.operations.facts import Health, Memo, Round
from unikernels.operations.looking import look_now, may_exit, too_early
from unikernels.operations.machine import Event, Kind, Leg
from unikernels.operations.plan import FAILING_CHECKS
from unikernels.operations.sending import words
from unikernels.operations.work import Outcome, Work

TENDERS = ("solo5-", "taskset: ")  # who starts a unikernel, and says on its console why it did not
PROVE_GAP = 2.0  # seconds between two looks while proving: ten seconds need five, at 9 ms of the host each


def check(work: Work) -> Outcome:
    """Does what runs now pass its checks? One round of a few has to; a person may go on without."""
    if may_exit(work) or not rounds.configured(work.unikernel):
        return Outcome(Event.PASSED, work.memo)
    if FAILING_CHECKS in work.operation.accepted:
        return Outcome(Event.PASSED, work.memo, "Its checks were not asked: somebody said to go on anyway.")
    found = _ask(work)
    memo = replace(work.memo, tries=work.memo.tries + 1)
    if found.health is Health.PASSED:
        return Outcome(Event.PASSED, replace(memo, tries=0), found.text)
    if memo.tries < work.timings.check_tries:
        return Outcome(Event.WAIT, memo, found.text, wait=work.timings.check_waits[0])
    failed = found.health is Health.FAILED
    what = "It does not answer as it is" if failed else "Its checks could not be made"
    return Outcome(Event.REFUSED, memo, f"{what}: {found.text}")


def prove(work: Work) -> Outcome:
    """Does it answer its checks, or without any: does it stay? For one that may exit: was it taken?"""
    if may_exit(work):
        return _taken(work)
    return _answers(work) if rounds.configured(work.unikernel) else _stays(work)


def _stays(work: Work) -> Outcome:
    gap = min(PROVE_GAP, work.timings.stay_up / 4)
    if early := too_early(work, gap):
        return early
    memo = judge.stay(work.memo, look_now(work))
    event = judge.judge_stay(memo, work.now, work.timings)
    wait = gap if event is Event.WAIT else 0.0
    return Outcome(event, memo, _stay_reason(memo, event, work), wait)


def _answers(work: Work) -> Outcome:
    rest = judge.next_round(work.memo, work.timings) - work.now
    if rest > 0.01:
        return Outcome(Event.WAIT, work.memo, work.memo.note, wait=rest)
    found = _ask(work)
    memo = judge.stay(work.memo.heard(found), look_now(work))
    event = judge.judge_answers(memo, time.time(), work.timings)
    if event is Event.BAD and work.kind is Kind.ROLLBACK and work.leg is not Leg.BACK and judge.runs(memo):
        event = Event.UNWELL  # what ran before the rollback was no better: this is where it ends
    wait = max(0.0, judge.next_round(memo, work.timings) - time.time()) if event is Event.WAIT else 0.0
    return Outcome(event, memo, _answer_reason(memo, event, work), wait)


def _ask(work: Work) -> Round:
    """One round of all checks, side by side. Nothing is held meanwhile but the lease."""
    found = rounds.run(work.unikernel, timeout=work.timings.check_timeout, operation=work.operation)
    work.lease.guard()
    return Round(time.time(), Health(found.outcome), found.text)


def _taken(work: Work) -> Outcome:
    """One that may exit was made; only its tender can still have refused it, on the console."""
    try:
        lines = newest_lines(work)
    except (AlbatrossError, ApplicationError) as error:
        late = work.now - work.memo.proving_since > work.timings.prove_limit
        event = Event.BAD if late else Event.WAIT
        return Outcome(event, work.memo, words(error), 0.0 if late else PROVE_GAP)
    mark = work.memo.console_mark
    errors = [text for at, text in lines if (mark is None or at > mark) and text.startswith(TENDERS)]
    if errors:
        return Outcome(Event.BAD, work.memo.saw(look_now(work)), f"It was not taken: {errors[-1]}")
    return Outcome(Event.GOOD, work.memo)


# --- words -------------------------------------------------------------------------------------------


def _answer_reason(memo: Memo, event: Event, work: Work) -> str:
    last = memo.rounds[-1]
    if event is Event.WAIT:
        return f"{last.text} ({_row(memo, work)})"
    if event is Event.UNWELL or (event is Event.BAD and judge.runs(memo)):
        limit = work.timings.prove_limit
        return f"It runs, and did not pass its checks within {limit:.0f} s: {last.text}"
    return _stay_reason(memo, event, work)


def _row(memo: Memo, work: Work) -> str:
    """How far the row of passes is."""
    row, waits = judge.row_of_passes(memo), work.timings
    if len(row) < waits.passes:
        return f"{len(row)} of {waits.passes} passes in a row"
    return f"passes for {row[-1].at - row[0].at:.0f} of {waits.pass_span:.0f} s"


def _stay_reason(memo: Memo, event: Event, work: Work) -> str:
    if event is Event.FOREIGN:
        return "Something else runs under this name: another program changed it at the same time."
    if event is not Event.BAD:
        return ""
    if memo.restarts > 1:
        return "It starts again and again."
    if work.now - memo.proving_since > work.timings.prove_limit:
        return f"It could not be seen running for {work.timings.stay_up:.0f} s."
    return "It ended within seconds."
