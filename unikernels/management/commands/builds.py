"""Tell what a builder builds."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.api.builders import builds_in
from unikernels.api.builds import show_build
from unikernels.builds.services import ask, builder_named
from unikernels.commands.asking import WAIT, answered
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import age
from unikernels.models import Lookup
from unikernels.operations.story import STILL_RUNNING


class Command(OperatorCommand):
    """Asks the builder in this process, unless a worker does already."""

    help = "List the jobs of a builder, or with a job its newest builds."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("server", help="name of the builder")
        parser.add_argument("job", nargs="?", default="")
        parser.add_argument("--fresh", action="store_true", help="however new the last answer is")
        parser.add_argument(
            "--timeout", type=float, default=WAIT, help="seconds to wait at most (default: %(default)g)"
        )

    def act(self, options: dict[str, Any]) -> int:
        job = options["job"]
        lookup = ask(
            actor=COMMAND,
            builder=builder_named(COMMAND, options["server"]),
            what=Lookup.What.BUILDS if job else Lookup.What.JOBS,
            key=job,
            fresh=options["fresh"],
        )
        lookup = answered(lookup, options["timeout"])
        if lookup.data is None:
            self.output.talk(f"{lookup.builder} is still being asked. Ask again.")
            return STILL_RUNNING
        tell = self._builds if job else self._jobs
        tell(lookup)
        return SUCCEEDED

    def _jobs(self, lookup: Lookup) -> None:
        if self.output.json:
            self.output.data(lookup.data)
        else:
            rows = [(job["name"], job["section"], job["synopsis"]) for job in lookup.data]
            self.output.table(("JOB", "SECTION", "WHAT"), rows)

    def _builds(self, lookup: Lookup) -> None:
        found = builds_in(lookup)
        if self.output.json:
            self.output.data([show_build(build) for build in found])
        else:
            rows = [(build.uuid, build.platform, age(build.started_at), build.digest[:12]) for build in found]
            self.output.table(("BUILD", "PLATFORM", "AGE", "DIGEST"), rows)
