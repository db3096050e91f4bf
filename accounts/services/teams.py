"""Teams and who is in them."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.actors import NOTHING, Actor, require, require_fresh, require_superuser
from accounts.events import record
from accounts.labels import check_label, free_label, label_of
from accounts.models import ApiToken, Membership, Role, Team, User
from accounts.scopes import RANK
from albatross.models import ObservedPolicy
from mollymawk.errors import Conflict, Forbidden, Invalid, Missing, Refused

MAX_TEAMS = 20  # owned by one person: domains are scarce, the same label cannot be given twice
MAX_MEMBERS = 200  # of one team: its page lists all of them
TRIES = 5  # to find a free label while others take theirs


def team_create(*, actor: Actor, name: str, domain: str = "", owner: User | None = None) -> Team:
    """A team owned by *owner* (by default who asks). *domain*, the first label of its unikernels'
    names, is *name* unless given, and never changes.

    A domain that an instance holds already can only be given by superusers: whoever owns the domain
    owns what runs there. An operator's team may begin without an owner: the first superuser becomes it.
    Raises ``Invalid``, ``Conflict`` (taken) or ``Refused`` (too many).
    """
    owner = owner or actor.user
    if actor.token or not (actor.all_powerful or actor.user == owner):
        raise Forbidden("Teams are made by people, for themselves.")
    name = check_label(name, "name")
    domain = check_label(domain or name, "domain")
    _check_free(actor, name, domain)
    if not actor.all_powerful and owner and owner.memberships.filter(role=Role.OWNER).count() >= MAX_TEAMS:
        raise Refused(f"Nobody owns more than {MAX_TEAMS} teams.")
    return _create(actor, owner, name=name, domain=domain)


def personal_team_ensure(*, actor: Actor, user: User, domain: str = "") -> Team:
    """The personal team of *user*, made if need be: its name and domain come from the address.

    *domain*: the one that they have on the instances already; for superusers, as in ``team_create``.
    It may be a reserved word there, which its name is not. Raises ``Invalid`` and ``Conflict``.
    """
    for _ in range(TRIES):
        team = Team.objects.filter(personal_of=user).first()
        if team is not None:
            return team
        if domain:
            return _create_in(actor, user, domain)
        label = free_label(label_of(user.email), _label_taken)
        try:
            return _create(actor, user, name=label, domain=label, personal_of=user)
        except Conflict:
            continue  # somebody took the label meanwhile
    raise Conflict("No name could be found for the personal team. Try again.")


def _create_in(actor: Actor, user: User, domain: str) -> Team:
    require_superuser(actor)
    domain = check_label(domain, "domain", reserved=False)
    if team_has(domain):
        raise _taken("domain", domain)
    return _create(actor, user, name=free_label(domain, team_has), domain=domain, personal_of=user)


def member_add(*, actor: Actor, team: Team, email: str, role: Role) -> Membership:
    """Take the person with this address into *team* at once: superusers may, since it tells who is
    registered; owners invite. Raises ``Invalid`` (for ``email``) when nobody who may log in has it, or
    somebody in the team already does.
    """
    require(actor, team, Role.OWNER)
    if not actor.all_powerful:
        raise Forbidden("Only superusers take people in at once; invite them.")
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        text = "Nobody with this address may log in here yet."
    elif Membership.objects.filter(team=team, user=user).exists():
        text = "Is in the team already; change the role in the list."
    else:
        return member_set(actor=actor, team=team, user=user, role=role)
    raise Invalid(text, fields={"email": [text]})


def member_set(*, actor: Actor, team: Team, user: User, role: Role) -> Membership:
    """Take *user* into *team*, or give a member another *role*; owners may. The last owner stays one."""
    require(actor, team, Role.OWNER)
    if not user.is_active:
        raise Missing("Nobody with this address may log in here.")
    if (same := Membership.objects.filter(team=team, user=user, role=role).first()) is not None:
        return same  # nothing is changed, so nothing is told
    with transaction.atomic():
        _lock(team)
        was = Membership.objects.filter(team=team, user=user).first()
        if was is not None and role != Role.OWNER:
            _keep_an_owner(team, user)
        return _member_write(actor, team, user, role, was)


def member_join(*, actor: Actor, team: Team, user: User, role: Role) -> Membership:
    """Take *user* into *team*, whatever *actor* may: the caller holds an invitation. A member's role
    never becomes smaller by it.
    """
    with transaction.atomic():
        _lock(team)
        was = Membership.objects.filter(team=team, user=user).first()
        if was is not None and RANK[Role(was.role)] >= RANK[role]:
            return was
        return _member_write(actor, team, user, role, was)


def team_transfer(*, actor: Actor, team: Team, user: User) -> Membership:
    """Make the member *user* the owner of *team*, and an owner who asks for it a deployer; in one step.

    Somebody who does not own it by membership (a superuser, an operator) takes it from all its owners.
    Refused for a personal team.
    """
    require(actor, team, Role.OWNER)
    require_fresh(actor)
    if team.personal_of_id is not None:
        raise Refused("A personal team is owned by its person.")
    with transaction.atomic():
        _lock(team)
        members = team.memberships.select_related("user").exclude(user=user)
        new = Membership.objects.filter(team=team, user=user, user__is_active=True).first()
        if new is None:
            raise Missing("The team has no such member who may log in.")
        given = members.filter(role=Role.OWNER)
        if given.filter(user=actor.user).exists():
            given = given.filter(user=actor.user)
        for member in given:
            _member_write(actor, team, member.user, Role.DEPLOYER, member)
        if new.role != Role.OWNER:
            new = _member_write(actor, team, user, Role.OWNER, new)
        _record_member(actor, team, user, "team.transferred")
    return new


def _member_write(actor: Actor, team: Team, user: User, role: Role, was: Membership | None) -> Membership:
    if was is None and team.memberships.count() >= MAX_MEMBERS:
        raise Refused(f"A team has at most {MAX_MEMBERS} members.")
    member, _ = Membership.objects.update_or_create(team=team, user=user, defaults={"role": role})
    if was is None or was.role != role:
        _record_member(actor, team, user, "member.set", was=was.role if was else "", now=role.value)
    return member


def member_remove(*, actor: Actor, team: Team, user: User) -> None:
    """Take *user* out of *team*: owners may, and everybody for themselves. The tokens that they made
    for this team are revoked, and their publishers removed, so that none comes to life again when they come back.

    Refused for the last owner and for the person whose personal team it is.
    """
    require(actor, team, Role.VIEWER if actor.user == user and not actor.token else Role.OWNER)
    if team.personal_of_id == user.pk:
        raise Refused("Nobody can leave their personal team.")
    with transaction.atomic():
        _lock(team)
        member = Membership.objects.filter(team=team, user=user).first()
        if member is None:
            raise Missing("The team has no such member.")
        _keep_an_owner(team, user)
        member.delete()
        ApiToken.objects.filter(team=team, created_by=user, revoked_at=None).update(revoked_at=timezone.now())
        team.publishers.filter(created_by=user).delete()
        _record_member(actor, team, user, "member.removed", was=member.role)


def second_factor_demand(*, actor: Actor, team: Team, demanded: bool) -> Team:
    """Whether members of *team* need a second factor; owners say so. Tokens are not affected, superusers
    come in as before. Refused for an owner who has none: they would shut themselves out.
    """
    require(actor, team, Role.OWNER)
    require_fresh(actor)
    if actor.token:
        raise Forbidden("This is for people: log in.")
    if demanded and actor.user and not actor.user.has_second_factor:
        raise Refused("Add a second factor of your own first, or you would shut yourself out.")
    with transaction.atomic():
        changed = Team.objects.filter(pk=team.pk).exclude(demands_second_factor=demanded)
        if changed.update(demands_second_factor=demanded):
            was, now = ("demanded", "free")[demanded], ("free", "demanded")[demanded]
            record(actor=actor, kind="team.second_factor", subject=subject(team), team=team, was=was, now=now)
    team.demands_second_factor = demanded
    return team


def subject(team: Team) -> str:
    """How events name a team."""
    return f"team:{team.pk}"


def unowned_teams_take(*, actor: Actor, owner: User) -> None:
    """Make *owner* the owner of every team that has no member yet."""
    for team in Team.objects.filter(memberships=None):
        Membership.objects.create(team=team, user=owner, role=Role.OWNER)
        _record_member(actor, team, owner, "member.set", now=Role.OWNER.value)


def _create(
    actor: Actor, owner: User | None, *, name: str, domain: str, personal_of: User | None = None
) -> Team:
    with transaction.atomic():
        try:
            with transaction.atomic():
                team = Team.objects.create(name=name, domain=domain, personal_of=personal_of)
        except IntegrityError as error:
            raise _taken("name", name) from error
        if owner is not None:
            Membership.objects.create(team=team, user=owner, role=Role.OWNER)
        record(
            actor=actor,
            kind="team.created",
            subject=subject(team),
            team=team,
            data={"name": name, "domain": domain, "owner": owner.email if owner else None},
        )
    return team


def _label_taken(label: str) -> bool:
    return team_has(label) or _instance_has(label)


def team_has(label: str) -> bool:
    """Whether a team is called so, or has this domain."""
    return Team.objects.filter(Q(name=label) | Q(domain=label)).exists()


def _instance_has(label: str) -> bool:
    at_or_below = Q(path=label) | Q(path__startswith=f"{label}:")
    return ObservedPolicy.objects.filter(at_or_below).exists()


def _check_free(actor: Actor, name: str, domain: str) -> None:
    if team_has(name):
        raise _taken("name", name)
    if team_has(domain) or (_instance_has(domain) and not actor.all_powerful):
        raise _taken("domain", domain)


def _taken(field: str, label: str) -> Conflict:
    return Conflict(f"{label} is taken.", fields={field: [f"{label} is taken."]})


def _lock(team: Team) -> None:
    """Make changes to the members of *team* wait for each other, on both databases alike."""
    if not Team.objects.filter(pk=team.pk).update(name=F("name")):
        raise Missing(NOTHING)


def _keep_an_owner(team: Team, leaving: User) -> None:
    if team.personal_of_id == leaving.pk:
        raise Refused("A personal team is owned by its person.")
    owners = team.memberships.filter(role=Role.OWNER, user__is_active=True)
    owns = team.memberships.filter(role=Role.OWNER, user=leaving).exists()
    if owns and not owners.exclude(user=leaving).exists():
        raise Refused(f"{leaving} is the last owner of {team}; make somebody else an owner first.")


def _record_member(actor: Actor, team: Team, user: User, kind: str, *, was: str = "", now: str = "") -> None:
    record(
        actor=actor,
        kind=kind,
        subject=subject(team),
        team=team,
        was=was,
        now=now,
        data={"member": user.email},
    )
