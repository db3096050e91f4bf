"""A short token for the identity of a workflow.

The identity is verified first, which may ask its issuer for keys; only then a transaction begins, in
which it is spent: a second exchange of the same one fails in the database, whoever is quicker.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import tokens
from accounts.actors import SYSTEM, Actor
from accounts.events import record
from accounts.models import ApiToken
from accounts.publishers.identities import Identity, Trusted, Vague, differences, identity_of
from accounts.publishers.models import Issuer, Publisher, SpentIdentity
from accounts.publishers.verify import LEEWAY, verified
from accounts.scopes import Scope
from accounts.services.rights import Rights
from accounts.services.tokens import hashed
from mollymawk.errors import Forbidden

LIFETIME = timedelta(minutes=15)
KEPT = timedelta(days=30)  # of such tokens, as of all that ended
MAX_TOLD = 5  # publishers that a refusal tells about

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recognised:
    """An identity, and the publisher that trusts it."""

    publisher: Publisher
    identity: Identity
    claims: Mapping[str, Any]
    address: str | None


def exchange(
    *, text: str, team: str = "", publisher: int | None = None, address: str | None = None
) -> tuple[ApiToken, str]:
    """A token of at most ``LIFETIME`` for the identity *text* of a workflow, and its text.

    Raises what ``recognise`` and ``grant`` raise.
    """
    return grant(recognise(text=text, team=team, publisher=publisher, address=address))


def recognise(
    *, text: str, team: str = "", publisher: int | None = None, address: str | None = None
) -> Recognised:
    """Whose identity *text* is, and who trusts it. Not to be called inside a transaction.

    *team* and *publisher* (its number) choose where several publishers trust the workflow. Raises
    ``Forbidden`` with what does not match, ``Unavailable`` when the issuer cannot be asked.
    """
    try:
        issuer, claims = verified(text)
        identity = _identity(issuer, claims)
    except Forbidden as error:
        log.warning("an identity from %s was refused: %s", address, error)
        raise
    return Recognised(_chosen(issuer, identity, team, publisher, address), identity, claims, address)


@transaction.atomic
def grant(seen: Recognised) -> tuple[ApiToken, str]:
    """The token for it, once. Raises ``Forbidden`` when it was exchanged already."""
    _spend(seen.publisher.issuer, seen.claims)
    return _issue(seen.publisher, seen.identity, seen.claims, seen.address)


def prune() -> int:
    """Forget identities that have expired, and short tokens that ended long ago; how many."""
    gone = SpentIdentity.objects.over().delete()[0]
    old = ApiToken.objects.filter(short=True, expires_at__lt=timezone.now() - KEPT)
    return int(gone) + old.delete()[0]


def _identity(issuer: Issuer, claims: Mapping[str, Any]) -> Identity:
    try:
        return identity_of(issuer.kind, claims)
    except Vague as error:
        raise Forbidden(str(error)) from error


def _chosen(
    issuer: Issuer, identity: Identity, team: str, number: int | None, address: str | None
) -> Publisher:
    """The publisher that trusts *identity*."""
    candidates = Publisher.objects.filter(issuer=issuer, repository_id=identity.repository_id)
    candidates = candidates.select_related("team", "created_by", "issuer").order_by("pk")
    if team:
        candidates = candidates.filter(team__name=team.lower())
    if number is not None:
        candidates = candidates.filter(pk=number)
    judged = [(each, differences(_trusted(each), identity)) for each in candidates]
    trusting = [each for each, differs in judged if not differs]
    if not trusting:
        raise _refused(issuer, identity, judged, address)
    if len(trusting) > 1:
        places = ", ".join(f"{each.pk} (team {each.team})" for each in trusting)
        raise Forbidden(f"Several publishers trust this workflow: {places}. Say which: publisher, or team.")
    return trusting[0]


def _trusted(publisher: Publisher) -> Trusted:
    return Trusted(
        repository_id=publisher.repository_id,
        owner_id=publisher.owner_id,
        workflow=publisher.workflow,
        ref=publisher.ref,
        events=publisher.events,
        environment=publisher.environment,
    )


def _refused(
    issuer: Issuer, identity: Identity, judged: Sequence[tuple[Publisher, list[str]]], address: str | None
) -> Forbidden:
    """Told to the caller, to the log, and, when a team knows the repository, to its events."""
    who = f"{identity.repository} (repository {identity.repository_id}, owner {identity.owner_id})"
    if not judged:
        log.warning("%s of %s from %s was refused: nobody trusts it", who, issuer, address)
        return Forbidden(f"No publisher trusts {who} of {issuer}.")
    reasons = [f"publisher {each.pk}: {'; '.join(differs)}" for each, differs in judged[:MAX_TOLD]]
    log.warning("%s of %s from %s was refused: %s", who, issuer, address, " | ".join(reasons))
    for each, differs in judged[:MAX_TOLD]:
        record(
            actor=SYSTEM,
            kind="publisher.refused",
            subject=f"publisher:{each.pk}",
            team=each.team,
            reason="; ".join(differs),
            data={"repository": identity.repository, "address": address or ""},
        )
    return Forbidden(f"No publisher trusts this run of {who}.", reasons=reasons)


def _spend(issuer: Issuer, claims: Mapping[str, Any]) -> None:
    """Once for each identity, whoever is quicker."""
    number = hashlib.sha256(claims["jti"].encode()).hexdigest()
    until = datetime.fromtimestamp(claims["exp"] + LEEWAY, UTC)
    try:
        with transaction.atomic():
            SpentIdentity.objects.create(issuer=issuer, number=number, expires_at=until)
    except IntegrityError as error:
        raise Forbidden("This identity was exchanged already. Ask for a new one.") from error


def _issue(
    publisher: Publisher, identity: Identity, claims: Mapping[str, Any], address: str | None
) -> tuple[ApiToken, str]:
    now = timezone.now()
    rights = Rights(tuple(map(Scope, publisher.scopes)), _names(publisher))
    key_id, text = tokens.make()
    actor = Actor(publisher.created_by, f"publisher {publisher.pk}", address)
    if not actor.user or not actor.user.is_active or actor.role_in(publisher.team) is None:
        raise Forbidden("Who set up this publisher is no longer in the team. An owner has to set it up anew.")
    token = ApiToken.objects.create(
        team=publisher.team,
        name=str(publisher)[:100],
        created_by=publisher.created_by,
        publisher=publisher,
        short=True,
        expires_at=now + LIFETIME,
        **hashed(key_id, text),
        **rights.columns(),
    )
    Publisher.objects.filter(pk=publisher.pk).update(last_used_at=now)
    told = {"repository": identity.repository, "ref": identity.ref, "event": identity.event, "key_id": key_id}
    told |= {name: str(claims[name])[:100] for name in ("sha", "run_id", "pipeline_id") if name in claims}
    subject = f"publisher:{publisher.pk}"
    record(actor=actor, kind="publisher.exchanged", subject=subject, team=publisher.team, data=told)
    return token, text


def _names(publisher: Publisher) -> tuple[str, ...] | None:
    return None if publisher.unikernels is None else tuple(publisher.unikernels)
