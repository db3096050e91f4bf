"""Tell what changed between what runs and a newer build."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.api.differences import question, show
from unikernels.builds.compare import Changes, Difference
from unikernels.builds.risk import Grade, Risk
from unikernels.builds.services import changes_from
from unikernels.commands.asking import WAIT, answered
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.output import clean, toned
from unikernels.operations.story import STILL_RUNNING

_TONES = {Grade.NONE: "ok", Grade.LOW: "ok", Grade.MEDIUM: "warn", Grade.HIGH: "warn", Grade.SEVERE: "bad"}


class Command(OperatorCommand):
    """Asks the builder in this process, unless a worker does already."""

    help = "Tell what changed from what runs to the newest build, or to the one named, and how risky that is."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("--build", default="", metavar="UUID", help="left out: the newest")
        parser.add_argument("--server", default="", help="left out: the builder of the newest")
        parser.add_argument("--diff", action="store_true", help="show the opam files that differ")
        parser.add_argument(
            "--timeout", type=float, default=WAIT, help="seconds to wait at most (default: %(default)g)"
        )

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        lookup = question(COMMAND, unikernel, options["build"], options["server"])
        lookup = answered(lookup, options["timeout"])
        if lookup.data is None:
            self.output.talk(f"{lookup.builder} is still being asked. Ask again.")
            return STILL_RUNNING
        changes, risk = changes_from(lookup)
        if self.output.json:
            self.output.data(show(changes, risk))
        else:
            self._tell(changes, risk, diff=options["diff"])
        return SUCCEEDED

    def _tell(self, changes: Changes, risk: Risk, *, diff: bool) -> None:
        old, new = changes.old, changes.new
        grown = "" if changes.size_change is None else f"{changes.size_change:+} bytes"
        self.output.facts(
            {
                "job": new.job,
                "from": f"{old.uuid} of {old.started:%Y-%m-%d %H:%M} on {old.platform}",
                "to": f"{new.uuid} of {new.started:%Y-%m-%d %H:%M} on {new.platform}",
                "image": grown,
                "risk": toned(risk.grade.word, _TONES[risk.grade]),
            }
        )
        for reason in risk.reasons:
            self.output.line(f"  {reason.grade.word}: {clean(reason.text)}")
        rows = [*_rows("opam", changes.opam), *_rows("system", changes.system)]
        rows += _rows("environment", changes.environment)
        rows += [("opam file", file.name, file.version, file.version) for file in changes.opam_files]
        if rows:
            self.output.table(("KIND", "NAME", "WAS", "IS"), rows)
        for file in changes.opam_files if diff else ():
            for line in file.diff.splitlines():
                self.output.line(clean(line))


def _rows(kind: str, difference: Difference) -> list[tuple[str, str, str, str]]:
    return [
        *((kind, package.name, "", package.version or "added") for package in difference.added),
        *((kind, package.name, package.version or "removed", "") for package in difference.removed),
        *((kind, change.name, change.old, change.new) for change in difference.changed),
    ]
