"""Finding what was named on the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from mollymawk.errors import Invalid, Missing
from unikernels.access import blocks_of, instance_of, unikernels_of
from unikernels.models import Block, Unikernel


def add_unikernel(parser: ArgumentParser) -> None:
    """The arguments that name one unikernel."""
    parser.add_argument("name", help="its name, or domain:name")
    parser.add_argument("--team", help="whose; needed when several have one of this name")
    parser.add_argument("--instance", help="where; needed when it is on several")


def named_unikernel(options: dict[str, Any]) -> Unikernel:
    """The one unikernel that ``add_unikernel`` named; ``Missing`` for none, ``Invalid`` for several."""
    path, _, name = options["name"].lower().rpartition(":")
    rows = unikernels_of(COMMAND).filter(name=name)
    if path.strip(":"):
        rows = rows.filter(path=path.strip(":"))
    if options["team"]:
        rows = rows.filter(team=team_of(COMMAND, options["team"]))
    if options["instance"]:
        rows = rows.filter(instance=instance_of(COMMAND, options["instance"]))
    found = list(rows)
    if not found:
        raise Missing(f"There is no unikernel {options['name']}.")
    if len(found) > 1:
        several = [f"{unikernel} on {unikernel.instance}" for unikernel in found]
        raise Invalid("Several are called so; say --team or --instance.", reasons=several)
    return found[0]


def add_block(parser: ArgumentParser) -> None:
    """The arguments that name one block device."""
    parser.add_argument("block", metavar="DOMAIN:NAME")
    parser.add_argument("instance", metavar="INSTANCE")


def named_block(options: dict[str, Any]) -> Block:
    """The block device that ``add_block`` named. Raises ``Missing``."""
    path, _, name = options["block"].lower().rpartition(":")
    instance = instance_of(COMMAND, options["instance"])
    found = blocks_of(COMMAND).filter(instance=instance, path=path.strip(":"), name=name).first()
    if found is None:
        raise Missing(f"There is no block device {options['block']} on {instance}.")
    return found
