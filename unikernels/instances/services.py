"""Adding, testing, changing and removing instances. For superusers and operators only."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor, require_fresh, require_superuser
from accounts.events import record
from albatross.address import Address
from albatross.edge import client_for
from albatross.errors import AddressInvalid, AlbatrossError, CertificateInvalid
from albatross.models import Instance
from mollymawk.errors import Conflict, Invalid, Refused, Unavailable
from mollymawk.keyring import SealBroken, seal
from unikernels.instances.troubles import sentence, trouble_of
from unikernels.models import Operation, Unikernel

MAX_NETWORKS = 64  # that checks may reach on one instance

# It stands in addresses of pages and on command lines.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test of an instance showed; ``milliseconds`` for both commands together."""

    unikernels: int
    policies: int
    milliseconds: int


def instance_add(
    *,
    actor: Actor,
    name: str,
    address: str,
    server_ca: str,
    certificate: str,
    key: str,
    check_networks: Sequence[str] = (),
) -> Instance:
    """A new instance, tested with real commands before it is saved. PEM texts; the key is kept sealed.

    Raises ``Invalid`` (with ``fields``), ``Conflict`` for a name that is taken, and ``Refused`` with
    the reason when the test fails.
    """
    require_superuser(actor)
    require_fresh(actor)
    fields = _read(
        name=name,
        address=address,
        server_ca=server_ca,
        certificate=certificate,
        key=key,
        check_networks=check_networks,
    )
    instance = Instance(**fields)
    _refuse_twin(instance)
    tested = _test(instance)
    with transaction.atomic():
        instance.save(force_insert=True)
        _tell(actor, instance, "instance.added", address=instance.address, unikernels=tested.unikernels)
    return instance


def instance_test(*, actor: Actor, instance: Instance) -> Tested:
    """Ask *instance* now, and change nothing. Raises ``Unavailable`` with the reason."""
    require_superuser(actor)
    try:
        return _test(instance)
    except Refused as error:
        raise Unavailable(str(error), extra=error.extra) from error


def instance_update(
    *,
    actor: Actor,
    instance: Instance,
    name: str | None = None,
    address: str | None = None,
    server_ca: str | None = None,
    certificate: str | None = None,
    key: str | None = None,
    check_networks: Sequence[str] | None = None,
) -> Instance:
    """Change what is given; None leaves as it is. Tested before it is saved if it is about the way there.

    Raises what ``instance_add`` raises.
    """
    require_superuser(actor)
    require_fresh(actor)
    given = _read(
        name=name,
        address=address,
        server_ca=server_ca,
        certificate=certificate,
        key=key,
        check_networks=check_networks,
    )
    changed = {field: value for field, value in given.items() if getattr(instance, field) != value}
    if not changed:
        return instance
    way = {field: getattr(instance, field) for field in _WAY}
    tried = Instance(pk=instance.pk, **{"name": instance.name, **way, **changed})
    _refuse_twin(tried)
    words = sorted(changed)
    if changed.keys() & way.keys():
        _test(tried)
        changed |= {"failures": 0, "next_look_at": timezone.now()}
    with transaction.atomic():
        Instance.objects.filter(pk=instance.pk).update(**changed)
        _tell(actor, instance, "instance.changed", fields=words)
    instance.refresh_from_db()
    return instance


def instance_retry(*, actor: Actor, instance: Instance) -> None:
    """Look at it now: the circuit breaker begins anew."""
    require_superuser(actor)
    with transaction.atomic():
        Instance.objects.filter(pk=instance.pk).update(failures=0, next_look_at=timezone.now())
        _tell(actor, instance, "instance.retried")


def instance_remove(*, actor: Actor, instance: Instance) -> None:
    """Forget *instance*. What runs there goes on running; nothing is sent to it.

    Refused while a team has something there that is not stopped, or an operation is unfinished. The
    versions and operations of stopped unikernels go with it; the events stay.
    """
    require_superuser(actor)
    require_fresh(actor)
    with transaction.atomic():
        own = Unikernel.objects.filter(instance=instance, team__isnull=False)
        alive = own.exclude(state=Unikernel.Presence.STOPPED)
        if reasons := [f"{unikernel} ({unikernel.team})" for unikernel in alive.select_related("team")]:
            raise Refused("Unikernels are managed there: destroy them first.", reasons=reasons)
        operations = Operation.objects.filter(unikernel__instance=instance)
        if operations.filter(finished_at=None).exists():
            raise Refused("An operation is under way there: wait for its end.")
        _tell(actor, instance, "instance.removed", address=instance.address)
        operations.delete()
        rows = Unikernel.objects.filter(instance=instance)
        rows.update(current=None)
        rows.delete()
        instance.delete()


# --- reading what was given ------------------------------------------------------------------------


def _read(**given: Any) -> dict[str, Any]:
    """The columns for what is given and not None; ``Invalid`` with every wrong field."""
    columns: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for field, value in given.items():
        if value is not None:
            try:
                columns["sealed_key" if field == "key" else field] = _READERS[field](value)
            except ValueError as error:
                wrong[field] = [str(error)]
    if wrong:
        raise Invalid("The instance is not described rightly.", fields=wrong)
    return columns


def _name(text: str) -> str:
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise ValueError("Use 1 to 63 letters, digits, dots and hyphens; a letter or digit at both ends.")
    return name


def _address(text: str) -> str:
    try:
        return str(Address.parse(text))
    except AddressInvalid as error:
        raise ValueError(sentence(error)) from error


def _pem(text: str) -> str:
    if "-----BEGIN " not in text:
        raise ValueError("This is needed as PEM (-----BEGIN …).")
    return text.strip() + "\n"


def _networks(texts: Sequence[str]) -> list[str]:
    if len(texts) > MAX_NETWORKS:
        raise ValueError(f"At most {MAX_NETWORKS} networks.")
    try:
        return [str(ipaddress.ip_network(text.strip())) for text in texts]
    except ValueError as error:
        raise ValueError(f"{error}. Write a network as 10.0.0.0/24 or fd00::/64.") from error


_READERS: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "address": _address,
    "server_ca": _pem,
    "certificate": _pem,
    "key": lambda text: seal(_pem(text)),
    "check_networks": _networks,
}
_WAY = ("address", "server_ca", "certificate", "sealed_key")  # what a connection is made from


def _refuse_twin(instance: Instance) -> None:
    if Instance.objects.filter(name=instance.name).exclude(pk=instance.pk).exists():
        raise Conflict(f"There is an instance called {instance.name} already.")


# --- trying it -------------------------------------------------------------------------------------


def _test(instance: Instance) -> Tested:
    begun = time.monotonic()
    try:
        client = client_for(instance)
        policies, unikernels = client.policies(), client.unikernels()
    except CertificateInvalid as error:
        raise Invalid(str(error), fields={"certificate": [str(error)]}) from error
    except (AlbatrossError, SealBroken) as error:
        raise Refused(sentence(error), extra={"trouble": trouble_of(error).value}) from error
    return Tested(len(unikernels), len(policies), round((time.monotonic() - begun) * 1000))


def _tell(actor: Actor, instance: Instance, kind: str, **data: object) -> None:
    record(
        actor=actor,
        kind=kind,
        subject=f"instance:{instance.pk}",
        instance=instance,
        reason=instance.name,
        data=data,
    )
