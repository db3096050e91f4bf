"""A plan for people: what would happen, and why it would not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from mollymawk.errors import Refused
from mollymawk.rest.plans import plan, rehearsal
from unikernels.api.plans import show_plan
from unikernels.commands.base import SUCCEEDED
from unikernels.commands.output import Output, clean
from unikernels.operations.plan import Plan


def tell_plan(asked: Plan, output: Output, *, accepted: Collection[str] = ()) -> int:
    """Tell the plan *asked* for; the exit code is that of a refusal when it would not work."""
    return tell(show_plan(asked, accepted), output)


def tell_rehearsal(change: Callable[[], object], output: Output, *steps: str) -> int:
    """Tell what *change*, which only touches the database, would do; nothing is changed."""
    return tell(rehearsal(change, *steps), output)


def tell_sentences(sentences: Callable[[], Iterable[str]], output: Output) -> int:
    """Tell *sentences*, or why there are none."""
    try:
        told = plan(*sentences())
    except Refused as error:
        told = plan(refusals=error.reasons or [str(error)])
    return tell(told, output)


def tell(told: dict[str, Any], output: Output) -> int:
    """Tell a plan as the API has it; the exit code is that of a refusal when it would not work."""
    if output.json:
        output.data(told)
    else:
        _say(told, output)
    return SUCCEEDED if told["possible"] else Refused.exit_code


def _say(told: dict[str, Any], output: Output) -> None:
    for name, change in told["changes"].items():
        output.line(f"{clean(name)}: {clean(change['was'])} → {clean(change['now'])}")
    for number, step in enumerate(told["steps"], start=1):
        output.line(f"{number}. {clean(step)}")
    for warning in told["warnings"]:
        output.talk(f"note: {clean(warning)}", style="yellow")
    for question in told["questions"]:
        output.talk(f"say yes with --accept {question['code']}: {clean(question['text'])}", style="yellow")
    for refusal in told["refusals"]:
        output.talk(f"refused: {clean(refusal)}", style="red")
