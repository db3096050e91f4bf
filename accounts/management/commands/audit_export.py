"""``manage.py audit_export``: events for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from django.core.management.base import CommandError, CommandParser

from accounts.actors import COMMAND
from accounts.audit import words
from accounts.audit.export import FORMS, export
from accounts.audit.search import Wanted, search
from accounts.management.base import ServiceCommand


class Command(ServiceCommand):
    """Writes events, oldest first."""

    help = "Write events as JSON lines or CSV, oldest first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", default="", help="of this team, also of one that is gone")
        parser.add_argument("--who", default="", help="by the person with this address")
        parser.add_argument("--kind", default="", help="team.created, or its first word: team")
        parser.add_argument("--subject", default="", help="about this: unikernel:7")
        parser.add_argument("--credential", default="", help='"session", "token mm_…", "command", …')
        parser.add_argument(
            "--since", default="", help="from this day or time on (UTC unless it says otherwise)"
        )
        parser.add_argument("--until", default="", help="up to this day, with it, or before this time")
        parser.add_argument("--format", choices=list(FORMS), default="jsonl")
        parser.add_argument("--output", default="-", help="a new file; -: standard output")

    def handle(self, *args: Any, format: str, output: str, **options: Any) -> None:  # noqa: A002 - its option
        named = {name: options[name] for name in ("team", "who", "kind", "subject", "credential")}
        wanted = Wanted(**named, since=words.since(options["since"]), until=words.until(options["until"]))
        rows = search(actor=COMMAND, wanted=wanted)
        if output == "-":
            for piece in export(rows, format):
                self.stdout.write(piece.decode(), ending="")
            return
        with _new(Path(output)) as file:
            file.writelines(export(rows, format))


def _new(path: Path) -> IO[bytes]:
    try:
        return path.open("xb")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}", returncode=2) from error
