"""Builds named on the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from mollymawk.errors import Invalid
from unikernels.api.sources import LATEST, chosen_build
from unikernels.models import Build, Unikernel


def add_build(parser: ArgumentParser) -> None:
    """The options that name a build."""
    group = parser.add_argument_group("build")
    group.add_argument("--job", help="the newest build of this job, or the one that --build names")
    group.add_argument("--build", metavar="[[SERVER/]JOB/]UUID", help="one build")
    group.add_argument("--server", help="name of the builder; needed when there are several")


def build_is_named(options: dict[str, Any]) -> bool:
    """Whether the options name a build."""
    return bool(options["job"] or options["build"])


def named_build(options: dict[str, Any], unikernel: Unikernel | None = None) -> Build:
    """The build that the options of ``add_build`` name. What they leave out is that of what *unikernel* runs.

    The builder may be asked, for some seconds. Raises ``Invalid``, ``Missing`` and ``Refused``.
    """
    *place, uuid = (options["build"] or LATEST).split("/")
    told = {name: options[name] for name in ("server", "job") if options[name]}
    if len(place) > 2 or any(name in told for name in ("server", "job")[2 - len(place) :]):
        raise Invalid("Name the builder and the job once: with --build, or with --server and --job.")
    named = dict(zip(("server", "job")[2 - len(place) :], place, strict=True))
    return chosen_build(COMMAND, {**told, **named, "build": uuid}, unikernel)
