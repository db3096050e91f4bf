"""An operation in words: its steps, its verdict, its exit code. The same from every door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unikernels.models import Operation
from unikernels.operations.facts import Memo
from unikernels.operations.machine import TERMINAL, TRANSFERS, Kind, Running, State

Tone = Literal["ok", "bad", "warn", "busy", "idle"]
Status = Literal["done", "now", "todo", "failed"]

# What people see: a resend is part of observing, the ends are one step.
_WHOLE = (
    State.CHECK,
    State.FETCH,
    State.VERIFY,
    State.PREFLIGHT,
    State.CAPTURE,
    State.SWAP,
    State.OBSERVE,
    State.PROVE,
)
_PATHS: dict[Kind, tuple[State, ...]] = {
    Kind.DEPLOY: (State.FETCH, State.VERIFY, State.PREFLIGHT, State.SWAP, State.OBSERVE, State.PROVE),
    Kind.UPGRADE: _WHOLE,
    Kind.CONFIGURE: _WHOLE,
    Kind.ROLLBACK: _WHOLE[1:],
    Kind.RESTART: (State.PREFLIGHT, State.CAPTURE, State.SWAP, State.OBSERVE, State.PROVE),
    Kind.DESTROY: (State.PREFLIGHT, State.CAPTURE, State.SWAP, State.OBSERVE),
    Kind.BLOCK_UPLOAD: (State.PREFLIGHT, State.CAPTURE, State.SWAP, State.PROVE),
    Kind.BLOCK_DOWNLOAD: (State.PREFLIGHT, State.FETCH),
}
_WORDS = {
    State.CHECK: "check",
    State.FETCH: "fetch",
    State.VERIFY: "verify",
    State.PREFLIGHT: "preflight",
    State.CAPTURE: "capture",
    State.SWAP: "swap",
    State.OBSERVE: "observe",
    State.PROVE: "stays up",
}
_MOVES = {
    State.PREFLIGHT: "preflight",
    State.CAPTURE: "keep the old",
    State.SWAP: "write",
    State.PROVE: "verify",
    State.FETCH: "read",
}
_BACK = (State.PREFLIGHT, State.SWAP, State.OBSERVE, State.PROVE)

# The exit codes of commands (and of whatever else ends with a number).
_EXIT = {
    State.SUCCEEDED: 0,
    State.ROLLED_BACK: 6,
    State.ABORTED: 8,
    State.CANCELLED: 8,
    State.FAILED: 9,
}
STILL_RUNNING = 7


@dataclass(frozen=True, slots=True)
class Step:
    """One step as people see it."""

    name: str
    status: Status
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an operation stands: a word, its tone, and one sentence."""

    word: str
    tone: Tone
    sentence: str


def steps_of(operation: Operation) -> list[Step]:
    """The steps of *operation*, the way back included once it is taken."""
    if operation.kind in TRANSFERS:
        return [*_leg(_PATHS[Kind(operation.kind)], operation, back=False), _end(State(operation.state))]
    out, end = _PATHS[Kind(operation.kind)], _end(State(operation.state))
    if not operation.going_back:
        return [*_leg(out, operation, back=False), end]
    taken = [Step(_name(step, operation), "done") for step in out[: out.index(State.SWAP) + 1]]
    cause = Memo.from_json(operation.memo).cause
    return [*taken, Step("go back", "failed", cause), *_leg(_BACK, operation, back=True), end]


def verdict(operation: Operation) -> Verdict:
    """How *operation* stands. Only ``succeeded`` is a success, wherever it is shown."""
    state = State(operation.state)
    word = state.value.replace("_", " ") if state in TERMINAL else _under_way(operation)
    return Verdict(
        word, _TONES.get(state, "warn" if operation.going_back else "busy"), _sentence(operation, state)
    )


def exit_code(operation: Operation) -> int:
    """What a command ends with."""
    return _EXIT.get(State(operation.state), STILL_RUNNING)


_TONES: dict[State, Tone] = {
    State.SUCCEEDED: "ok",
    State.ABORTED: "warn",
    State.CANCELLED: "idle",
    State.ROLLED_BACK: "bad",
    State.FAILED: "bad",
}


def _under_way(operation: Operation) -> str:
    return "going back" if operation.going_back else "under way"


def _sentence(operation: Operation, state: State) -> str:
    name, reason = operation.label, operation.reason
    number = operation.fallback.number if operation.fallback else None
    if state is State.SUCCEEDED:
        return _moved(operation, name) if operation.kind in TRANSFERS else _done(operation, name)
    if state is State.ABORTED:
        return f"Nothing was touched. {reason}".strip()
    if state is State.CANCELLED:
        return "Cancelled before anything was touched."
    if state is State.ROLLED_BACK:
        return f"Rolled back: {reason} Version {number} runs again."
    if state is State.FAILED:
        runs = _RUNNING[Running(operation.running)] if operation.running else ""  # a block device does not
        return f"{reason} {runs.format(name=name)}".strip()
    note = Memo.from_json(operation.memo).note
    return note or f"{title(operation)} of {name} is {_under_way(operation)}."


def title(operation: Operation) -> str:
    """What is done, as a sentence begins: ``Upgrade``, ``Block upload``."""
    return operation.kind.capitalize().replace("_", " ")


def _moved(operation: Operation, name: str) -> str:
    size = f"{Memo.from_json(operation.memo).fetched:,} bytes"
    if operation.kind == Kind.BLOCK_DOWNLOAD:
        return f"The content of {name} is here: {size}."
    return f"The content of {name} was replaced: {size}, and zeros after them."


_RUNNING = {
    Running.YES: "{name} runs.",
    Running.NO: "{name} does not run.",
    Running.UNKNOWN: "Whether {name} runs is not known: the instance did not answer, or showed another process each time.",
}


def _done(operation: Operation, name: str) -> str:
    if operation.kind == Kind.DESTROY:
        return f"{name} is gone. Its versions are kept."
    if operation.kind == Kind.RESTART:
        return f"{name} was restarted and stays up."
    number = operation.target.number if operation.target else ""
    again = " again" if operation.kind == Kind.ROLLBACK else ""
    proof = "passes its checks" if Memo.from_json(operation.memo).asks else "stays up"
    text = f"Version {number} of {name} runs{again} and {proof}."
    return f"{text} It was taken back later." if operation.reverted else text


def _name(step: State, operation: Operation, *, back: bool = False) -> str:
    if operation.kind in TRANSFERS:
        return _MOVES[step]
    if step is State.PROVE and Memo.from_json(operation.memo).asks:
        return "answers"
    if step is not State.SWAP or back:
        return _WORDS[step]
    words = {Kind.RESTART: "restart", Kind.DESTROY: "destroy", Kind.DEPLOY: "create"}
    return words.get(Kind(operation.kind), "swap")


def _leg(path: tuple[State, ...], operation: Operation, *, back: bool) -> list[Step]:
    state, memo = State(operation.state), Memo.from_json(operation.memo)
    if state is (State.ROLLED_BACK if back else State.SUCCEEDED):
        return [Step(_name(step, operation, back=back), "done") for step in path]
    stands = State(memo.ended_in) if state in TERMINAL else state
    seen = State.OBSERVE if stands is State.RESEND else stands
    here = path.index(seen if seen in path else State.SWAP)  # a deploy passes capture: nothing is shown of it
    current: Status = "failed" if state in TERMINAL else "now"
    return [
        Step(_name(step, operation, back=back), *_status(step, at, here, current, memo))
        for at, step in enumerate(path)
    ]


def _progress(memo: Memo, step: State) -> str:
    """How far a download or a block transfer is."""
    if step not in {State.FETCH, State.CAPTURE, State.SWAP} or not memo.fetched:
        return ""
    size = f" of {memo.fetch_size / 2**20:.1f}" if memo.fetch_size else ""
    return f"{memo.fetched / 2**20:.1f}{size} MB"


def _status(step: State, at: int, here: int, current: Status, memo: Memo) -> tuple[Status, str]:
    if at == here:
        return current, memo.note or _progress(memo, step)
    return ("done", "") if at < here else ("todo", "")


def _end(state: State) -> Step:
    if state is State.SUCCEEDED:
        return Step("end", "done")
    return Step("end", "failed" if state in TERMINAL else "todo")
