"""``manage.py audit_verify``: whether the log is what was written."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.audit import words
from accounts.audit.services import extend
from accounts.audit.verify import Report, verify
from accounts.management.base import ServiceCommand
from mollymawk.errors import Invalid

DAMAGED = 9  # exit code


class Command(ServiceCommand):
    """Looks at the whole chain; what it prints last is the head, to be noted elsewhere."""

    help = "Compare every event with the chain of hashes. Exit code 9: something is not as it was."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", default="", help="look only at events since this day or time (the links: all)"
        )
        parser.add_argument(
            "--anchor",
            action="append",
            default=[],
            metavar="NUMBER:HASH",
            help="a head that was noted elsewhere; may be given several times",
        )
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *args: Any, since: str, anchor: list[str], json: bool, **_: Any) -> None:
        extend()
        report = verify(since=words.since(since), anchors=dict(_anchor(text) for text in anchor))
        self.stdout.write(_json(report) if json else _told(report))
        if report.flaws:
            raise CommandError("The log is not what was written.", returncode=DAMAGED)


def _anchor(text: str) -> tuple[int, str]:
    number, _, noted = text.strip().partition(":")
    if not (number.isdigit() and len(noted) == 64):
        raise Invalid("An anchor is the number of a link and its hash, as this command prints them: 12:9f…")
    return int(number), noted.lower()


def _json(report: Report) -> str:
    return json.dumps(asdict(report) | {"ok": not report.flaws}, indent=2)


def _told(report: Report) -> str:
    lines = [
        f"event {flaw.event} {flaw.text} (link {flaw.link})"
        if flaw.event
        else f"link {flaw.link}: {flaw.text}"
        for flaw in report.flaws
    ]
    lines.append(
        f"{report.events} events in {report.links} links looked at; {report.waiting} wait to be linked."
    )
    if not report.flaws:
        lines.append("Nothing was changed, removed or put in between.")
    return "\n".join([*lines, f"Head: {report.head}" if report.head else "There is no link yet."])
