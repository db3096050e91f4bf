"""From a report to the rows of unikernels: only what differs is written, each row conditionally.

The instance was asked before the transaction began. Whatever an operation has learnt since then is
newer: what it works on keeps its state, what it finished meanwhile is left alone, and a row that
changed under our hands is not written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from accounts.actors import SYSTEM
from accounts.models import Team
from albatross.messages import Info
from albatross.models import Instance
from albatross.names import Name
from unikernels.events import record_of
from unikernels.inventory.compare import UNSEEN, Change, Known, State, compare
from unikernels.inventory.facts import fingerprint
from unikernels.inventory.observed import observed_fields
from unikernels.inventory.report import Report, path_text
from unikernels.models import Operation, Unikernel
from unikernels.operations.arrival import differences
from unikernels.statistics.loops import calm_down, started_again
from unikernels.versions import configuration_of

Presence = Unikernel.Presence

BATCH = 200  # rows in one INSERT


def apply_unikernels(instance: Instance, report: Report, teams: Mapping[str | None, Team]) -> None:
    """Bring the rows of *instance* to what *report* says; *teams* by domain.

    A report says nothing new of nearly all: what has to be compared is read of all rows, whole rows only
    of those that differ.
    """
    busy, settled = _worked_on(instance, report.asked_at)
    lines = {line.name: line for line in _lines(instance, report, busy)}
    told = [
        line.pk
        for name, line in lines.items()
        if line.pk not in settled
        and _change(line.known, line.current, report.unikernels.get(name), teams.get(name.domain))
    ]
    for row in _whole(told):
        known, team = _known(row, busy=row.pk in busy), teams.get(row.full_name.domain)
        if info := report.unikernels.get(row.full_name):
            _seen(row, known, info, team, report.asked_at)
        else:
            _not_seen(row, known, report.asked_at)
    _create([_new(instance, report, name, teams) for name in report.unikernels if name not in lines])
    calm_down(instance, report.asked_at)


class Line(NamedTuple):
    """What of a row is compared with a report."""

    name: Name
    pk: int
    known: Known
    current: int | None


def _lines(instance: Instance, report: Report, busy: set[int]) -> Iterator[Line]:
    names = {(path_text(name), name.label): name for name in report.unikernels}
    found = Unikernel.objects.filter(instance=instance).order_by()
    columns = ("pk", "path", "name", "state", "fingerprint", "team_id", "current_id")
    for pk, path, label, state, mark, team, current in found.values_list(*columns):
        name = names.get((path, label)) or Unikernel(path=path, name=label).full_name
        yield Line(name, pk, Known(State(state), mark, team is not None, pk in busy), current)


def _whole(pks: list[int]) -> Iterable[Unikernel]:
    return Unikernel.objects.filter(pk__in=pks).select_related("instance", "team", "current") if pks else ()


def _change(known: Known, current: int | None, info: Info | None, team: Team | None) -> Change | None:
    """What *info* says that is not *known*; *current* is the version that it is compared with."""
    if info is None:
        return compare(known, None)
    judged = None if known.busy else current
    return compare(known, fingerprint(info, team=team.pk if team else None, judged=judged))


def _worked_on(instance: Instance, asked_at: datetime) -> tuple[set[int], set[int]]:
    """The unikernels with an unfinished operation, and those with one that ended after *asked_at*."""
    recent = Q(finished_at=None) | Q(finished_at__gte=asked_at)
    operations = Operation.objects.filter(recent, unikernel__instance=instance)
    ends = dict(operations.order_by("id").values_list("unikernel_id", "finished_at"))
    busy = {pk for pk, finished_at in ends.items() if finished_at is None}
    return busy, ends.keys() - busy


def _known(row: Unikernel, *, busy: bool) -> Known:
    return Known(State(row.state), row.fingerprint, managed=row.team_id is not None, busy=busy)


# --- in the report -----------------------------------------------------------------------------------


def _new(instance: Instance, report: Report, name: Name, teams: Mapping[str | None, Team]) -> Unikernel:
    row = Unikernel(
        instance=instance,
        team=teams.get(name.domain),
        path=path_text(name),
        name=name.label or "",
        state=Presence.RUNNING,
        state_since=report.asked_at,
    )
    _set(row, observed_fields(row, report.unikernels[name], judged=None))
    return row


def _create(rows: list[Unikernel]) -> None:
    for row in Unikernel.objects.bulk_create(rows, batch_size=BATCH):
        _tell(row, Change.APPEARED, now=row.state)


def _seen(row: Unikernel, known: Known, info: Info, team: Team | None, at: datetime) -> None:
    judged = None if known.busy else row.current_id
    change = _change(known, row.current_id, info, team)
    if change is None:
        return
    outside, started = row.changed_outside, row.started
    row.team = team
    fields = {"team": team, **observed_fields(row, info, judged=judged)}
    if change is not Change.FACTS:
        fields |= _judgement(row, info) | _state(row, Presence.RUNNING, at)
    if not _write(row, known, fields):
        return
    if change in {Change.APPEARED, Change.RETURNED}:
        _tell(row, change, was=known.state, now=row.state)
    if started is not None and row.started != started:
        started_again(row, at)
    if row.changed_outside != outside:
        _tell_changed_outside(row, info)


def _judgement(row: Unikernel, info: Info) -> dict[str, Any]:
    """Whether what runs is something else than its current version."""
    return {"changed_outside": bool(row.current and _differences(row, info))}


def _differences(row: Unikernel, info: Info) -> list[str]:
    assert row.current is not None
    return differences(configuration_of(row.current), row.current.digest, info, row.full_name)


def _tell_changed_outside(row: Unikernel, info: Info) -> None:
    if not row.changed_outside:
        _tell(row, "as_asked", reason="It is again what it was asked to be.")
        return
    fields = _differences(row, info)
    _tell(row, "changed_outside", reason=f"Differs from its version: {', '.join(fields)}.", fields=fields)


# --- not in the report -------------------------------------------------------------------------------


def _not_seen(row: Unikernel, known: Known, at: datetime) -> None:
    change = compare(known, None)
    if change is Change.UNSEEN:
        _write(row, known, {"fingerprint": UNSEEN})
    elif change is Change.GONE:
        pk = row.pk
        if _still(row, known).delete()[0]:
            row.pk = pk
            _tell(row, "gone", was=known.state)
    elif change is Change.MISSING:
        digest, state = row.digest, _absence(row)
        fields = observed_fields(row, None, judged=None) | _state(row, state, at)
        if _write(row, known, fields):
            _tell(
                row,
                "ended" if state == Presence.STOPPED else change,
                was=known.state,
                now=state,
                digest=digest,
            )


def _absence(row: Unikernel) -> Presence:
    """What it means that a unikernel is gone: one that may exit has just ended."""
    may_exit = row.current is not None and row.current.configuration.get("may_exit", False)
    return Presence.STOPPED if may_exit else Presence.MISSING


# --- writing -----------------------------------------------------------------------------------------


def _state(row: Unikernel, state: Presence, at: datetime) -> dict[str, Any]:
    return {} if row.state == state else {"state": state, "state_since": at}


def _still(row: Unikernel, known: Known) -> QuerySet[Unikernel]:
    """The row, if nobody changed it since it was read."""
    return Unikernel.objects.filter(pk=row.pk, state=known.state.value, fingerprint=known.fingerprint)


def _write(row: Unikernel, known: Known, fields: dict[str, Any]) -> bool:
    if not _still(row, known).update(**fields):
        return False
    _set(row, fields)
    return True


def _set(row: Unikernel, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)


def _tell(
    row: Unikernel, what: str, *, was: str = "", now: str = "", reason: str = "", **data: object
) -> None:
    record_of(
        row,
        actor=SYSTEM,
        kind=f"unikernel.{what}",
        was=was,
        now=now,
        reason=reason or str(row),
        data=data,
    )
