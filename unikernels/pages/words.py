"""States and events in words: one place, so that every page says the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts.models import Event
from unikernels.models import Unikernel
from unikernels.operations.machine import TRANSFERS, Kind, State
from unikernels.templatetags.house import span

Presence = Unikernel.Presence


@dataclass(frozen=True, slots=True)
class Badge:
    """A word and its tone (ok, bad, warn, busy, idle)."""

    word: str
    tone: str


_UNDER_WAY = {
    Kind.DEPLOY: "deploying",
    Kind.UPGRADE: "upgrading",
    Kind.ROLLBACK: "rolling back",
    Kind.CONFIGURE: "configuring",
    Kind.RESTART: "restarting",
    Kind.DESTROY: "destroying",
}
_PRESENCE = {
    Presence.NEW: Badge("not seen yet", "idle"),
    Presence.RUNNING: Badge("running", "ok"),
    Presence.STOPPED: Badge("stopped", "idle"),
    Presence.MISSING: Badge("missing", "bad"),
}
DEPLOY_FAILED = Badge("deploy failed", "bad")
UNSTABLE = Badge("unstable", "bad")
CHECK_DOWN = Badge("check down", "bad")
CRASH_LOOP = Badge("crash loop", "bad")
CHANGED_OUTSIDE = Badge("changed outside", "warn")


def state_badge(
    *,
    state: str,
    unstable: bool,
    changed_outside: bool,
    under_way: str | None,
    seen_at: datetime | None,
    stale: bool,
    ran: bool,
    check_down: bool = False,
    looping: bool = False,
) -> Badge:
    """How a unikernel stands, in one badge: what is being done, what is wrong, what is known.

    *under_way* is the kind of its unfinished operation; *seen_at* and *stale* are its instance's; *ran*:
    it has a version that was seen to run; *check_down*: one of its checks is down; *looping*: it is
    started again and again.
    """
    if under_way:
        return Badge(_UNDER_WAY[Kind(under_way)], "busy")
    if stale and state == Presence.RUNNING:
        return Badge(last_seen(seen_at), "idle")
    if state == Presence.MISSING:
        return _PRESENCE[Presence.MISSING] if ran else DEPLOY_FAILED
    troubles = (
        (looping and state == Presence.RUNNING, CRASH_LOOP),
        (unstable, UNSTABLE),
        (check_down and state == Presence.RUNNING, CHECK_DOWN),
        (changed_outside, CHANGED_OUTSIDE),
    )
    return next((badge for there, badge in troubles if there), _PRESENCE[Presence(state)])


def last_seen(seen_at: datetime | None) -> str:
    """``last seen 2 min ago``."""
    if seen_at is None:
        return "never seen"
    return f"last seen {span((timezone.now() - seen_at).total_seconds())} ago"


# --- events ------------------------------------------------------------------------------------------

_KINDS = {
    "operation.deploy": "Deploy asked for",
    "operation.upgrade": "Upgrade asked for",
    "operation.rollback": "Rollback asked for",
    "operation.configure": "Configure asked for",
    "operation.restart": "Restart asked for",
    "operation.destroy": "Destroy asked for",
    "operation.block_upload": "Upload asked for",
    "operation.block_download": "Download asked for",
    "operation.cancel-asked": "Cancel asked for",
    "operation.goes-back": "Goes back to what ran before",
    "unikernel.appeared": "Appeared on the instance",
    "unikernel.changed": "Changed on the instance",
    "unikernel.crash-loop": "Crash loop",
    "unikernel.crash-loop-over": "Crash loop over",
    "unikernel.missing": "Missing: gone, and nobody here stopped it",
    "unikernel.returned": "Back again",
    "unikernel.adopted": "Adopted",
    "unikernel.dismissed": "Dismissed: it may stay gone",
    "unikernel.changed-outside": "Changed outside",
    "mail.digest": "Updates told by mail",
    "unikernel.window-closed": "The rollback window closed",
    "unikernel.not-rolled-back": "Should have gone back, and could not",
    "unikernel.restart-after": "Automatic restart set",
    "unikernel.update-mode": "Update mode or maintenance window set",
    "unikernel.update-not-begun": "Not upgraded by itself",
    "unikernel.pruned": "Bytes of old versions let go",
    "team.frozen": "Automatic upgrades frozen",
    "team.unfrozen": "Automatic upgrades go on",
    "system.frozen": "Automatic upgrades frozen everywhere",
    "system.unfrozen": "Automatic upgrades go on everywhere",
    "unikernel.not-restarted": "Not restarted by itself",
    "block.added": "Block device made",
    "block.removed": "Block device removed, with its content",
    "block-file.added": "File with content kept",
    "block-file.read": "File with content downloaded",
    "block-file.removed": "File with content deleted",
    "check.added": "Check added",
    "check.changed": "Check changed",
    "check.removed": "Check removed",
    "check.up": "Check up",
    "check.down": "Check down",
    "check.unknown": "Check unknown: nothing is known about the answers",
}
_TONES = {
    "unikernel.crash-loop": "bad",
    "unikernel.crash-loop-over": "ok",
    "unikernel.missing": "bad",
    "unikernel.not-restarted": "bad",
    "unikernel.update-not-begun": "warn",
    "check.down": "bad",
    "check.up": "ok",
}
_ENDS = {
    State.SUCCEEDED: "Succeeded",
    State.ABORTED: "Aborted: nothing was touched",
    State.CANCELLED: "Cancelled: nothing was touched",
    State.ROLLED_BACK: "Rolled back",
    State.FAILED: "Failed",
}
_STEPS = {
    State.CHECK: "Check of what runs now",
    State.FETCH: "Get the image",
    State.VERIFY: "Verify the image",
    State.PREFLIGHT: "Preflight: devices, quota, name",
    State.CAPTURE: "Hold the way back",
    State.SWAP: "Send it to the instance",
    State.OBSERVE: "Look what the instance made of it",
    State.RESEND: "Send it again",
    State.PROVE: "See whether it stays up",
}

_OF_TRANSFERS = {
    State.PREFLIGHT: "Look at the device",
    State.CAPTURE: "Keep the old content",
    State.FETCH: "Read the content",
    State.SWAP: "Write the new content",
    State.PROVE: "Read it again and compare",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a timeline."""

    at: datetime
    text: str
    reason: str
    who: str
    operation: int | None
    tone: str = ""


def happening(event: Event) -> Happening:
    """*event* as a line of a timeline."""
    return Happening(event.at, text_of(event), event.reason, who(event), event.operation, _tone(event))


def who(event: Event) -> str:
    """Who did it, and with what if that was not a session."""
    if not event.who:
        return {"system": "", "command": "an operator"}.get(event.credential, event.credential)
    return event.who if event.credential == "session" else f"{event.who}, {event.credential}"


def text_of(event: Event) -> str:
    """What happened, in a few words."""
    if event.kind == "operation.state":
        # What is told is the step that was done: its reason is what it found.
        steps = _OF_TRANSFERS if event.data.get("kind") in TRANSFERS else _STEPS
        return _ENDS.get(State(event.now)) or steps[State(event.was)]
    if event.kind in _KINDS:
        return _KINDS[event.kind]
    words = event.kind.replace(".", " ").replace("-", " ").replace("_", " ").capitalize()
    return f"{words}: {event.was} → {event.now}" if event.was and event.now else words


def _tone(event: Event) -> str:
    if event.kind == "operation.goes-back":
        return "warn"
    if event.kind != "operation.state":
        return _TONES.get(event.kind, "")
    return {State.SUCCEEDED: "ok", State.FAILED: "bad", State.ROLLED_BACK: "bad", State.ABORTED: "warn"}.get(
        State(event.now), ""
    )
