"""List the versions of a unikernel."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from unikernels.api.versions import show_whole_version, versions_of
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.output import age, toned
from unikernels.models import Version


class Command(OperatorCommand):
    """Arguments are masked: they hold secrets, and a terminal is seen by others."""

    help = "List the versions of a unikernel, newest first. Each one that is held can be put in place again."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        found, current = list(versions_of(unikernel)), unikernel.current_id
        if self.output.json:
            told = (show_whole_version(row, current=row.pk == current, clear=False) for row in found)
            self.output.data(list(told))
        else:
            titles = ("VERSION", "DIGEST", "ORIGIN", "BUILD", "HELD", "MADE", "RAN", "BY", "MARKS")
            self.output.table(titles, (_row(row, current=row.pk == current) for row in found))
        return SUCCEEDED


def _row(version: Version, *, current: bool) -> tuple[Any, ...]:
    return (
        str(version.number),
        version.digest[:12],
        version.origin,
        f"{version.build.builder}/{version.build.job}/{version.build.uuid}" if version.build else "",
        "yes" if version.image_id else "no",
        age(version.created_at),
        age(version.ran_at),
        version.created_by.email if version.created_by else "",
        toned("current", "ok") if current else "",
    )
