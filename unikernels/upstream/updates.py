"""``/api/unikernel/update`` and ``/api/unikernel/rollback``.

A failed update that went back is an error here; the original answers it with 200.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase

from accounts.actors import Actor
from accounts.models import Event
from accounts.scopes import Scope
from albatross.models import Instance
from mollymawk.errors import Refused
from unikernels.checks.services import check_add, check_change
from unikernels.configuration import Configuration
from unikernels.models import Check, Operation, Unikernel, Version
from unikernels.operations.machine import Kind, State
from unikernels.operations.services import plan_upgrade, rollback, upgrade
from unikernels.operations.services.asking import accepted_of, possible
from unikernels.operations.story import verdict
from unikernels.upstream.door import (
    accepted,
    failing,
    instance_named,
    label,
    read_json,
    route,
    team_of,
    texts,
    unikernel_named,
)
from unikernels.upstream.ending import Tell, ended, succeeded, when_done
from unikernels.upstream.envelope import Stop
from unikernels.upstream.shapes import read_config
from unikernels.upstream.unikernels import NO_NAME, build_named

UPDATE_ERROR = "Update Error"
ROLLBACK_ERROR = "Rollback Error"
NOT_RECORDED = "Could not find the build information."
TOO_LATE = "We can't do a rollback after 10 minutes of an update."


@route("POST")
def update(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """Put another build of the job in place, with checks before and after, and go back if need be."""
    team_of(actor, Scope.UPGRADE)
    body = read_json(request)
    wrong = "Couldn't find job or build in json. Received "
    where, name, job, uuid = texts(
        body, "albatross_instance", "unikernel_name", "job", "to_be_updated_unikernel", wrong=wrong
    )
    instance = _instance(actor, where)
    name = label(name, "", "Error: Bad unikernel name")
    configuration = _configuration(body.get("unikernel_arguments"))
    unikernel = unikernel_named(actor, instance, name, Scope.UPGRADE)
    if unikernel is None:
        raise Stop(404, f"Couldn't find unikernel {name}", UPDATE_ERROR)
    accept = accepted(body)
    with failing(_failed(name, uuid), UPDATE_ERROR):
        build = build_named(actor, job=job, uuid=uuid, server=body.get("builder"), unikernel=unikernel)
        wanted: dict[str, Any] = {"unikernel": unikernel, "to": build, "configuration": configuration}
        # No check is written down for an update that cannot be.
        possible(plan_upgrade(actor=actor, **wanted), accepted_of(accept))
        _ensure_checks(actor, unikernel, body)
        operation = upgrade(actor=actor, accept=accept, **wanted)
    return when_done(operation, _updated(name, uuid))


def _instance(actor: Actor, where: str) -> Instance:
    unknown = "An error occured while finding albatross instance "
    return instance_named(actor, where, bad="", unknown=unknown, title="Albatross Instance Error")


def _configuration(given: Any) -> Configuration | None:
    if given is None:
        return None
    try:
        return read_config(given)
    except ValueError as error:
        raise Stop(400, str(error), "Error with Unikernel Arguments Json") from error


def _updated(name: str, uuid: str) -> Tell:
    def tell(operation: Operation) -> HttpResponseBase:
        if succeeded(operation):
            data = f"Update successful. {name} is now running on build {uuid}"
            return ended(operation, 200, data, "Update Successful")
        why = verdict(operation).sentence
        if _checks_failed_before(operation):
            data = f"Liveliness check of currently running unikernel failed with error: {why}"
            return ended(operation, 500, data, "Error: Liveliness check failed")
        return ended(operation, 500, _failed(name, uuid) + why, UPDATE_ERROR)

    return tell


def _failed(name: str, uuid: str) -> str:
    return f"Update failed. {name} failed to update to build {uuid} with error "


def _checks_failed_before(operation: Operation) -> bool:
    ends = Event.objects.filter(operation=operation.pk, was=State.CHECK, now=State.ABORTED)
    return operation.state == State.ABORTED and ends.exists()


# --- checks ------------------------------------------------------------------------------------------

_HTTP = "update-http"
_DNS = "update-dns"


def _ensure_checks(actor: Actor, unikernel: Unikernel, body: dict[str, Any]) -> None:
    """What an update names is a check of the unikernel from now on. Raises ``ApplicationError``."""
    if url := body.get("http_liveliness_address"):
        _ensure(actor, unikernel, _HTTP, Check.Kind.HTTP, {"url": url, "status": [200, 299]})
    if server := body.get("dns_liveliness"):
        if not isinstance(server, dict):
            raise Stop(400, "dns_liveliness is an object")
        if server.get("dns_address") and server.get("dns_name"):
            asked = {"server": server["dns_address"], "name": server["dns_name"], "type": "A"}
            _ensure(actor, unikernel, _DNS, Check.Kind.DNS, asked)


def _ensure(actor: Actor, unikernel: Unikernel, name: str, kind: str, settings: dict[str, Any]) -> None:
    check = Check.objects.filter(unikernel=unikernel, name=name).first()
    if check is None:
        check_add(actor=actor, unikernel=unikernel, name=name, kind=kind, settings=settings)
    else:
        check_change(actor=actor, check=check, kind=kind, settings=settings)


# --- rollback ----------------------------------------------------------------------------------------


@route("POST")
def back(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """Put back what ran before the last change, while its window is open."""
    team_of(actor, Scope.UPGRADE)
    body = read_json(request)
    name, where = texts(body, "unikernel_name", "albatross_instance", wrong=NO_NAME)
    unknown, bad = "Couldn't find albatross instance, ", "Couldn't convert instance name, "
    instance = instance_named(actor, where, bad=bad, unknown=unknown)
    name = label(name, "Couldn't convert unikernel name, ")
    unikernel = unikernel_named(actor, instance, name, Scope.UPGRADE)
    if unikernel is None:
        raise Stop(404, f"{name} rollback failed. {NOT_RECORDED}", ROLLBACK_ERROR)
    try:
        operation = rollback(actor=actor, unikernel=unikernel)
    except Refused as error:
        raise _closed(unikernel, error) from error
    return when_done(operation, _rolled_back(name))


def _closed(unikernel: Unikernel, error: Refused) -> Stop:
    """Nothing to go back to: too late, or there never was anything."""
    name, changes = unikernel.name, (Kind.UPGRADE, Kind.CONFIGURE, Kind.ROLLBACK)
    if unikernel.operations.filter(kind__in=changes).exists():
        return Stop(400, f"{name} rollback failed. {TOO_LATE} {error}", "Rollback Failed")
    return Stop(404, f"{name} rollback failed. {NOT_RECORDED} {error}", ROLLBACK_ERROR)


def _rolled_back(name: str) -> Tell:
    def tell(operation: Operation) -> HttpResponseBase:
        what = _build(operation.target)
        if succeeded(operation):
            data = f"Rollback successful. {name} is now running on build {what}"
            return ended(operation, 200, data, "Rollback Successful")
        data = f"Rollback failed. {name} failed to revert to build {what} with error {verdict(operation).sentence}"
        return ended(operation, 500, data, ROLLBACK_ERROR)

    return tell


def _build(version: Version | None) -> str:
    """A build by its uuid; an uploaded image by its digest."""
    if version is None:
        return "unknown"
    return version.build.uuid if version.build else version.digest
