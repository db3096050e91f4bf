"""Say what happens to a unikernel by itself."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from accounts.actors import COMMAND
from mollymawk.errors import Invalid
from unikernels.api.updates import show, updates_set
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.output import clean
from unikernels.commands.plans import tell_rehearsal
from unikernels.models import Unikernel
from unikernels.updates.calendar import DAYS, parse, told

_SHORT = tuple(day[:3].lower() for day in DAYS)
_WINDOW = ("weekdays", "start", "minutes", "zone")
NEVER = 0


def _weekday(text: str) -> int:
    try:
        return _SHORT.index(text.strip().lower()[:3])
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: write {', '.join(_SHORT)}") from None


def _rounds(text: str) -> int:
    try:
        return NEVER if text == "never" else int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: write a number, or never") from None


class Command(OperatorCommand):
    """Without a mode or options: how it is set."""

    help = (
        "Show or say what happens to a unikernel by itself: with a newer build (manual: it is shown; tell: told by "
        "mail; automatic: put in place in the maintenance window), and when its checks fail. What is left "
        "out stays as it is."
    )

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("mode", nargs="?", choices=Unikernel.UpdateMode.values)
        window = parser.add_argument_group("maintenance window")
        window.add_argument(
            "--weekday",
            type=_weekday,
            action="append",
            dest="weekdays",
            metavar="DAY",
            help="mon, tue, …: on which it opens; repeat for several",
        )
        window.add_argument("--start", metavar="HH:MM", help="by the clock of the zone")
        window.add_argument("--minutes", type=int, metavar="N", help="how long it is open")
        window.add_argument("--zone", help="of the IANA database: Europe/Berlin")
        parser.add_argument(
            "--restart-after",
            type=_rounds,
            metavar="N",
            help="failed rounds of its checks; never: not at all",
        )
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        wanted = _wanted(unikernel, options)
        if options["dry_run"]:
            steps = [f"Set {name.replace('_', ' ')} of {unikernel}." for name in wanted]
            return tell_rehearsal(lambda: updates_set(COMMAND, unikernel, wanted), self.output, *steps)
        updates_set(COMMAND, unikernel, wanted)
        self._tell(unikernel)
        return SUCCEEDED

    def _tell(self, unikernel: Unikernel) -> None:
        facts = show(unikernel)
        if self.output.json:
            self.output.data(facts)
            return
        frozen, rounds = facts["frozen"], facts["restart_after"]
        window = told(parse(facts["maintenance"])) if facts["maintenance"] else None
        self.output.facts(
            {
                "mode": facts["mode"],
                "maintenance": window,
                "open until": _moment(facts["open_until"]),
                "next opening": _moment(facts["next_opening"]),
                "restart": f"after {rounds} failed rounds" if rounds else "never by itself",
            }
        )
        if frozen:
            self.output.talk(
                f"frozen for {frozen['team'] or 'everybody'}: {clean(frozen['reason'] or 'no reason given')}"
            )


def _moment(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else None


def _wanted(unikernel: Unikernel, options: dict[str, Any]) -> dict[str, Any]:
    """What the options change."""
    wanted: dict[str, Any] = {}
    if options["mode"]:
        wanted["mode"] = options["mode"]
    window = {name: options[name] for name in _WINDOW if options[name] is not None}
    if window:
        wanted["maintenance"] = parse({**unikernel.maintenance, **window})
    if options["restart_after"] is not None:
        wanted["restart_after"] = options["restart_after"] or None
    if options["dry_run"] and not wanted:
        raise Invalid("Say what to change.")
    return wanted
