"""List operations, follow one, cancel one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from mollymawk.errors import Invalid
from unikernels.access import operation_of, operations_of
from unikernels.api.operations import detail, summary
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.following import WAIT, follow, tell
from unikernels.commands.output import age, clean, toned
from unikernels.models import Operation
from unikernels.operations.services import cancel
from unikernels.operations.story import exit_code, steps_of, verdict

NEWEST = 20


class Command(OperatorCommand):
    """Without a number: a list. With one: that operation, and its exit code."""

    help = (
        "List operations, or show one; then the exit code tells how it stands: 0 succeeded, 6 rolled back, "
        "7 still running, 8 aborted or cancelled, 9 failed."
    )

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", nargs="?", type=int, help="of one operation")
        parser.add_argument("--team")
        parser.add_argument("--unfinished", action="store_true", help="only those under way")
        parser.add_argument(
            "--limit", type=int, default=NEWEST, help="how many at most (default: %(default)s)"
        )
        parser.add_argument("--watch", action="store_true", help="show the steps until it ends")
        parser.add_argument(
            "--timeout", type=float, default=WAIT, help="seconds to watch (default: %(default)g)"
        )
        parser.add_argument("--cancel", action="store_true", help="ask for its end")

    def act(self, options: dict[str, Any]) -> int:
        if options["id"] is None:
            if options["watch"] or options["cancel"]:
                raise Invalid("Say which operation: its number.")
            return self._list(options)
        operation = operation_of(COMMAND, options["id"])
        if options["cancel"]:
            operation = cancel(actor=COMMAND, operation=operation)
            self.output.talk("Cancel is asked for.")
            if not options["watch"]:
                return SUCCEEDED
        if options["watch"]:
            follow(operation, self.output, timeout=options["timeout"])
            return tell(operation_of(COMMAND, operation.pk), self.output)
        return self._show(operation)

    def _list(self, options: dict[str, Any]) -> int:
        rows = operations_of(COMMAND)
        if options["team"]:
            rows = rows.filter(team=team_of(COMMAND, options["team"]))
        if options["unfinished"]:
            rows = rows.filter(finished_at=None)
        found = list(rows.order_by("-id")[: max(1, options["limit"])])
        if self.output.json:
            self.output.data([summary(operation) for operation in found])
        else:
            titles = ("ID", "KIND", "UNIKERNEL", "INSTANCE", "STATE", "AGE", "BY", "REASON")
            self.output.table(titles, map(_row, found))
        return SUCCEEDED

    def _show(self, operation: Operation) -> int:
        if self.output.json:
            self.output.data(detail(operation))
            return exit_code(operation)
        said = verdict(operation)
        by = operation.requested_by.email if operation.requested_by else operation.credential
        self.output.facts(
            {
                "operation": str(operation.pk),
                "kind": operation.kind,
                "unikernel": f"{operation.label} on {operation.on}",
                "state": toned(operation.state, said.tone),
                "verdict": said.sentence,
                "by": f"{by}, {age(operation.created_at)} ago",
            }
        )
        if operation.cause:
            self.output.facts({"cause": operation.cause})
        steps = [(step.name, step.status, step.note) for step in steps_of(operation)]
        self.output.table(("STEP", "STATUS", "NOTE"), steps)
        for line in operation.memo.get("console", ()):
            self.output.line(f"  {clean(line)}")
        return exit_code(operation)


def _row(operation: Operation) -> tuple[Any, ...]:
    by = operation.requested_by.email if operation.requested_by else operation.credential
    return (
        str(operation.pk),
        operation.kind,
        operation.label,
        operation.on.name,
        toned(operation.state, verdict(operation).tone),
        age(operation.created_at),
        by,
        (operation.reason or operation.cause).partition("\n")[0][:80],
    )
