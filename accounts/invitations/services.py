"""Inviting somebody by mail, and what becomes of it.

The link proves that its holder reads the mail of the invited address. So it is of use to the person
who logs in with that address and to nobody else; it works once; and what an inviter offered is void
when they no longer own the team. Nothing here tells whether an address is registered.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import tokens
from accounts.actors import NOTHING, Actor, require, role_held
from accounts.events import record
from accounts.invitations.letters import invitation_letter
from accounts.invitations.models import Invitation
from accounts.models import Event, Letter, Membership, Role, Team, User
from accounts.services.teams import member_join, subject
from accounts.services.users import check_email
from mollymawk.errors import Forbidden, Invalid, Missing, Refused

LIFETIME = timedelta(days=7)
MAX_OPEN = 50  # invitations of one team that nobody answered yet
MAX_LETTERS = 100  # of one team in a day: an owner must not flood strangers with mail in our name
PAUSE = timedelta(minutes=5)  # between two letters of one invitation
KEPT = timedelta(days=30)  # of what is over
_LENGTH = 30  # characters of base62: 178 bits
_LETTERS = ("invitation.made", "invitation.sent_again")

Outcome = Invitation.Outcome


# --- inviting ----------------------------------------------------------------------------------------


def invite(*, actor: Actor, team: Team, email: str, role: Role) -> Invitation:
    """Offer *role* in *team* to whoever reads the mail of *email*, for ``LIFETIME``; owners may.

    Raises ``Invalid`` (for ``email``) for what is no address, is in the team or is invited already, and
    ``Refused`` when there are too many.
    """
    require(actor, team, Role.OWNER)
    email = check_email(email)
    if Membership.objects.filter(team=team, user__email=email).exists():
        raise _invalid("Is in the team already; change the role in the list.")
    secret = tokens.random_text(_LENGTH)
    with transaction.atomic():
        _not_too_many(team)
        _end(team.invitations.filter(email=email, outcome="", expires_at__lte=timezone.now()))
        try:
            with transaction.atomic():
                invitation = Invitation.objects.create(
                    team=team, email=email, role=role, invited_by=actor.user, **_fresh(secret)
                )
        except IntegrityError as error:  # the database's own word: one for each address
            raise _invalid("Is invited already; send it again, or withdraw it first.") from error
        _post(invitation, secret)
        _tell(actor, invitation, "made", now=role.value)
    return invitation


def invitation_again(*, actor: Actor, invitation: Invitation) -> Invitation:
    """Another letter, with another link, and the whole time again; owners may. The old link is void."""
    require(actor, invitation.team, Role.OWNER)
    secret = tokens.random_text(_LENGTH)
    with transaction.atomic():
        _not_too_many(invitation.team)
        recent = timezone.now() - PAUSE
        row = Invitation.objects.filter(pk=invitation.pk, outcome="", sent_at__lte=recent)
        if not row.update(invited_by=actor.user, **_fresh(secret)):
            _still_open(invitation)
            raise Refused("A letter went out only just now. Wait some minutes before the next.")
        invitation.refresh_from_db()
        _unsend(invitation)
        _post(invitation, secret)
        _tell(actor, invitation, "sent_again")
    return invitation


def invitation_withdraw(*, actor: Actor, invitation: Invitation) -> None:
    """The offer no longer stands; owners may. A letter that waits is not sent."""
    require(actor, invitation.team, Role.OWNER)
    with transaction.atomic():
        _close(invitation, Outcome.WITHDRAWN)
        _unsend(invitation)
        _tell(actor, invitation, "withdrawn")


def invitations_open(team: Team) -> QuerySet[Invitation]:
    """What *team* offered and nobody answered, expired ones included, with inviter and letter."""
    return team.invitations.filter(outcome="").select_related("invited_by", "letter", "team")


# --- answering ---------------------------------------------------------------------------------------


def invitation_find(secret: str) -> Invitation | None:
    """The invitation whose link has this *secret*, if it still stands."""
    hashes = [_digest(secret, pepper) for pepper in tokens.peppers().values()]
    return _standing(Invitation.objects.filter(secret_hash__in=hashes))


def invitation_held(secret_hash: str) -> Invitation | None:
    """The invitation that a browser remembers, if it still stands."""
    return _standing(Invitation.objects.filter(secret_hash=secret_hash)) if secret_hash else None


def invitations_to(user: User) -> list[Invitation]:
    """What stands for the address of *user*. Whoever lists them for *user* must know it to be verified."""
    rows = Invitation.objects.standing().filter(email=user.email).select_related("team", "invited_by")
    return [row for row in rows if _inviter_may(row)]


def invitation_accept(*, actor: Actor, invitation: Invitation) -> Membership:
    """Join the team. The caller has seen the link, or knows that the address of *actor* is verified.

    A member keeps a larger role. Raises ``Forbidden`` for another address and ``Missing`` when the offer
    no longer stands.
    """
    user = _addressee(actor, invitation)
    with transaction.atomic():
        if not _inviter_may(invitation):
            raise Missing(_OVER)
        _close(invitation, Outcome.ACCEPTED)
        _tell(actor, invitation, "accepted", now=invitation.role)
        return member_join(actor=actor, team=invitation.team, user=user, role=Role(invitation.role))


def invitation_decline(*, actor: Actor, invitation: Invitation) -> None:
    """Say no; as ``invitation_accept``."""
    _addressee(actor, invitation)
    with transaction.atomic():
        _close(invitation, Outcome.DECLINED)
        _tell(actor, invitation, "declined")


def invitations_prune() -> int:
    """Forget what was answered, or expired, long ago; how many."""
    old = timezone.now() - KEPT
    count, _ = Invitation.objects.filter(expires_at__lt=old).delete()
    return count


# --- inside ------------------------------------------------------------------------------------------

_OVER = "This invitation is over: answered, withdrawn, or too old. Ask for another one."


def _fresh(secret: str) -> dict[str, object]:
    now = timezone.now()
    pepper = next(iter(tokens.peppers().values()))
    return {"secret_hash": _digest(secret, pepper), "sent_at": now, "expires_at": now + LIFETIME}


def _digest(secret: str, pepper: str) -> str:
    return tokens.digest(f"invitation {secret}", pepper)


def _post(invitation: Invitation, secret: str) -> None:
    invitation.letter = invitation_letter(invitation, secret)
    invitation.save(update_fields=["letter"])


def _unsend(invitation: Invitation) -> None:
    Letter.objects.filter(invitation=invitation, sent_at=None).delete()


def _not_too_many(team: Team) -> None:
    if team.invitations.standing().count() >= MAX_OPEN:
        raise Refused(f"A team has at most {MAX_OPEN} open invitations. Withdraw one first.")
    since = timezone.now() - timedelta(days=1)
    if Event.objects.filter(team=team, kind__in=_LETTERS, at__gt=since).count() >= MAX_LETTERS:
        raise Refused(f"A team sends at most {MAX_LETTERS} letters a day. Go on tomorrow.")


def _standing(rows: QuerySet[Invitation]) -> Invitation | None:
    now = timezone.now()
    found = rows.filter(outcome="", expires_at__gt=now).select_related("team", "invited_by").first()
    return found if found and _inviter_may(found) else None


def _inviter_may(invitation: Invitation) -> bool:
    """Whether whoever made the offer still could."""
    user = invitation.invited_by
    if user is None:
        return True
    return user.is_active and role_held(user, invitation.team) == Role.OWNER


def _addressee(actor: Actor, invitation: Invitation) -> User:
    user = actor.user
    if user is None or actor.token is not None or not user.is_active:
        raise Forbidden("Invitations are answered by people, after a login.")
    if user.email != invitation.email:
        raise Forbidden("This invitation is for another address. Log in with that one.")
    return user


def _close(invitation: Invitation, outcome: Invitation.Outcome) -> None:
    """End it; ``Missing`` when somebody else did, or its time is over."""
    rows = Invitation.objects.filter(pk=invitation.pk, outcome="")
    if outcome != Outcome.WITHDRAWN:
        rows = rows.filter(expires_at__gt=timezone.now())
    if not rows.update(outcome=outcome, ended_at=timezone.now()):
        raise Missing(_OVER)
    invitation.outcome = outcome


def _end(rows: QuerySet[Invitation]) -> None:
    """What nobody answered in time makes room for another one."""
    rows.update(outcome=Outcome.WITHDRAWN, ended_at=timezone.now())


def _still_open(invitation: Invitation) -> None:
    if not Invitation.objects.filter(pk=invitation.pk, outcome="").exists():
        raise Missing(NOTHING)


def _invalid(text: str) -> Invalid:
    return Invalid(text, fields={"email": [text]})


def _tell(actor: Actor, invitation: Invitation, what: str, *, now: str = "") -> None:
    record(
        actor=actor,
        kind=f"invitation.{what}",
        subject=subject(invitation.team),
        team=invitation.team,
        now=now,
        data={"email": invitation.email, "role": invitation.role},
    )
