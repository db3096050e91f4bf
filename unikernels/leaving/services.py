"""Deleting teams and people."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.actors import Actor, require, require_fresh, require_superuser
from accounts.events import record
from accounts.models import ApiToken, Membership, Role, Team, User
from accounts.services import teams as of_teams
from accounts.services import users as of_users
from accounts.services.sessions import subject
from albatross.edge import client_for
from albatross.errors import AlbatrossError
from albatross.messages import Policy
from albatross.models import Instance, ObservedPolicy
from mollymawk.errors import Forbidden, Missing, Refused
from mollymawk.keyring import SealBroken
from unikernels.instances.troubles import sentence
from unikernels.inventory.policies import policy_fields
from unikernels.leaving.plan import Leaving, quotas_to_close, team_leaving, user_leaving
from unikernels.models import Block, Operation, RollbackWindow, Unikernel

NOTHING = Policy(0, frozenset(), 0, None, frozenset())
PERSONAL = "A personal team goes with its person."

Domain = tuple[Instance, str]


def team_plan(*, actor: Actor, team: Team, leave: bool = False) -> Leaving:
    """What ``team_delete`` would do, and why it would not."""
    _may_delete(actor, team, leave=leave)
    personal = Leaving(refusals=(PERSONAL,)) if team.personal_of_id else Leaving()
    return personal + team_leaving(team, leave=leave)


def team_delete(*, actor: Actor, team: Team, leave: bool = False) -> list[str]:
    """Delete *team* with all that is its own; owners may. What could not be closed on instances, in
    sentences: they were out of reach.

    *leave* (superusers): what it has on instances stays there, unmanaged. Otherwise that refuses it:
    ``Refused`` with every reason. A domain in which nothing is left is closed, afterwards.
    """
    _may_delete(actor, team, leave=leave)
    require_fresh(actor)
    with transaction.atomic():
        _lock(team)
        if team.personal_of_id:
            raise Refused(PERSONAL)
        closing = _remove(actor, team, leave=leave)
    return _close(actor, closing)


def user_plan(*, actor: Actor, user: User, heir: User | None = None, leave: bool = False) -> Leaving:
    """What ``user_delete`` would do, and why it would not."""
    _may_delete_user(actor, user, heir, leave=leave)
    return user_leaving(user, heir=heir, leave=leave)


def user_delete(*, actor: Actor, user: User, heir: User | None = None, leave: bool = False) -> list[str]:
    """Delete *user*: superusers may, and everybody for themselves, with a session. As ``team_delete``.

    The personal team goes too, or *heir* (said by a superuser) owns it from then on. Refused for the
    last superuser, and for the last owner of a team.
    """
    _may_delete_user(actor, user, heir, leave=leave)
    require_fresh(actor)
    closing: list[Domain] = []
    with transaction.atomic():
        of_users.superusers_lock()
        for team in Team.objects.filter(memberships__user=user).order_by("pk"):
            _lock(team)
        _refuse(user_leaving(user, heir=heir, leave=leave))
        personal = Team.objects.filter(personal_of=user).first()
        if personal and heir:
            _inherit(actor, personal, heir)
        elif personal:
            closing = _remove(actor, personal, leave=leave)
        data = {"email": user.email, "heir": heir.email if heir else None}
        record(actor=actor, kind="user.deleted", subject=subject(user), data=data)
        user.delete()
    return _close(_without(actor, user), closing)


# --- inside ------------------------------------------------------------------------------------------


def _may_delete(actor: Actor, team: Team, *, leave: bool) -> None:
    require(actor, team, Role.OWNER)
    if leave and not actor.all_powerful:
        raise Forbidden("Only superusers leave something on an instance that belongs to nobody.")


def _may_delete_user(actor: Actor, user: User, heir: User | None, *, leave: bool) -> None:
    oneself = actor.user == user and actor.token is None
    if not oneself or heir is not None or leave:
        require_superuser(actor)
    if heir is not None and (heir == user or not heir.is_active):
        raise Refused("Only somebody else who may log in can own the team from then on.")


def _lock(team: Team) -> None:
    """Changes to a team wait for each other, on both databases alike."""
    if not Team.objects.filter(pk=team.pk).update(name=F("name")):
        raise Missing("There is no such team any more.")


def _refuse(plan: Leaving) -> None:
    if plan.refusals:
        raise Refused("This is not possible now.", reasons=list(plan.refusals))


def _remove(actor: Actor, team: Team, *, leave: bool) -> list[Domain]:
    """Delete *team*, which is locked; the domains to be closed."""
    plan = team_leaving(team, leave=leave)
    _refuse(plan)
    closing = [(quota.instance, team.domain) for quota in quotas_to_close(team)]
    data = {"name": team.name, "domain": team.domain, "done": list(plan.steps)}
    record(actor=actor, kind="team.deleted", subject=of_teams.subject(team), team=team, data=data)
    _forget_unikernels(team)
    team.delete()
    return closing


def _forget_unikernels(team: Team) -> None:
    """Rows go with versions and arguments: whoever owns the domain one day must not see them. What runs
    and what lies on instances is found by the next look, and belongs to nobody then.
    """
    mine = Unikernel.objects.filter(team=team)
    RollbackWindow.objects.filter(unikernel__in=mine).delete()
    Operation.objects.filter(unikernel__in=mine).delete()
    mine.update(current=None)
    mine.delete()
    Block.objects.filter(team=team).delete()


def _inherit(actor: Actor, team: Team, heir: User) -> None:
    """*heir* owns what was a personal team; tokens of it end with whoever made them."""
    Team.objects.filter(pk=team.pk).update(personal_of=None)
    Membership.objects.update_or_create(team=team, user=heir, defaults={"role": Role.OWNER})
    ApiToken.objects.filter(team=team, revoked_at=None).update(revoked_at=timezone.now())
    data = {"member": heir.email}
    record(actor=actor, kind="team.inherited", subject=of_teams.subject(team), team=team, data=data)


def _without(actor: Actor, user: User) -> Actor:
    """*actor* as the log can name them, when they are gone themselves."""
    return Actor(None, "system") if actor.user is not None and actor.user.pk in {None, user.pk} else actor


def _close(actor: Actor, domains: list[Domain]) -> list[str]:
    """Present a policy of nothing for each of *domains*; what went wrong, in sentences."""
    troubles = []
    for instance, domain in domains:
        try:
            client_for(instance).unikernels((domain,), policy=NOTHING)
        except (AlbatrossError, SealBroken) as error:
            trouble = f"{domain} keeps its limits on {instance}: {sentence(error)}"
            troubles.append(trouble)
            _tell(actor, instance, domain, "left", trouble)
        else:
            ObservedPolicy.objects.update_or_create(
                instance=instance, path=domain, defaults=policy_fields(NOTHING, timezone.now())
            )
            _tell(actor, instance, domain, "closed")
    return troubles


def _tell(actor: Actor, instance: Instance, domain: str, what: str, reason: str = "") -> None:
    record(
        actor=actor,
        kind=f"quota.{what}",
        subject=f"domain:{domain}",
        instance=instance,
        reason=reason,
    )
