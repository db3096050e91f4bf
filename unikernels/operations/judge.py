"""The judgements of design rules 5 to 7: from what was seen to one event of the machine (pure).

Nothing is decided from one look that shows no target: the daemon lists the old unikernel while the
new one is already on its way (protocol-observed 29), and nothing at all while it swaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from unikernels.operations.facts import Answer, Health, Look, Memo, Round, Sight
from unikernels.operations.machine import Event


@dataclass(frozen=True, slots=True)
class Timings:
    """How long things may take, in seconds. Tests shorten them; the relations stay."""

    look_gap: float = 1.0  # between two looks that may decide together
    settled_after: float = 8.0  # what `info` shows unchanged for so long is true: it can be behind
    resend_after: float = 30.0  # the old one is still there: send the same again
    stay_up: float = 10.0  # without a configured check: unchanged for so long
    prove_limit: float = 120.0
    check_tries: int = 3  # before a change: one pass of these is needed
    check_timeout: float = 5.0  # one round of all checks, side by side
    check_waits: tuple[float, ...] = (
        1.0,
        1.0,
        1.0,
        2.0,
        3.0,
        3.0,
        4.0,
        5.0,
    )  # after a change: before each round
    check_gap: float = 5.0  # and from then on
    passes: int = 3  # in a row, from the first to the last of them at least ``pass_span``
    pass_span: float = 10.0
    window_gap: float = 10.0  # between two rounds in the rollback window
    window_results: int = 60  # conclusive ones that are looked at
    window_failures: int = 3  # of them may have failed, no two in a row
    max_sends: int = 3  # per target
    forward_limit: float = 900.0  # from the request to the end of the way out
    back_limit: float = 3600.0  # for going back, an unreachable instance included
    lease: float = 15.0
    lease_renewal: float = 5.0
    lease_margin: float = 2.0  # sockets give up this long before the lease ends
    retry_first: float = 1.0  # back-off of a step that could not reach the instance
    retry_most: float = 30.0


def _agreed(memo: Memo, timings: Timings) -> Look | None:
    """The newest look, if the conclusive look before it showed the same and is old enough."""
    seen = [look for look in memo.looks if look.sight is not Sight.DARK]
    if len(seen) < 2:
        return None
    first, last = seen[-2:]
    same = (first.sight, first.started, first.digest) == (last.sight, last.started, last.digest)
    # The gap is measured by our own clock; a hair less counts, so that timers need not overshoot.
    return last if same and last.asked - first.at >= timings.look_gap * 0.9 else None


def judge_swap(memo: Memo, now: float, timings: Timings, *, insist: bool, may_exit: bool = False) -> Event:
    """What became of a create, force_create or restart that went beyond its commit point.

    *insist*: nothing there is a reason to send again even after a clear answer (going back, and
    restarts, have nothing better to fall back to).
    """
    last = memo.looks[-1] if memo.looks else None
    if last is not None and last.sight is Sight.TARGET:
        return Event.ARRIVED  # proving looks again, several times
    agreed = _agreed(memo, timings)
    if agreed is None:
        return Event.WAIT
    if agreed.sight is Sight.NOTHING:
        return _nothing_there(memo, timings, insist=insist, may_exit=may_exit)
    if agreed.sight is Sight.OTHER:
        return _somebody_elses(memo, timings)
    return _still_the_old(memo, agreed, now, timings)


def _somebody_elses(memo: Memo, timings: Timings) -> Event:
    """Another thing under the name ends the operation, and what is behind it would never be seen."""
    return Event.FOREIGN if _span(memo) >= timings.settled_after else Event.WAIT


def _nothing_there(memo: Memo, timings: Timings, *, insist: bool, may_exit: bool) -> Event:
    if may_exit:  # it may have run and ended: sending again could run it twice
        return Event.ARRIVED if memo.answer is Answer.DONE else Event.UNKNOWABLE
    if memo.before is None and memo.answer is Answer.FAILURE and memo.sends == 1 and not insist:
        return Event.UNTOUCHED  # nothing ran before, nothing runs now, and it said why
    clear = memo.answer is not Answer.UNCLEAR
    if (clear and not insist) or memo.sends >= timings.max_sends:
        return Event.LOST
    return Event.SEND_AGAIN


def _still_the_old(memo: Memo, agreed: Look, now: float, timings: Timings) -> Event:
    refused = memo.answer is Answer.FAILURE and memo.sends == 1 and agreed.sight is Sight.BEFORE
    if refused:  # or it was ended, and what the instance tells is behind
        return Event.UNTOUCHED if _span(memo) >= timings.settled_after else Event.WAIT
    if now - memo.sent_at < timings.resend_after:
        return Event.WAIT
    return Event.SEND_AGAIN if memo.sends < timings.max_sends else Event.LOST


def _span(memo: Memo) -> float:
    """For how many seconds the newest looks have shown the same process."""
    seen = [look for look in memo.looks if look.sight is not Sight.DARK]
    first = last = seen[-1]
    for look in reversed(seen):
        if (look.sight, look.started) != (last.sight, last.started):
            break
        first = look
    return last.asked - first.at


def judge_destroy(memo: Memo, now: float, timings: Timings) -> Event:
    """What became of a destroy: gone in two looks, or still there."""
    agreed = _agreed(memo, timings)
    if agreed is None:
        return Event.WAIT
    if agreed.sight is Sight.NOTHING:
        return Event.GONE
    return _still_the_old(memo, agreed, now, timings)


def stay(memo: Memo, look: Look) -> Memo:
    """The memo after one more look while proving: keeps when the present process was first seen."""
    memo = memo.saw(look)
    if look.sight is not Sight.TARGET or look.started == memo.up_started:
        return memo
    again = memo.up_started is not None
    return replace(memo, up_started=look.started, up_since=look.at, restarts=memo.restarts + again)


def judge_stay(memo: Memo, now: float, timings: Timings) -> Event:
    """Without a configured check: the target has to stay, its process unchanged, for ``stay_up``.

    One restart is allowed: exit code 64 makes Albatross start it anew without ``--name``.
    """
    agreed = _agreed(memo, timings)
    if agreed is not None and agreed.sight is Sight.OTHER:
        return _somebody_elses(memo, timings)
    gone = agreed is not None and agreed.sight is not Sight.TARGET
    if gone or memo.restarts > 1 or now - memo.proving_since > timings.prove_limit:
        return Event.BAD
    last = memo.looks[-1] if memo.looks else None
    if last is None or last.sight is not Sight.TARGET:
        return Event.WAIT
    # A slow answer shows an early moment; a hair less counts, as above.
    up = last.asked - memo.up_since
    return Event.GOOD if agreed and up >= timings.stay_up * 0.99 else Event.WAIT


# --- checks ------------------------------------------------------------------------------------------


def next_round(memo: Memo, timings: Timings) -> float:
    """When the next round of checks is due while proving (seconds since 1970)."""
    made = len(memo.rounds)
    wait = timings.check_waits[made] if made < len(timings.check_waits) else timings.check_gap
    return (memo.rounds[-1].at if memo.rounds else memo.proving_since) + wait


def judge_answers(memo: Memo, now: float, timings: Timings) -> Event:
    """With configured checks: they have to pass several times in a row, over some time, in one process.

    A round that says nothing neither counts nor breaks the row. No result is not healthy: who cannot
    be asked until the limit is bad.
    """
    staying = judge_stay(memo, now, timings)
    if staying in {Event.FOREIGN, Event.BAD} and not _only_late(memo, now, timings):
        return staying
    last = memo.looks[-1] if memo.looks else None
    if last is not None and last.sight is Sight.TARGET and _row_is_good(memo, timings):
        return Event.GOOD
    return Event.BAD if now - memo.proving_since > timings.prove_limit else Event.WAIT


def runs(memo: Memo) -> bool:
    """Whether the target was there at the last look, so that only its checks can be what is wrong."""
    seen = [look for look in memo.looks if look.sight is not Sight.DARK]
    return bool(seen) and seen[-1].sight is Sight.TARGET and memo.restarts <= 1


def row_of_passes(memo: Memo) -> tuple[Round, ...]:
    """The passes since the last failure and since the present process was seen first."""
    row: list[Round] = []
    for each in reversed(memo.rounds):
        if each.health is Health.FAILED or each.at < memo.up_since:
            break
        if each.health is Health.PASSED:
            row.append(each)
    return tuple(reversed(row))


def _row_is_good(memo: Memo, timings: Timings) -> bool:
    row = row_of_passes(memo)
    return len(row) >= timings.passes and row[-1].at - row[0].at >= timings.pass_span


def _only_late(memo: Memo, now: float, timings: Timings) -> bool:
    """Whether nothing is wrong but that the limit has passed: a last good round still counts."""
    return runs(memo) and now - memo.proving_since > timings.prove_limit


def judge_window(results: Sequence[bool], timings: Timings) -> bool:
    """Whether the conclusive *results* of a rollback window (oldest first) are a reason to go back.

    Two failures in a row are, whoever answers no more; and so are more than a few apart, who answers now
    and then. One lost round in a hundred is not (``tests.chaos.flapping`` has the rates).
    """
    seen = list(results[-timings.window_results :])
    return seen[-2:] == [False, False] or seen.count(False) > timings.window_failures


def backoff(tries: int, timings: Timings) -> float:
    """Seconds until the next try after *tries* failed ones in a row."""
    return min(timings.retry_first * 2.0 ** min(tries, 16), timings.retry_most)


def dark(now: float) -> Look:
    """A look that could not be made."""
    return Look(now, Sight.DARK)


def before(now: float, started: int, digest: str) -> Look:
    """What ran before a leg."""
    return Look(now, Sight.BEFORE, started, digest)
