"""Adding, changing, trying and removing checks, and automatic restarts. For the deployers of a team."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actors import Actor, require
from accounts.models import Role
from accounts.scopes import Need, Scope
from albatross.models import Instance
from mollymawk.errors import Conflict, Invalid, Missing, Refused
from unikernels.access import unikernels_of
from unikernels.checks.addresses import refusal
from unikernels.checks.history import Span, history, uptime
from unikernels.checks.probes import Found, probe
from unikernels.checks.resolving import reach_of
from unikernels.checks.settings import Settings, parse, told
from unikernels.consoles.text import visible
from unikernels.events import record_of
from unikernels.models import Check, CheckResult, Unikernel

__all__ = [
    "MAX_CHECKS",
    "MAX_RESTART_AFTER",
    "MAX_SECONDS",
    "MIN_RESTART_AFTER",
    "MIN_SECONDS",
    "Found",
    "Span",
    "check_add",
    "check_change",
    "check_of",
    "check_remove",
    "check_try",
    "checks_of",
    "history",
    "restart_after_set",
    "results_of",
    "told_of",
    "uptime",
]

GONE = "There is no such check, or it is not yours."
MAX_CHECKS = 10  # of one unikernel; all of them are asked at once
MAX_NAME = 63  # characters
MIN_SECONDS = 10  # between two rounds; more often would be a load for a small unikernel
MAX_SECONDS = 86_400
TRY_SECONDS = 5.0  # that a person waits for one try
# One failed round may be a lost packet: no reason to restart anything.
MIN_RESTART_AFTER, MAX_RESTART_AFTER = 2, 100


def checks_of(actor: Actor) -> QuerySet[Check]:
    """The checks *actor* may see, with unikernel, team and instance."""
    return Check.objects.filter(unikernel__in=unikernels_of(actor)).select_related(
        "unikernel__team", "unikernel__instance"
    )


def check_of(actor: Actor, pk: int, need: Need = Role.VIEWER) -> Check:
    """The check *pk*, for somebody who may do what *need* says with its unikernel."""
    check = checks_of(actor).filter(pk=pk).first()
    if check is None:
        raise Missing(GONE)
    require(actor, check.unikernel.team, need, unikernel=check.unikernel.name)
    return check


def results_of(check: Check) -> QuerySet[CheckResult]:
    """The single results that are still kept, newest first."""
    return CheckResult.objects.filter(check_row=check).order_by("-at", "-pk")


def told_of(check: Check) -> str:
    """What *check* asks, in one line for people."""
    try:
        return told(parse(check.kind, check.settings))
    except Invalid:  # stored by an older release, or by hand
        return "its settings cannot be read"


def check_add(
    *,
    actor: Actor,
    unikernel: Unikernel,
    name: str,
    kind: str,
    settings: Mapping[str, Any],
    seconds: int = 60,
) -> Check:
    """A new check of *unikernel*, asked for the first time within seconds. *settings*: ``checks.settings``.

    Raises ``Invalid`` (with ``fields``), ``Conflict`` for a name that is taken, and ``Refused`` for one
    too many or an address that checks may not reach.
    """
    _allowed(actor, unikernel)
    wanted = _reachable(parse(kind, settings), unikernel.instance)
    name, seconds = _name(name), _seconds(seconds)
    with transaction.atomic():
        if Check.objects.filter(unikernel=unikernel).count() >= MAX_CHECKS:
            raise Refused(f"A unikernel has at most {MAX_CHECKS} checks.")
        check = Check(unikernel=unikernel, name=name, kind=kind, settings=wanted.to_json(), seconds=seconds)
        try:
            with transaction.atomic():
                check.save(force_insert=True)
        except IntegrityError as error:
            raise _taken(name) from error
        _tell(actor, check, "check.added")
    return check


def check_change(
    *,
    actor: Actor,
    check: Check,
    name: str | None = None,
    kind: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seconds: int | None = None,
) -> Check:
    """Change what is given; None leaves as it is. Another question forgets what the last one said.

    Raises what ``check_add`` raises.
    """
    _allowed(actor, check.unikernel)
    kind = check.kind if kind is None else kind
    wanted = _reachable(
        parse(kind, check.settings if settings is None else settings), check.unikernel.instance
    )
    given: dict[str, Any] = {"kind": kind, "settings": wanted.to_json()}
    if name is not None:
        given["name"] = _name(name)
    if seconds is not None:
        given["seconds"] = _seconds(seconds)
    changed = {field: value for field, value in given.items() if getattr(check, field) != value}
    if changed:
        _change(actor, check, changed)
        check.refresh_from_db()
    return check


def check_remove(*, actor: Actor, check: Check) -> None:
    """Forget *check* and its results; the events stay."""
    _allowed(actor, check.unikernel)
    with transaction.atomic():
        if Check.objects.filter(pk=check.pk).delete()[0]:
            _tell(actor, check, "check.removed")


def check_try(*, actor: Actor, unikernel: Unikernel, kind: str, settings: Mapping[str, Any]) -> Found:
    """Try such a check once, now, for at most 5 s; nothing is stored. Never inside a transaction."""
    _allowed(actor, unikernel)
    wanted = _reachable(parse(kind, settings), unikernel.instance)
    return probe(wanted, reach_of(unikernel.instance), TRY_SECONDS)


def restart_after_set(*, actor: Actor, unikernel: Unikernel, after: int | None) -> None:
    """Restart *unikernel* by itself after so many failed rounds of a check; None: never."""
    _allowed(actor, unikernel)
    if after is not None and (type(after) is not int or not MIN_RESTART_AFTER <= after <= MAX_RESTART_AFTER):
        sentence = f"Write a number from {MIN_RESTART_AFTER} to {MAX_RESTART_AFTER}, or nothing for never."
        raise Invalid("The number of failed rounds is not right.", fields={"restart_after": [sentence]})
    with transaction.atomic():
        rows = Unikernel.objects.filter(pk=unikernel.pk).exclude(restart_after=after)
        if rows.update(restart_after=after):
            record_of(
                unikernel,
                actor=actor,
                kind="unikernel.restart-after",
                reason="never" if after is None else f"after {after} failed rounds of a check",
            )
    unikernel.restart_after = after


# --- inner -------------------------------------------------------------------------------------------


def _allowed(actor: Actor, unikernel: Unikernel) -> None:
    require(actor, unikernel.team, Scope.DEPLOY, unikernel=unikernel.name)
    if unikernel.team is None:
        raise Refused("This unikernel belongs to no team here: it is shown, never changed.")


def _reachable(wanted: Settings, instance: Instance) -> Settings:
    """*wanted*, if the address that stands in it may be reached; a name is judged when it is asked."""
    host, port = wanted.place
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return wanted
    if sentence := refusal(address, port, reach_of(instance)):
        raise Refused(sentence)
    return wanted


def _name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME or visible(name) != name:
        sentence = f"A name has 1 to {MAX_NAME} printable characters."
        raise Invalid("The name is not valid.", fields={"name": [sentence]})
    return name


def _seconds(seconds: int) -> int:
    if type(seconds) is not int or not MIN_SECONDS <= seconds <= MAX_SECONDS:
        sentence = f"Write a number from {MIN_SECONDS} to {MAX_SECONDS}."
        raise Invalid("The time between two rounds is not right.", fields={"seconds": [sentence]})
    return seconds


def _change(actor: Actor, check: Check, changed: dict[str, Any]) -> None:
    rows = Check.objects.filter(pk=check.pk)
    anew = bool(changed.keys() & {"kind", "settings"})
    # A result that is under way belongs to the old question: whoever writes it looks at due_at.
    more = {"due_at": timezone.now()} | (
        {"state": Check.State.UNKNOWN, "state_since": timezone.now(), "failures": 0} if anew else {}
    )
    with transaction.atomic():
        was = rows.values_list("state", flat=True).first()  # a sweep may have written it since
        if was is None:
            raise Missing(GONE)
        try:
            with transaction.atomic():
                rows.update(**changed, **more)
        except IntegrityError as error:
            raise _taken(changed["name"]) from error
        _tell(actor, check, "check.changed", fields=sorted(changed))
        if anew and was != Check.State.UNKNOWN:
            _tell(actor, check, "check.unknown", was=was, now=Check.State.UNKNOWN)


def _taken(name: str) -> Conflict:
    return Conflict(f"It has a check called {name} already.")


def _tell(actor: Actor, check: Check, kind: str, *, was: str = "", now: str = "", **data: object) -> None:
    unikernel = check.unikernel
    record_of(
        unikernel,
        actor=actor,
        kind=kind,
        was=was,
        now=now,
        reason=check.name,
        data={"check": check.pk, "kind": check.kind, **data},
    )
