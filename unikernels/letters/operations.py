"""The letter about the end of an operation. Its verdict is that of ``operations.story``, word for word."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from accounts.mail.services import letter_write
from accounts.mail.topics import Topic
from mollymawk.keyring import SealBroken
from unikernels.letters.words import letter, link_to, moment, place_of, quoted, readers_of, secrets_in
from unikernels.models import Operation, RollbackWindow
from unikernels.operations.facts import Memo
from unikernels.operations.machine import TRANSFERS, Kind, Running, State
from unikernels.operations.story import title, verdict
from unikernels.versions import arguments_of

# Whoever restarts, destroys or moves a block device sees it done; only a failure of it is news to the others.
TOLD_WHEN_FAILED = frozenset({Kind.RESTART, Kind.DESTROY, *TRANSFERS})

_TOPICS: Mapping[State, Topic] = MappingProxyType(
    {
        State.SUCCEEDED: Topic.SUCCEEDED,
        State.ABORTED: Topic.ABORTED,
        State.CANCELLED: Topic.ABORTED,  # nothing was touched, either way
        State.ROLLED_BACK: Topic.ROLLED_BACK,
        State.FAILED: Topic.FAILED,
    }
)
_RUNNING: Mapping[Running, tuple[str, str]] = MappingProxyType(
    {
        Running.YES: (
            "yes, but not as asked for, or not verified",
            "look at its page; then configure, restart or destroy it.",
        ),
        Running.NO: ("no", "put a kept version in place again, from the versions on its page."),
        Running.UNKNOWN: (
            "not known",
            "bring the instance back; its next inventory tells what runs.",
        ),
    }
)


def operation_ended(operation: Operation) -> None:
    """Write the letters about *operation*, which ended, to the members of its team who want them.

    Call it inside the transaction that ends it, once the unikernel and its window are written.
    """
    kind, state = Kind(operation.kind), State(operation.state)
    if kind in TOLD_WHEN_FAILED and state is not State.FAILED:
        return
    letter_write(
        users=readers_of(operation.team),
        topic=topic_of_end(operation),
        subject=subject_of(operation),
        text=text_of(operation),
    )


def not_rolled_back(window: RollbackWindow, reason: str) -> None:
    """Write the letters about a version that should have been taken back by itself, and could not be.

    Call it inside the transaction that writes its event.
    """
    unikernel = window.unikernel
    letter_write(
        users=readers_of(unikernel.team),
        topic=Topic.FAILED,
        subject=f"{place_of(unikernel)}: not rolled back",
        text=letter(
            reason,
            f"Running: {unikernel.state}, not the version before\n"
            "To do:   look at its page; put a kept version in place, from the versions there.",
            link_to("unikernel", unikernel.pk),
        ),
    )


def topic_of_end(operation: Operation) -> Topic:
    """What the letter is about. A rollback that worked is told to those who want to hear of rollbacks."""
    state = State(operation.state)
    if operation.kind == Kind.ROLLBACK and state is State.SUCCEEDED:
        return Topic.ROLLED_BACK
    return _TOPICS[state]


def subject_of(operation: Operation) -> str:
    """``robur:hello on fra-1: upgrade rolled back``."""
    return f"{_place(operation)}: {title(operation).lower()} {verdict(operation).word}"


def _place(operation: Operation) -> str:
    """``robur:hello on fra-1``."""
    return f"{operation.name} on {operation.on.name}"


def text_of(operation: Operation) -> str:
    """What happened, whether it runs, what to do, one link; the last console lines of what went wrong."""
    return letter(
        verdict(operation).sentence,
        _asked(operation),
        _what_now(operation),
        link_to("operation", operation.pk),
        _console(operation),
    )


def _asked(operation: Operation) -> str:
    if operation.cause:
        who = f"by Mollymawk: {operation.cause}"
    elif operation.requested_by:
        who = f"by {operation.requested_by}"
    else:
        who = "by an operator" if operation.credential == "command" else "by Mollymawk"
    return f"{title(operation)} of {_place(operation)}, asked for {moment(operation.created_at)} {who}"


def _what_now(operation: Operation) -> str:
    if operation.kind in TRANSFERS:
        return "To do:   look at the page of the block device; write it again, or the old content if it was kept."
    runs, do = _runs_and_do(operation)
    return f"Running: {runs}\nTo do:   {do}"


def _runs_and_do(operation: Operation) -> tuple[str, str]:
    state = State(operation.state)
    if state is State.FAILED:
        return _RUNNING[Running(operation.running)]
    if state is State.SUCCEEDED:
        return _succeeded(operation)
    if state is State.ROLLED_BACK:
        number = operation.fallback.number if operation.fallback else ""
        return f"yes, version {number}", "read the last console lines, mend the build or its configuration."
    if state is State.CANCELLED:
        return "as before", "nothing."
    return "as before", "mend what stands above, and ask again."


def _succeeded(operation: Operation) -> tuple[str, str]:
    target = operation.target
    may_exit = target is not None and target.configuration.get("may_exit", False)
    number = target.number if target else ""
    runs = f"version {number} was started; it may exit" if may_exit else f"yes, version {number}"
    if operation.kind == Kind.ROLLBACK:
        return runs, "look why it was taken back before you upgrade again."
    window = RollbackWindow.objects.filter(operation=operation).first()
    if window is None:
        return runs, "nothing."
    return runs, f"nothing. Until {moment(window.until)} one press on its page goes back."


def _console(operation: Operation) -> str:
    lines = Memo.from_json(operation.memo).console
    if not lines or operation.state not in {State.ROLLED_BACK, State.FAILED}:
        return ""
    try:
        return f"Last console lines:\n{quoted(lines, secrets_of(operation))}"
    except SealBroken:  # what is secret cannot be told from the rest
        return "The last console lines stand on that page."


def secrets_of(operation: Operation) -> list[str]:
    """What of the arguments of its versions must not leave the house. Raises ``SealBroken``."""
    versions = filter(None, (operation.target, operation.fallback))
    return secrets_in(text for version in versions for text in arguments_of(version))
