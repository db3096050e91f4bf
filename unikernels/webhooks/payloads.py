"""What the messages say. No arguments, no secrets, no bytes: where more is to be read is a link.

``{"type": …, "timestamp": …, "data": {"team": …, …}}``; docs/webhooks.md has the shapes, which stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from rest_framework.utils.encoders import JSONEncoder

from accounts.events import clean
from accounts.models import Event, Quota, Team
from mollymawk.keyring import SealBroken
from unikernels.alerts.models import Alert
from unikernels.letters.operations import secrets_of
from unikernels.letters.words import HIDDEN, link_to, without
from unikernels.models import Build, Check, Operation, Unikernel
from unikernels.operations.story import verdict
from unikernels.webhooks.kinds import Kind

Data = Mapping[str, Any]


def body_of(kind: Kind, team: Team, data: Data, now: datetime) -> str:
    """The JSON text that is sent. Tokens and keys are taken out, like from events."""
    message = {"type": kind.value, "timestamp": now, "data": {"team": team.name, **clean(data)}}
    return json.dumps(message, cls=JSONEncoder, separators=(",", ":"))


def operation_data(operation: Operation) -> Data:
    """An operation that ended, or was taken back."""
    return {
        "operation": {
            "id": operation.pk,
            "kind": operation.kind,
            "state": operation.state,
            "running": operation.running or None,
            "sentence": _sentence(operation),
            "cause": operation.cause,
            "reverted": operation.reverted,
            "requested_by": operation.requested_by.email if operation.requested_by else None,
            "created_at": operation.created_at,
            "finished_at": operation.finished_at,
            "page": link_to("operation", operation.pk),
        },
        "unikernel": operation.unikernel_id,
        "block": operation.block_id,
        "name": operation.name,
        "instance": operation.on.name,
        "version": operation.target.number if operation.target else None,
        "fallback": operation.fallback.number if operation.fallback else None,
    }


def _sentence(operation: Operation) -> str:
    """The verdict; what an instance or a console said in it may repeat the unikernel's arguments."""
    try:
        return without(verdict(operation).sentence, secrets_of(operation))
    except SealBroken:  # what is secret cannot be told from the rest
        return HIDDEN


def unikernel_data(unikernel: Unikernel) -> dict[str, Any]:
    """Which unikernel it is about."""
    return {
        "unikernel": unikernel.pk,
        "name": str(unikernel.full_name),
        "instance": unikernel.instance.name,
        "page": link_to("unikernel", unikernel.pk),
    }


def check_data(check: Check, text: str) -> Data:
    """A check, how it stands, and what its last try found. Not what is asked: addresses may hold secrets."""
    told = {
        "id": check.pk,
        "name": check.name,
        "kind": check.kind,
        "state": check.state,
        "since": check.state_since,
        "text": text,
    }
    return {"check": told, **unikernel_data(check.unikernel)}


def update_data(unikernel: Unikernel, standing: str, build: Build) -> Data:
    """A newer build of what runs."""
    told = {
        "builder": build.builder.name,
        "job": build.job,
        "uuid": build.uuid,
        "platform": build.platform,
        "started_at": build.started_at,
        "sha256": build.digest,
    }
    return {"standing": standing, "build": told, **unikernel_data(unikernel)}


def alert_data(alert: Alert) -> Data:
    """An alert that was opened, or is over."""
    told = {
        "id": alert.pk,
        "rule": alert.rule,
        "subject": alert.subject,
        "title": alert.title,
        "text": alert.text,
        "fired_at": alert.fired_at,
        "resolved_at": alert.resolved_at,
        "page": f"{settings.SITE_URL}{alert.path}",
    }
    return {"alert": told, "instance": alert.instance.name if alert.instance else None}


def quota_data(event: Event) -> Data:
    """What became of a quota, and its limits (memory and block in MB)."""
    quota = Quota.objects.filter(pk=int(event.subject.partition(":")[2])).first()
    told: dict[str, Any] = {"change": event.kind.partition(".")[2], "problem": event.reason, "limits": None}
    if quota is not None:
        names = ("unikernels", "memory", "block", "cpuids", "bridges")
        told |= {"state": quota.state, "limits": {name: getattr(quota, name) for name in names}}
    return {"quota": told, "instance": event.instance.name if event.instance else None}


def member_data(event: Event) -> Data:
    """Who came, went, or has another role."""
    told = {"email": event.data.get("member", ""), "role": event.now or None, "was": event.was or None}
    return {"member": told, "by": event.actor.email if event.actor else None}
