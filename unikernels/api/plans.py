"""Plans of operations, as the API tells them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mollymawk.rest.plans import plan
from unikernels.operations.plan import Plan


def show_plan(planned: Plan, accepted: Collection[str] = ()) -> dict[str, Any]:
    """A plan; the questions are those that *accepted* leaves open."""
    questions = planned.open_questions(frozenset(accepted))
    return plan(
        *planned.steps,
        refusals=planned.refusals,
        questions={question.code: question.text for question in questions},
        warnings=planned.warnings,
        changes=planned.changes,
    )
