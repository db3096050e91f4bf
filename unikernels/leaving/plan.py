"""What deleting would mean, in sentences; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db.models import Q

from accounts.models import ApiToken, Membership, Quota, Role, Team, User
from accounts.services.tokens import usable
from albatross.models import ObservedPolicy
from unikernels.models import Block, Operation, TeamImage, Unikernel

MAX_NAMED = 20  # things named one by one; of more only the number is told

Presence = Unikernel.Presence


@dataclass(frozen=True, slots=True)
class Leaving:
    """What would be done, what is worth knowing, and why it is refused."""

    steps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()

    def __add__(self, other: Leaving) -> Leaving:
        return Leaving(
            self.steps + other.steps, self.warnings + other.warnings, self.refusals + other.refusals
        )


def team_leaving(team: Team, *, leave: bool = False) -> Leaving:
    """What deleting *team* would mean. *leave*: what it has on instances stays there, belonging to nobody.

    A domain never moves to another team, so nothing is handed over: transfer the team itself instead.
    """
    there = list(_on_instances(team))
    named = [f"{what} on {thing.instance}" for what, thing in there]
    found = Leaving(refusals=tuple(_under_way(team)))
    if there and leave:
        found += Leaving(
            steps=tuple(f"leave {name}, unmanaged from then on" for name in _short(named)),
            warnings=("Only superusers see what is unmanaged, and nobody changes it from here.",),
        )
    elif there:
        found += Leaving(refusals=(*(f"{name} is still there." for name in _short(named)), _WAYS))
    return found + Leaving(steps=tuple(_let_go(team)), warnings=tuple(_known_domain(team)))


def user_leaving(user: User, *, heir: User | None = None, leave: bool = False) -> Leaving:
    """What deleting *user* would mean. *heir* becomes the owner of what is the personal team now."""
    personal = Team.objects.filter(personal_of=user).first()
    found = Leaving(refusals=(*_last_superuser(user), *_last_owner(user)))
    if personal and heir:
        found += Leaving(steps=(f"make {heir} the owner of {personal}, which is no personal team any more",))
    elif personal:
        team = team_leaving(personal, leave=leave)
        found += replace(team, steps=(f"delete the personal team {personal}", *team.steps))
    return found + Leaving(
        steps=(*_out_of(user, personal), *_tokens(user, personal), _SELF),
        warnings=("What they did stays in the log; it no longer leads to an account.",),
    )


_SELF = "delete the account: password, second factors, sessions, choices of mail and letters"


_WAYS = "Destroy or remove that first, transfer the team, or have a superuser leave it there, unmanaged."


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _on_instances(team: Team) -> list[tuple[str, Unikernel | Block]]:
    running = Unikernel.objects.filter(team=team, state=Presence.RUNNING).select_related("instance")
    blocks = Block.objects.filter(team=team).select_related("instance")
    return [(f"unikernel {row}", row) for row in running] + [(f"block device {row}", row) for row in blocks]


def _short(names: list[str]) -> list[str]:
    more = len(names) - MAX_NAMED
    return [*names[:MAX_NAMED], f"what else there is ({more})"] if more > 0 else names


def _under_way(team: Team) -> list[str]:
    mine = Q(team=team) | Q(unikernel__team=team)
    rows = Operation.objects.filter(mine, finished_at=None).select_related("unikernel", "block")
    return [f"Operation {row.pk} ({row.kind} of {row.name}) is under way; wait for its end." for row in rows]


def _let_go(team: Team) -> list[str]:
    """Everything that goes with a team, as far as there is any."""
    gone = Unikernel.objects.filter(team=team).exclude(state=Presence.RUNNING).count()
    images = TeamImage.objects.filter(team=team).count()
    tokens, people = usable(team).count(), team.memberships.count()
    invited, hooks = team.invitations.standing().count(), team.webhooks.count()
    closed = [quota.instance.name for quota in quotas_to_close(team)]
    steps = {
        f"forget {_count(gone, 'stopped unikernel')}": gone,
        "forget versions, checks and operations of its unikernels": team.unikernels.exists(),
        f"let go of {_count(images, 'image')}, as far as no other team has them": images,
        f"revoke {_count(tokens, 'API token')}": tokens,
        f"withdraw {_count(invited, 'invitation')}": invited,
        f"remove {_count(hooks, 'webhook')}": hooks,
        f"close its domain {team.domain} on {', '.join(closed)}: nothing may run in it": closed,
        f"end the membership of its {people} people": people > 1,
    }
    return [step for step, there in steps.items() if there]


def quotas_to_close(team: Team) -> list[Quota]:
    """The quotas of domains that nothing is left in; one in use would refuse a lower policy, or lock up."""
    used = set(Unikernel.objects.filter(team=team, state=Presence.RUNNING).values_list("instance", flat=True))
    used |= set(Block.objects.filter(team=team).values_list("instance", flat=True))
    return list(team.quotas.exclude(instance__in=used).select_related("instance"))


def _known_domain(team: Team) -> list[str]:
    if not ObservedPolicy.objects.filter(path=team.domain).exists():
        return []
    return [
        f"Instances go on knowing the domain {team.domain}: Albatross lets nobody remove a policy from afar."
        " Only a superuser can give it to a team again."
    ]


def _last_superuser(user: User) -> list[str]:
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if not (user.is_superuser and user.is_active) or others.exists():
        return []
    return [f"{user} is the last superuser."]


def _last_owner(user: User) -> list[str]:
    owned = Membership.objects.filter(user=user, role=Role.OWNER, team__personal_of=None)
    others = Membership.objects.filter(role=Role.OWNER, user__is_active=True).exclude(user=user)
    alone = owned.exclude(team__in=others.values("team")).select_related("team")
    return [
        f"{user} is the last owner of {row.team}: transfer that team, or delete it first." for row in alone
    ]


def _out_of(user: User, personal: Team | None) -> list[str]:
    rows = user.memberships.exclude(team=personal).select_related("team").order_by("team__name")
    names = [row.team.name for row in rows]
    return [f"take them out of {', '.join(_short(names))}"] if names else []


def _tokens(user: User, personal: Team | None) -> list[str]:
    rows = ApiToken.objects.filter(created_by=user, revoked_at=None).exclude(team=personal)
    names = [f"{row.name} of {row.team}" for row in rows.select_related("team") if row.usable]
    return [f"revoke the API tokens that they made: {', '.join(_short(names))}"] if names else []
