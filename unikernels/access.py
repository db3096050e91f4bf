"""The loaders: the only way by which pages, API and commands get at an object.

A stranger gets ``Missing``, whatever is there; a member whose role is too small, and a token that lacks
the scope, gets ``Forbidden``. For a token that is bound to names nothing else is there.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.actors import ANY, Actor, require
from accounts.models import Quota, Role, Team
from accounts.scopes import Need
from albatross.models import Instance
from mollymawk.errors import Missing
from unikernels.models import Block, Operation, QuotaRequest, TeamImage, Unikernel, Version

_NOTHING = "There is nothing here, or it is not yours."


def _of_teams(actor: Actor) -> Q:
    """What belongs to the teams of *actor*; everything for the all-powerful."""
    return Q() if actor.all_powerful else Q(team__in=actor.teams())


def _of_names(actor: Actor, field: str) -> Q:
    """What is of the unikernels that *actor* is bound to, by *field*, their name; everything for the others."""
    return Q() if actor.names is None else Q(**{f"{field}__in": actor.names})


def unikernels_of(actor: Actor) -> QuerySet[Unikernel]:
    """The unikernels *actor* may see, with instance, team and current version."""
    mine = _of_teams(actor) & _of_names(actor, "name")
    return Unikernel.objects.filter(mine).select_related("instance", "team", "current")


def operations_of(actor: Actor) -> QuerySet[Operation]:
    """The operations *actor* may see."""
    mine = _of_teams(actor) & _of_names(actor, "unikernel__name")
    return Operation.objects.filter(mine).select_related(
        "unikernel__instance", "unikernel__team", "instance", "team", "target", "fallback", "requested_by"
    )


def blocks_of(actor: Actor) -> QuerySet[Block]:
    """The block devices *actor* may see: none for who is bound to names, since they are the team's."""
    rows = Block.objects.filter(_of_teams(actor)).select_related("instance", "team")
    return rows if actor.names is None else rows.none()


def images_of(actor: Actor) -> QuerySet[TeamImage]:
    """The images *actor* may see, each as one of the teams knows it; for who is bound to names those that
    the unikernels of these names run or ran.
    """
    rows = TeamImage.objects.filter(_of_teams(actor)).select_related("image", "team", "added_by")
    if actor.names is None:
        return rows
    return rows.filter(image__in=Version.objects.filter(unikernel__in=unikernels_of(actor)).values("image"))


def quotas_of(actor: Actor) -> QuerySet[Quota]:
    """The quotas *actor* may see."""
    return Quota.objects.filter(_of_teams(actor)).select_related("team", "instance")


def quota_requests_of(actor: Actor) -> QuerySet[QuotaRequest]:
    """The requests for more that *actor* may see."""
    rows = QuotaRequest.objects.filter(_of_teams(actor))
    return rows.select_related("team", "instance", "asked_by", "answered_by")


def instances_of(actor: Actor) -> QuerySet[Instance]:
    """The instances *actor* may see: those on which one of the teams has a quota or a unikernel."""
    if actor.all_powerful:
        return Instance.objects.all()
    teams = actor.teams()
    return Instance.objects.filter(Q(quotas__team__in=teams) | Q(unikernels__team__in=teams)).distinct()


def unikernel_of(actor: Actor, pk: int, need: Need = Role.VIEWER) -> Unikernel:
    """The unikernel *pk*, for somebody who may do what *need* says with it."""
    unikernel = unikernels_of(actor).filter(pk=pk).first()
    if unikernel is None:
        raise Missing(_NOTHING)
    require(actor, unikernel.team, need, unikernel=unikernel.name)
    return unikernel


def operation_of(actor: Actor, pk: int, need: Need = Role.VIEWER) -> Operation:
    """The operation *pk*, for somebody who may do what *need* says with it."""
    operation = operations_of(actor).filter(pk=pk).first()
    if operation is None:
        raise Missing(_NOTHING)
    require(actor, operation.team, need, unikernel=operation.unikernel.name if operation.unikernel else None)
    return operation


def block_of(actor: Actor, pk: int, need: Need = Role.VIEWER) -> Block:
    """The block device *pk*, for somebody who may do what *need* says with it."""
    block = blocks_of(actor).filter(pk=pk).first()
    if block is None:
        raise Missing(_NOTHING)
    require(actor, block.team, need)
    return block


def instance_of(actor: Actor, name: str) -> Instance:
    """The instance called *name*."""
    instance = instances_of(actor).filter(name=name).first()
    if instance is None:
        raise Missing("There is no such instance, or your teams have nothing on it.")
    return instance


def image_of(actor: Actor, team: Team, digest: str, need: Need = Role.VIEWER) -> TeamImage:
    """The team's image with this SHA-256 (hex); never another team's copy of it."""
    require(actor, team, need, unikernel=ANY)
    copy = TeamImage.objects.select_related("image", "team").filter(team=team, image__digest=digest).first()
    if copy is None:
        raise Missing("The team has no such image.")
    return copy


def quota_of(actor: Actor, team: str, instance: str) -> Quota:
    """The quota of the team called *team* on the instance called *instance*."""
    quota = quotas_of(actor).filter(team__name=team, instance__name=instance).first()
    if quota is None:
        raise Missing("There is no such quota, or it is not yours.")
    return quota


def quota_request_of(actor: Actor, pk: int, need: Need = Role.VIEWER) -> QuotaRequest:
    """The request *pk* for more, for somebody who may do what *need* says in its team."""
    request = quota_requests_of(actor).filter(pk=pk).first()
    if request is None:
        raise Missing(_NOTHING)
    require(actor, request.team, need)
    return request


def version_of(actor: Actor, unikernel: Unikernel, number: int, need: Need = Role.VIEWER) -> Version:
    """A numbered version of *unikernel*."""
    require(actor, unikernel.team, need, unikernel=unikernel.name)
    version = unikernel.versions.select_related("image").filter(number=number).first()
    if version is None:
        raise Missing(f"{unikernel} has no version {number}.")
    return version
