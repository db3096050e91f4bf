"""``/api/unikernels`` and ``/api/unikernel/{create,restart,destroy}``."""

from __future__ import annotations

from itertools import groupby
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponseBase

from accounts.actors import Actor
from accounts.scopes import UPLOAD, Scope
from albatross.models import Instance
from mollymawk.errors import Refused
from mollymawk.keyring import unseal_json
from unikernels.access import instances_of, unikernels_of
from unikernels.api.sources import BuildChoice, chosen_build
from unikernels.api.versions import shown
from unikernels.arguments import may_read_arguments
from unikernels.configuration import Configuration
from unikernels.images.services import image_add
from unikernels.inventory.facts import from_json
from unikernels.models import Build, Image, Operation, Unikernel
from unikernels.operations.plan import NEW_ABI
from unikernels.operations.services import configure, deploy, destroy, restart, upgrade
from unikernels.upstream.door import (
    accepted,
    existing,
    failing,
    instance_named,
    label,
    read_json,
    read_object,
    route,
    team_of,
    texts,
    unikernel_named,
)
from unikernels.upstream.ending import plain, when_done
from unikernels.upstream.envelope import Stop, reply
from unikernels.upstream.shapes import read_config, write_unikernel
from unikernels.versions import configuration_of

FIELDS_MISSING = "One or more required fields are missing."
RESPONSE_ERROR = "Albatross Response Error: failure: "
BAD_INSTANCE = "Error converting instance name: "
NO_INSTANCE = "Error finding albatross instance: "
BAD_UNIKERNEL = "Error converting unikernel name: "
NO_NAME = "Couldn't find unikernel name in json"
SAME_NAME = "Unikernel with same name is already running"
BAD_CONFIG = "Invalid unikernel arguments: "
CREATED = "created unikernel"


# --- the list ----------------------------------------------------------------------------------------


@route("GET")
def listing(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """What runs, one list for each instance that is seen; the others are told as errors."""
    team = team_of(actor, Scope.READ)
    clear = may_read_arguments(actor, team)
    rows = unikernels_of(actor).filter(team=team, path=team.domain, state=Unikernel.Presence.RUNNING)
    found = {
        pk: [_shown(row, clear) for row in group]
        for pk, group in groupby(rows.order_by("instance_id", "-name"), lambda row: row.instance_id)
    }
    instances = list(instances_of(actor).order_by("-name"))
    seen = [instance for instance in instances if not instance.stale]
    data = [found.get(instance.pk, []) for instance in seen]
    errors = [_unseen(instance) for instance in instances if instance.stale]
    return reply(200, {"data": data, "errors": errors}, "Unikernel Information")


def _shown(row: Unikernel, clear: bool) -> dict[str, Any]:
    sealed = row.sealed_arguments
    told = cast("list[str] | None", unseal_json(sealed)) if sealed else None
    arguments = shown(told or [], clear=clear)
    info = from_json(row.observed, digest=row.digest, started=row.started or 0, arguments=tuple(arguments))
    return write_unikernel(row.name, info, instance=row.instance.name)


def _unseen(instance: Instance) -> dict[str, str]:
    why = instance.trouble_text or "it was not seen for a while"
    return {"instance": instance.name, "error": f"Connection failure while quering unikernel info: {why}"}


# --- create ------------------------------------------------------------------------------------------


@route("POST")
def create(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """Deploy what was uploaded, or the newest build of a job. With force it replaces, and can go back."""
    team = team_of(actor, UPLOAD)
    form = form_of(request, "albatross_instance", "unikernel_name", "unikernel_config")
    instance = instance_named(actor, form["albatross_instance"], bad=BAD_INSTANCE, unknown=NO_INSTANCE)
    name = label(form["unikernel_name"], BAD_UNIKERNEL)
    configuration = _config(read_object(form["unikernel_config"], BAD_CONFIG))
    forced = _forced(form)
    present = unikernel_named(actor, instance, name, UPLOAD)
    replaces = present is not None and present.state == Unikernel.Presence.RUNNING
    if replaces and not forced:
        raise Stop(500, RESPONSE_ERROR + SAME_NAME)
    accept = accepted(form)
    with failing(RESPONSE_ERROR):
        source = _source(request, actor, form)
        if replaces and present is not None:
            operation = _replace(actor, present, source, configuration, accept)
        else:
            operation = deploy(
                actor=actor,
                team=team,
                instance=instance,
                name=name,
                image=source,
                configuration=configuration,
                accept=accept | {NEW_ABI},  # nobody can be asked, and nothing is lost when it does not start
            )
    return when_done(operation, plain(CREATED, RESPONSE_ERROR))


def form_of(request: HttpRequest, *needed: str) -> dict[str, str]:
    """The parts of a form but the files, in whatever order they came."""
    if request.content_type != "multipart/form-data":
        raise Stop(400, "Expected multipart/form-data")
    if not str(request.META.get("CONTENT_LENGTH") or "").isdigit():
        raise Stop(400, "Say how long the body is (Content-Length)")
    form: dict[str, str] = {name: str(value) for name, value in request.POST.items()}
    if not all(form.get(name) for name in needed):
        raise Stop(400, FIELDS_MISSING)
    return form


def _forced(form: dict[str, str]) -> bool:
    force = form.get("unikernel_force_create", "false")
    if force not in {"true", "false"}:
        raise Stop(400, "unikernel_force_create is true or false")
    return force == "true"


def _config(data: Any, prefix: str = BAD_CONFIG, title: str = "") -> Configuration:
    try:
        return read_config(data)
    except ValueError as error:
        raise Stop(400, f"{prefix}{error}", title) from error


def _source(request: HttpRequest, actor: Actor, form: dict[str, str]) -> Image | Build:
    """What is to run. Raises ``Stop`` and ``ApplicationError``."""
    file = request.FILES.get("binary")
    job = form.get("builder_job", "")
    mode = form.get("deploy_mode") or ("builder" if job and not (file and file.size) else "manual")
    if mode == "builder":
        return build_named(actor, job=job or None, server=form.get("builder"))
    if mode != "manual":
        raise Stop(400, "Invalid deploy mode")
    if not isinstance(file, UploadedFile):
        raise Stop(400, FIELDS_MISSING)
    if (file.size or 0) > settings.MAX_IMAGE_BYTES:
        raise Stop(400, f"An image has at most {settings.MAX_IMAGE_BYTES} bytes.")
    name = form["unikernel_name"]
    plain_file = cast("BinaryIO", file)  # it has what is needed of one
    return image_add(actor=actor, team=team_of(actor, UPLOAD), file=plain_file, name=file.name or name).image


def build_named(
    actor: Actor,
    *,
    job: str | None,
    uuid: str = "latest",
    server: str | None = None,
    unikernel: Unikernel | None = None,
) -> Build:
    """A build of the only builder, or of the one that what runs is from. Raises ``ApplicationError``."""
    if not job:
        raise Stop(400, "Missing builder job or uuid")
    given = {"job": job, "build": uuid, "server": server}
    choice = BuildChoice(data={name: value for name, value in given.items() if value})
    if not choice.is_valid():
        raise Refused(f"{job} and {uuid} are no job and build: a build is a uuid, or latest.")
    return chosen_build(actor, choice.validated_data, unikernel)


def _replace(
    actor: Actor,
    unikernel: Unikernel,
    source: Image | Build,
    configuration: Configuration,
    accept: frozenset[str],
) -> Operation:
    """The original ends the old one first. Here the old one runs until the new one is known to be good."""
    if same(unikernel, source.digest, configuration):
        return restart(actor=actor, unikernel=unikernel)
    return upgrade(actor=actor, unikernel=unikernel, to=source, configuration=configuration, accept=accept)


def same(unikernel: Unikernel, digest: str, configuration: Configuration) -> bool:
    """Whether that is what runs: then the original starts it again, and so do we."""
    current = unikernel.current
    return current is not None and (current.digest, configuration_of(current)) == (digest, configuration)


# --- restart, destroy --------------------------------------------------------------------------------


@route("POST")
def again(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """Restart; with ``arguments`` another configuration, which goes back when it does not run.

    The unikernel is named by the query, or (before 2026-06) by the body.
    """
    body = read_json(request)
    instance, name = _place(request, actor, body)
    configuration = _new_arguments(body)
    unikernel = existing(unikernel_named(actor, instance, name, Scope.UPGRADE), "destroy")
    with failing("failure: "):
        if configuration is None or same(unikernel, unikernel.digest, configuration):
            operation = restart(actor=actor, unikernel=unikernel)
        else:
            yes = accepted(body)
            operation = configure(actor=actor, unikernel=unikernel, configuration=configuration, accept=yes)
    return when_done(operation, plain(CREATED, "failure: "))


def _place(request: HttpRequest, actor: Actor, body: dict[str, Any]) -> tuple[Instance, str]:
    where = request.GET.get("instance") or body.get("albatross_instance")
    name = request.GET.get("unikernel") or body.get("name")
    wrong = "Say instance and unikernel, in the query"
    where, name = texts({"where": where, "name": name}, "where", "name", wrong=wrong)
    instance = instance_named(actor, where, bad=BAD_INSTANCE, unknown=NO_INSTANCE)
    return instance, label(name, BAD_UNIKERNEL)


def _new_arguments(body: dict[str, Any]) -> Configuration | None:
    given = body.get("arguments")
    if given is None:
        return None
    if not isinstance(given, str):
        raise Stop(400, "Arguments is expected to be a string")
    wrong = "Error parsing arguments: "
    return _config(read_object(given, wrong), wrong)


@route("POST")
def end(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """Destroy; its versions are kept here."""
    body = read_json(request)
    name, where = texts(body, "name", "albatross_instance", wrong=NO_NAME)
    instance = instance_named(actor, where, bad=BAD_INSTANCE, unknown=NO_INSTANCE)
    unikernel = existing(
        unikernel_named(actor, instance, label(name, BAD_UNIKERNEL), Scope.DEPLOY), "destroy"
    )
    with failing("failure: destroy: "):
        operation = destroy(actor=actor, unikernel=unikernel)
    return when_done(operation, plain("destroyed unikernel", "failure: destroy: "))
