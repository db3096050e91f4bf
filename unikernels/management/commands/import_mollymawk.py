"""Bring over what the OCaml Mollymawk stored."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mollymawk.errors import Invalid
from unikernels.commands.base import ERROR, SUCCEEDED, OperatorCommand
from unikernels.commands.output import clean
from unikernels.importing.document import MAX_BYTES, read
from unikernels.importing.services import Item, bring


class Command(OperatorCommand):
    """Nothing that is here already is changed; the exit code is 1 when something could not be brought."""

    help = "Bring users, tokens, instances and policies of the OCaml Mollymawk over from its stored JSON."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the content of its block device, unpacked (- : stdin)")
        parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")

    def act(self, options: dict[str, Any]) -> int:
        dry_run: bool = options["dry_run"]
        items = []
        for item in bring(read(_content(options["file"])), dry_run=dry_run):
            items.append(item)
            if not self.output.json:
                self._tell(item, dry_run)
        if self.output.json:
            self.output.data({"dry_run": dry_run, "items": [asdict(item) for item in items]})
        elif dry_run:
            self.output.talk("Nothing was changed.")
        return ERROR if any(item.result == "failed" for item in items) else SUCCEEDED

    def _tell(self, item: Item, dry_run: bool) -> None:
        words = f": {clean(item.words)}" if item.words else ""
        result = "would bring" if dry_run and item.result == "brought" else item.result
        self.output.line(f"{result} {item.what} {clean(item.name)}{words}")


def _content(name: str) -> bytes:
    """What the file holds, without the zeros that fill up a block device. Raises ``Invalid``."""
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Invalid(f"{name} cannot be read: {error.strerror}.") from error
    if len(raw) > MAX_BYTES:
        raise Invalid(f"{name} has more than {MAX_BYTES} bytes.")
    return raw.rstrip(b"\0")
