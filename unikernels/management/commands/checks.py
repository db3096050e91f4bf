"""List, add, change, try and remove the checks of a unikernel."""

from __future__ import annotations

from argparse import ArgumentParser
from functools import partial
from typing import Any

from accounts.actors import COMMAND
from mollymawk.errors import Invalid, Missing
from unikernels.api.check_shapes import show, show_found
from unikernels.checks.services import check_add, check_change, check_remove, check_try, told_of
from unikernels.checks.settings import parse, told
from unikernels.commands.base import ERROR, SUCCEEDED, OperatorCommand
from unikernels.commands.checks import add_check, check_is_given, given_check
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.output import age, clean, toned
from unikernels.commands.plans import tell_rehearsal
from unikernels.models import Check, CheckResult, Unikernel

FAILED = 9
EVERY = 60  # seconds

_CODES = {CheckResult.Outcome.PASSED: SUCCEEDED, CheckResult.Outcome.FAILED: FAILED}
_TONES = {"passed": "ok", "failed": "bad", "up": "ok", "down": "bad"}


class Command(OperatorCommand):
    """Without more: a list."""

    help = (
        "List the liveness checks of a unikernel, or add, change, try or remove one. A try ends with 0 when it passed, "
        "9 when it failed, and 1 when we could not ask."
    )

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--add", metavar="CHECK", help="add one called so")
        what.add_argument("--change", metavar="CHECK", help="change the one called so")
        what.add_argument("--remove", metavar="CHECK", help="remove the one called so, with its results")
        what.add_argument(
            "--try",
            dest="attempt",
            nargs="?",
            const="",
            metavar="CHECK",
            help="ask once, now: the one called so, or what the options say; nothing is kept",
        )
        parser.add_argument(
            "--every", type=int, metavar="SECONDS", help=f"between two rounds (added: {EVERY})"
        )
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
        add_check(parser)

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        if options["add"] is not None:
            return self._add(unikernel, options)
        if options["change"] is not None:
            return self._change(unikernel, options)
        if options["attempt"] is not None:
            return self._try(unikernel, options)
        if check_is_given(options) or options["every"] is not None:
            raise Invalid("Say --add, --change or --try.")
        if options["remove"] is not None:
            return self._remove(unikernel, options)
        return self._list(unikernel)

    def _list(self, unikernel: Unikernel) -> int:
        found = list(unikernel.checks.order_by("name"))
        if self.output.json:
            self.output.data([show(check) for check in found])
        else:
            self.output.table(("CHECK", "STATE", "SINCE", "EVERY", "ASKS"), map(_row, found))
        return SUCCEEDED

    def _add(self, unikernel: Unikernel, options: dict[str, Any]) -> int:
        kind, settings = given_check(options)
        wanted: dict[str, Any] = {
            "actor": COMMAND,
            "unikernel": unikernel,
            "name": options["add"],
            "kind": kind,
            "settings": settings,
            "seconds": EVERY if options["every"] is None else options["every"],
        }
        if options["dry_run"]:
            step = f"Ask each {wanted['seconds']} s: {told(parse(kind, settings))}."
            return tell_rehearsal(lambda: check_add(**wanted), self.output, step)
        check = check_add(**wanted)
        if self.output.json:
            self.output.data(show(check))
        else:
            self.output.line(f"{clean(check.name)}: {clean(told_of(check))}")
        return SUCCEEDED

    def _change(self, unikernel: Unikernel, options: dict[str, Any]) -> int:
        check = _named(unikernel, options["change"])
        wanted: dict[str, Any] = {"seconds": options["every"]}
        if check_is_given(options):
            wanted["kind"], wanted["settings"] = given_check(options)
        elif options["every"] is None:
            raise Invalid("Say what to change: --every, or what to ask.")
        change = partial(check_change, actor=COMMAND, check=check, **wanted)
        if options["dry_run"]:
            return tell_rehearsal(change, self.output, f"Change {check}.")
        changed = change()
        if self.output.json:
            self.output.data(show(changed))
        else:
            self.output.line(f"{clean(changed.name)}: {clean(told_of(changed))}")
        return SUCCEEDED

    def _remove(self, unikernel: Unikernel, options: dict[str, Any]) -> int:
        check = _named(unikernel, options["remove"])
        if options["dry_run"]:
            step = f"Remove {check} and its results."
            return tell_rehearsal(lambda: check_remove(actor=COMMAND, check=check), self.output, step)
        check_remove(actor=COMMAND, check=check)
        if self.output.json:
            self.output.data({"removed": check.name})
        else:
            self.output.line(f"{clean(check.name)} is removed.")
        return SUCCEEDED

    def _try(self, unikernel: Unikernel, options: dict[str, Any]) -> int:
        if options["attempt"] and check_is_given(options):
            raise Invalid("Name a check, or say what to ask; not both.")
        kind, settings = self._tried(unikernel, options)
        if options["dry_run"]:
            step = f"Ask once: {told(parse(kind, settings))}."
            return tell_rehearsal(lambda: None, self.output, step)
        found = check_try(actor=COMMAND, unikernel=unikernel, kind=kind, settings=settings)
        if self.output.json:
            self.output.data(show_found(found))
        else:
            outcome = toned(found.outcome, _TONES.get(found.outcome, "warn"))
            latency = f"{found.latency * 1000:.0f} ms"
            self.output.facts({"outcome": outcome, "found": found.text, "latency": latency})
        return _CODES.get(found.outcome, ERROR)

    def _tried(self, unikernel: Unikernel, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if not options["attempt"]:
            return given_check(options)
        check = _named(unikernel, options["attempt"])
        return check.kind, check.settings


def _named(unikernel: Unikernel, name: str) -> Check:
    check = (
        unikernel.checks.filter(name=name).select_related("unikernel__team", "unikernel__instance").first()
    )
    if check is None:
        raise Missing(f"{unikernel} has no check {name}.")
    return check


def _row(check: Check) -> tuple[Any, ...]:
    return (
        check.name,
        toned(check.state, _TONES.get(check.state, "idle")),
        age(check.state_since),
        f"{check.seconds} s",
        told_of(check),
    )
