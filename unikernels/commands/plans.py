"""A plan for people: what would happen, and why it would not."""

from __future__ import annotations

from collections.abc import Collection

from mollymawk.errors import Refused
from unikernels.api.plans import show_plan
from unikernels.commands.base import SUCCEEDED
from unikernels.commands.output import Output, clean
from unikernels.operations.plan import Plan


def tell_plan(plan: Plan, output: Output, *, accepted: Collection[str] = ()) -> int:
    """Tell *plan*; the exit code is that of a refusal when it would not work."""
    told = show_plan(plan, accepted)
    if output.json:
        output.data(told)
    else:
        _tell(plan, output, accepted)
    return SUCCEEDED if told["possible"] else Refused.exit_code


def _tell(plan: Plan, output: Output, accepted: Collection[str]) -> None:
    for name, (was, now) in plan.changes.items():
        output.line(f"{clean(name)}: {clean(was)} → {clean(now)}")
    for number, step in enumerate(plan.steps, start=1):
        output.line(f"{number}. {clean(step)}")
    for warning in plan.warnings:
        output.talk(f"note: {clean(warning)}", style="yellow")
    for question in plan.open_questions(frozenset(accepted)):
        output.talk(f"say yes with --accept {question.code}: {clean(question.text)}", style="yellow")
    for refusal in plan.refusals:
        output.talk(f"refused: {clean(refusal)}", style="red")
