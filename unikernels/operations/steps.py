"""The steps: each reads the row and the world, does at most one effect, and tells what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from albatross.errors import AlbatrossError
from albatross.messages import Info
from mollymawk.errors import ApplicationError
from unikernels.images import store
from unikernels.inventory.observed import write_observed
from unikernels.models import Version
from unikernels.operations import fetching, judge
from unikernels.operations.console import newest_lines
from unikernels.operations.facts import Look, Memo, Sight
from unikernels.operations.looking import look_now, may_exit, too_early
from unikernels.operations.machine import Event, Kind, Leg, State
from unikernels.operations.plan import World, check_place
from unikernels.operations.proving import check, prove
from unikernels.operations.sending import Send
from unikernels.operations.work import Outcome, Work
from unikernels.operations.world import digests, known_abis, manifest_of, quota_of, world_now


def fetch(work: Work) -> Outcome:
    """The bytes of the target have to be in our store before anything else happens."""
    return fetching.fetch(work, _needed(work.operation.target))


def verify(work: Work) -> Outcome:
    """The stored file is as long as it was; its hash is taken while it is sent, before it counts."""
    target = _needed(work.operation.target)
    size = store.path_of(target.digest).stat().st_size if store.held(target.digest) else None
    if target.image is None or size != target.image.size:
        return Outcome(Event.REFUSED, work.memo, "The stored image is damaged: upload it again.")
    return Outcome(Event.PASSED, work.memo)


def preflight(work: Work) -> Outcome:
    """Look at the world a moment before the swap: would it work, and what runs now?"""
    try:
        world = world_now(work.client, work.instance)
    except (AlbatrossError, ApplicationError) as error:
        return fetching.not_reached(work, error)
    info = world.unikernels.get(work.name)
    memo = replace(work.memo, before=_before(info, work.now), tries=0, console_mark=_console_mark(work))
    write_observed(work.unikernel, info, work.now)
    refusals = _refusals(work, world, info)
    if not refusals or work.leg is Leg.BACK:
        # Going back is never stopped here: the instance decides, and what it says is recorded.
        return Outcome(Event.PASSED, memo, " ".join(refusals))
    return Outcome(Event.REFUSED, memo, " ".join(refusals))


def capture(work: Work) -> Outcome:
    """Hold the bytes of the way back; for a restart and a destroy, of what runs."""
    version = work.operation.fallback or work.operation.target or work.unikernel.current
    if version is None or work.kind is Kind.DEPLOY or (version.image_id and store.held(version.digest)):
        return Outcome(Event.PASSED, work.memo)
    return fetching.hold(work, version, then="There would be no way back: ")


def swap(work: Work) -> Outcome:
    """Send, up to and beyond the commit point."""
    return Send(work).run()


def resend(work: Work) -> Outcome:
    """The same again, after one more look: it may have taken minutes until we could send.

    What was sent before may have arrived, or somebody else may have put another thing there: then
    there is nothing to send, and it is judged anew.
    """
    if work.kind is Kind.DESTROY:
        return swap(work)
    look = look_now(work)
    work.memo = work.memo.saw(look)
    if look.sight in {Sight.TARGET, Sight.OTHER}:
        return Outcome(Event.WAIT, work.memo, wait=work.timings.look_gap)
    if look.sight is Sight.DARK:
        memo = replace(work.memo, tries=work.memo.tries + 1)
        wait = judge.backoff(memo.tries, work.timings)
        return Outcome(Event.NOT_SENT, memo, "The instance could not be asked.", wait)
    return swap(work)


def observe(work: Work) -> Outcome:
    """One look at what the instance made of it, at least a look's gap after the one before."""
    if early := too_early(work, work.timings.look_gap):
        return early
    look = look_now(work)
    memo = work.memo.saw(look)
    if work.kind is Kind.DESTROY:
        event = judge.judge_destroy(memo, work.now, work.timings)
    else:
        event = judge.judge_swap(memo, work.now, work.timings, insist=_insists(work), may_exit=may_exit(work))
    if event is Event.ARRIVED:
        memo = _start_proving(memo, look)
    wait = work.timings.look_gap if event is Event.WAIT else 0.0
    return Outcome(event, memo, _observed_reason(work, memo, event), wait)


STEPS: Mapping[State, Callable[[Work], Outcome]] = {
    State.CHECK: check,
    State.FETCH: fetch,
    State.VERIFY: verify,
    State.PREFLIGHT: preflight,
    State.CAPTURE: capture,
    State.SWAP: swap,
    State.OBSERVE: observe,
    State.RESEND: resend,
    State.PROVE: prove,
}


# --- looking ---------------------------------------------------------------------------------------


def _console_mark(work: Work) -> int | None:
    """The newest console line before the swap, so that later ones can be told from it."""
    if not may_exit(work):
        return None
    try:
        lines = newest_lines(work)
    except (AlbatrossError, ApplicationError):
        return None  # then older lines count too: an error too many, never one too few
    return max((at for at, _ in lines), default=None)


def _before(info: Info | None, now: float) -> Look | None:
    return None if info is None else judge.before(now, info.started.milliseconds, info.digest.hex())


def _start_proving(memo: Memo, look: Look) -> Memo:
    fresh = replace(
        memo, looks=(), rounds=(), proving_since=look.at, up_started=None, up_since=look.at, restarts=0
    )
    return judge.stay(fresh, look)


def _insists(work: Work) -> bool:
    return work.leg is Leg.BACK or work.kind is Kind.RESTART


# --- preflight ---------------------------------------------------------------------------------------


def _refusals(work: Work, world: World, info: Info | None) -> list[str]:
    if work.kind in {Kind.RESTART, Kind.DESTROY} and work.leg is not Leg.BACK:
        return [] if info is not None else [f"{work.name} does not run."]
    if changed := _changed_outside(work, info):
        return [changed]
    version, configuration = _needed(work.wanted), work.configuration
    assert configuration is not None
    if version.image is None or not store.held(version.digest):
        return ["The bytes of the version to go back to are not held."]
    plan = check_place(
        name=work.name,
        manifest=manifest_of(version.image),
        configuration=configuration,
        world=world,
        quota=quota_of(work.unikernel.team, work.instance),
        known_abis=known_abis(work.instance, digests(world)),
        fresh=work.kind is Kind.DEPLOY,
    )
    questions = plan.open_questions(frozenset(work.operation.accepted))
    return [*plan.refusals, *(question.text for question in questions)]


def _changed_outside(work: Work, info: Info | None) -> str:
    """On the way out, what runs has to be the version to fall back to, or there is no way back."""
    fallback = work.operation.fallback
    if work.leg is not Leg.OUT or fallback is None:
        return ""
    if info is None and work.kind is Kind.ROLLBACK:
        return ""  # what is to be replaced has ended by itself: all the more reason
    if info is None:
        return f"{work.name} does not run (any more). Deploy it again."
    if info.digest.hex() != fallback.digest:
        return f"What runs is not version {fallback.number}: it was changed outside. Adopt it first."
    return ""


def _needed(version: Version | None) -> Version:
    assert version is not None  # only a destroy has no target, and it never comes here
    return version


# --- words -------------------------------------------------------------------------------------------


def _observed_reason(work: Work, memo: Memo, event: Event) -> str:
    said = f"The instance said: {memo.answer_text}" if memo.answer_text else "The instance gave no answer."
    differs = memo.looks[-1].differs
    reasons = {
        Event.UNTOUCHED: said,
        Event.LOST: f"It does not run. {said}",
        Event.SEND_AGAIN: f"It is not there yet. {said}",
        Event.FOREIGN: "Something else runs under this name: another program changed it at the same time.",
        Event.UNKNOWABLE: f"It is not there, and may have run. {said}",
    }
    text = reasons.get(event, "")
    if event is Event.LOST and differs and work.kind is not Kind.DESTROY:
        text = f"The instance does not show what was asked for (differs: {', '.join(differs)}). {said}"
    if event is Event.LOST and work.kind is Kind.DESTROY:
        text = f"It still runs. {said}"
    return text
