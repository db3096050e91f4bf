"""How a check stands after one more result (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from unikernels.models import Check, CheckResult, Unikernel

State = Check.State
Outcome = CheckResult.Outcome

DOWN_AFTER = 2  # failures in a row: one may be a lost packet, and a mail in the night wants more
UNKNOWN_AFTER = 3  # results in a row that say nothing: then what they said before says nothing either

# Whose checks are asked. What is missing too: that it does not answer is just what people want to hear.
ASKED = frozenset({Unikernel.Presence.RUNNING, Unikernel.Presence.MISSING})


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a check, and its conclusive failures in a row."""

    state: State
    failures: int = 0


def after(standing: Standing, outcome: Outcome, unsaid: int = 0) -> Standing:
    """*standing* after one more *outcome*; *unsaid*: inconclusive ones in a row, this one included.

    One pass is enough to be up: an answer is a proof, silence is none.
    """
    match outcome:
        case Outcome.PASSED:
            return Standing(State.UP)
        case Outcome.FAILED:
            failures = standing.failures + 1
            return Standing(State.DOWN if failures >= DOWN_AFTER else standing.state, failures)
        case Outcome.INCONCLUSIVE:
            return replace(standing, state=State.UNKNOWN) if unsaid >= UNKNOWN_AFTER else standing
