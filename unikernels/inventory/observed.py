"""The observed facts in a unikernel's row: writing what was just seen, and reading it back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from albatross.messages import Info
from mollymawk.keyring import seal_json, unseal_json
from unikernels.inventory import facts
from unikernels.models import Unikernel


def write_observed(unikernel: Unikernel, info: Info | None, at: datetime | float) -> None:
    """Write what an instance reported of *unikernel* a moment ago (*at*), None: that it is not there.

    Facts only: whoever runs is running, but whether something absent was stopped or is missing, and
    whether it was changed outside, is for the caller. Writes nothing when the row says so already.
    """
    fields = observed_fields(unikernel, info, judged=None)
    if info is not None and unikernel.state != Unikernel.Presence.RUNNING:
        moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
        fields |= {"state": Unikernel.Presence.RUNNING, "state_since": moment}
    row = Unikernel.objects.filter(pk=unikernel.pk)
    if "state" not in fields:
        row = row.exclude(fingerprint=fields["fingerprint"])
    row.update(**fields)
    for name, value in fields.items():
        setattr(unikernel, name, value)


def observed_fields(unikernel: Unikernel, info: Info | None, *, judged: int | None) -> dict[str, Any]:
    """The columns that hold what was reported; *judged* is the version it was compared with."""
    if info is None:
        return {"digest": "", "started": None, "observed": {}, "sealed_arguments": "", "fingerprint": ""}
    return {
        "digest": facts.digest_of(info),
        "started": info.started.milliseconds,
        "observed": facts.to_json(info),
        "sealed_arguments": seal_json(None if info.arguments is None else list(info.arguments)),
        "fingerprint": facts.fingerprint(info, team=unikernel.team_id, judged=judged),
    }


def observed_of(unikernel: Unikernel) -> Info | None:
    """What the instance last reported, arguments opened; None when nothing of that name was there."""
    if not unikernel.observed:
        return None
    arguments = cast("list[str] | None", unseal_json(unikernel.sealed_arguments))
    return facts.from_json(
        unikernel.observed,
        digest=unikernel.digest,
        started=unikernel.started or 0,
        arguments=None if arguments is None else tuple(arguments),
    )
