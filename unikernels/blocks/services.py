"""Making and removing block devices, on the instance and then in the rows."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from accounts.actors import Actor, require
from accounts.events import record
from accounts.models import Team
from accounts.scopes import Scope
from albatross.client import Client
from albatross.edge import client_for
from albatross.errors import AlbatrossError, CommandError, Failure, NameInvalid
from albatross.models import Instance
from albatross.names import Name, parse_label
from mollymawk.errors import Conflict, Invalid, Refused, Unavailable
from mollymawk.keyring import SealBroken
from unikernels.instances.troubles import sentence
from unikernels.models import Block, Operation, Version
from unikernels.quotas.arithmetic import MAX_AMOUNT, Usage
from unikernels.quotas.services import limits, policies_for, usage
from unikernels.versions import configuration_of


def block_add(*, actor: Actor, team: Team, instance: Instance, name: str, megabytes: int) -> Block:
    """A new block device of that many MB in the domain of *team*, filled with zeros.

    Raises ``Invalid``, ``Conflict`` when there is one, ``Refused`` with our words (quota) or those of
    the instance, ``Unavailable`` when the instance could not be asked.
    """
    full_name = check_block_add(actor=actor, team=team, instance=instance, name=name, megabytes=megabytes)
    policies = policies_for(instance, full_name.path)
    client = _client(instance)
    _change(
        lambda: client.block_add(full_name, megabytes, policy=policies),
        lambda: full_name in _present(client),
    )
    with transaction.atomic():
        block, _ = Block.objects.update_or_create(
            instance=instance,
            path=team.domain,
            name=full_name.label or "",
            defaults={"team": team, "size": megabytes, "active": False},
        )
        _tell(actor, block, "block.added")
    return block


def block_remove(*, actor: Actor, block: Block) -> None:
    """Remove *block* and what is on it. Raises what ``block_add`` raises."""
    check_block_remove(actor=actor, block=block)
    name, instance = block.full_name, block.instance
    policies = policies_for(instance, name.path)
    client = _client(instance)
    _change(lambda: client.block_remove(name, policy=policies), lambda: name not in _present(client))
    with transaction.atomic():
        _tell(actor, block, "block.removed")
        block.delete()


# --- refusing early ----------------------------------------------------------------------------------


def check_block_add(*, actor: Actor, team: Team, instance: Instance, name: str, megabytes: int) -> Name:
    """The full name, if nothing we know is against ``block_add``; raises what it raises, asks nobody."""
    require(actor, team, Scope.BLOCKS)
    full_name = Name((team.domain,), _label(name))
    _check_room(team, instance, full_name, megabytes)
    return full_name


def check_block_remove(*, actor: Actor, block: Block) -> None:
    """Raises what ``block_remove`` raises, as far as we know without asking anybody."""
    require(actor, block.team, Scope.BLOCKS)
    name = block.full_name
    if block.team is None:
        raise Refused(f"{name} belongs to no team: it is shown here, and removed on the host.")
    if block.active:
        raise Refused(f"{name} is in use by a running unikernel: destroy that first.")
    if operation := needed_by(block):
        raise Conflict(f"An operation that needs {name} is under way ({operation.kind} {operation.label}).")


def _label(text: str) -> str:
    try:
        return parse_label(text.strip())
    except NameInvalid as error:
        words = "Use 1 to 63 letters, digits, dots and hyphens; no hyphen first."
        raise Invalid(words, fields={"name": [words]}) from error


def _check_room(team: Team, instance: Instance, name: Name, megabytes: int) -> None:
    if not 0 < megabytes <= MAX_AMOUNT:
        words = f"A whole number of MB between 1 and {MAX_AMOUNT}."
        raise Invalid(words, fields={"size": [words]})
    if Block.objects.filter(instance=instance, path=team.domain, name=name.label).exists():
        raise Conflict(f"There is a block device {name} already.")
    allowed = limits(team, instance)
    if allowed is None:
        raise Refused(f"{team} has no quota on {instance}: a superuser has to grant one.")
    if allowed.block is None:
        raise Refused(f"{team} was granted no block devices on {instance}.")
    used = usage(instance).get(team.domain, Usage()).block
    if used + megabytes > allowed.block:
        raise Refused(
            f"{team} may use {allowed.block} MB of blocks on {instance}, and uses {used} MB of them."
        )


def needed_by(block: Block, *, but: Operation | None = None) -> Operation | None:
    """An unfinished operation that moves *block*, or whose unikernel has or gets it; not *but* itself.

    Between two lives of a unikernel nothing on the instance holds its devices.
    """
    unfinished = Operation.objects.filter(finished_at=None)
    if but is not None:
        unfinished = unfinished.exclude(pk=but.pk)
    if transfer := unfinished.filter(block=block).first():
        return transfer
    unfinished = unfinished.filter(
        unikernel__instance=block.instance, unikernel__path=block.path
    ).select_related("unikernel", "target", "fallback")
    for operation in unfinished:
        if any(_uses(version, block.name) for version in (operation.target, operation.fallback) if version):
            return operation
    return None


def _uses(version: Version, name: str) -> bool:
    return any((block.host_device or block.name) == name for block in configuration_of(version).blocks)


# --- the instance ------------------------------------------------------------------------------------


def _client(instance: Instance) -> Client:
    try:
        return client_for(instance)
    except (AlbatrossError, SealBroken) as error:
        raise Unavailable(sentence(error)) from error


def _present(client: Client) -> set[Name]:
    return {block.name for block in client.blocks()}


def _change(change: Callable[[], str], happened: Callable[[], bool]) -> None:
    """Do *change*; when its outcome is not known, look whether it *happened*."""
    try:
        change()
    except CommandError as error:
        if error.outcome_known:
            kind = Refused if isinstance(error, Failure) else Unavailable
            raise kind(sentence(error)) from error
        _look(error, happened)
    except AlbatrossError as error:
        raise Refused(sentence(error)) from error


def _look(unclear: CommandError, happened: Callable[[], bool]) -> None:
    try:
        if happened():
            return
    except AlbatrossError as error:
        raise Unavailable(
            f"{sentence(unclear)} Nor can the instance be asked what became of it: {sentence(error)}"
        ) from error
    raise Unavailable(f"{sentence(unclear)} It was not done: try again.")


def _tell(actor: Actor, block: Block, kind: str) -> None:
    record(
        actor=actor,
        kind=kind,
        subject=f"block:{block.pk}",
        team=block.team,
        instance=block.instance,
        reason=str(block),
        data={"size": block.size},
    )
