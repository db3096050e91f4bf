"""A configuration on the command line: options that make or change the JSON form."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from pathlib import Path
from typing import Any

from unikernels.api.fields import ACCEPTS
from unikernels.commands.files import read_text
from unikernels.configuration import Configuration, parse
from unikernels.models import Version
from unikernels.versions import arguments_of


def _pair(text: str) -> tuple[str, str | None]:
    """``device=other`` or ``device``."""
    device, equals, other = text.partition("=")
    if not device or (equals and not other):
        raise ArgumentTypeError(f"{text!r}: write device=name")
    return device, other or None


def _restart(text: str) -> Any:
    if text in {"never", "always"}:
        return text
    try:
        return [int(code) for code in text.split(",")]
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: write never, always or exit codes as 2,255") from None


def add_configuration(parser: ArgumentParser) -> None:
    """The options of a configuration. What is left out stays as it is, or takes its default."""
    group = parser.add_argument_group("configuration")
    group.add_argument("--memory", type=int, metavar="MB")
    group.add_argument(
        "--cpu", type=int, action="append", dest="cpuids", metavar="ID", help="repeat for several"
    )
    group.add_argument(
        "--arg",
        action="append",
        dest="arguments",
        metavar="TEXT",
        help="argument of the unikernel, as --arg=--name=value; repeat for several",
    )
    group.add_argument(
        "--arg-file",
        type=Path,
        metavar="FILE",
        help="arguments from a file, one each line (- for stdin): other users of this machine do not see them",
    )
    group.add_argument(
        "--net",
        type=_pair,
        action="append",
        dest="networks",
        metavar="DEVICE=BRIDGE",
        help="repeat for several",
    )
    group.add_argument(
        "--block",
        type=_pair,
        action="append",
        dest="blocks",
        metavar="DEVICE=BLOCK",
        help="repeat for several",
    )
    group.add_argument(
        "--restart", type=_restart, metavar="never|always|CODES", help="when it ends by itself"
    )
    group.add_argument("--startup", type=int, metavar="N", help="order of start at boot of the host")
    group.add_argument("--add-name", action=BooleanOptionalAction, help="pass --name to the unikernel")
    group.add_argument("--may-exit", action=BooleanOptionalAction, help="a batch job: its end is no failure")
    group.add_argument("--numcpus", type=int, metavar="N")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="CODE",
        help=f"say yes: {', '.join(ACCEPTS)}; repeat for several",
    )


_PLAIN = ("memory", "cpuids", "restart", "startup", "add_name", "may_exit", "numcpus")
_ALL = (*_PLAIN, "networks", "blocks", "arguments", "arg_file")


def changed_configuration(options: dict[str, Any], version: Version) -> Configuration | None:
    """The configuration of *version* with what the options change; None when they change nothing."""
    if not any(options[name] not in (None, []) for name in _ALL):
        return None
    return given_configuration(options, version.configuration | {"arguments": arguments_of(version)})


def given_configuration(options: dict[str, Any], present: dict[str, Any] | None = None) -> Configuration:
    """The configuration that the options describe, as a change of *present* (JSON form) if given."""
    data = dict(present or {})
    data |= {name: options[name] for name in _PLAIN if options[name] is not None}
    data |= {name: dict(options[name]) for name in ("networks", "blocks") if options[name] is not None}
    arguments = list(options["arguments"] or ())
    if options["arg_file"]:
        arguments += [line for line in read_text(options["arg_file"]).splitlines() if line]
    if arguments:
        data["arguments"] = arguments
    return parse(data)
