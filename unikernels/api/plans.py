"""Plans of operations, as the API tells them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from rest_framework.response import Response

from mollymawk.errors import Refused
from mollymawk.rest.plans import plan, rehearsed
from unikernels.operations.plan import Plan


def planned(make: Callable[[], Plan], accepted: Collection[str], change: Callable[[], object]) -> Response:
    """The answer to a dry run of *change*, whose plan *make* makes.

    A plan is about what would run. Whether it may begin now is found by rehearsing it, which raises
    ``Conflict`` when something else is under way. What is refused before there is a plan is told as one.
    """
    try:
        told = show_plan(make(), accepted)
    except Refused as error:
        return Response(plan(refusals=error.reasons or [str(error)]))
    if told["possible"]:
        rehearsed(change)
    return Response(told)


def show_plan(found: Plan, accepted: Collection[str] = ()) -> dict[str, Any]:
    """A plan; the questions are those that *accepted* leaves open."""
    questions = found.open_questions(frozenset(accepted))
    return plan(
        *found.steps,
        refusals=found.refusals,
        questions={question.code: question.text for question in questions},
        warnings=found.warnings,
        changes=found.changes,
    )
