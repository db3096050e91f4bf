"""Bringing a document over. Again is harmless: what is there already stays as it is.

Without network for people and tokens, in one transaction each; an instance is tested by real
commands before it is kept, and its policies are granted as they were seen there.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from django.db import transaction
from django.utils import timezone

from accounts.actors import COMMAND
from accounts.models import Quota, Team, User
from accounts.services.bringing import token_bring, token_is_there
from accounts.services.users import user_add, user_deactivate
from albatross.models import Instance, ObservedPolicy
from mollymawk.errors import ApplicationError
from unikernels.importing.document import Document, OldInstance, OldToken, OldUser
from unikernels.instances.services import instance_add
from unikernels.inventory.services import reconcile
from unikernels.quotas.services import quota_grant

Result = Literal["brought", "there", "left", "failed"]

RESET = "asks for a new password on the login page"
OTHERS_TEAM = "the domain {domain} is that of the team {team}: add the person there by hand"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of the document, and what became of it. ``left``: on purpose, ``failed``: it could not be."""

    what: str
    name: str
    result: Result
    words: str = ""


def bring(document: Document, *, dry_run: bool) -> Iterator[Item]:
    """Bring all of *document* over, telling each thing as it is done. *dry_run*: nothing is changed."""
    for sentence in document.unread:
        yield Item("entry", sentence, "failed")
    for user in document.users:
        yield from _undone(lambda user=user: _person(user), dry_run)  # type: ignore[misc]  # a loop's own name
    for instance in document.instances:
        yield _instance(instance, dry_run)
    for instance in document.instances:
        yield from _policies(instance, [user.name for user in document.users], dry_run)
    if document.mail:
        yield Item("mail", "server", "left", "set EMAIL_HOST and DEFAULT_FROM_EMAIL for all processes")


def _undone(work: Callable[[], list[Item]], dry_run: bool) -> list[Item]:
    """What *work* does, taken back at the end of a dry run."""
    with transaction.atomic():
        items = work()
        transaction.set_rollback(dry_run)
    return items


# --- people ------------------------------------------------------------------------------------------


def _person(old: OldUser) -> list[Item]:
    items = [_user(old)]
    user = User.objects.filter(email=old.email).first()
    team = Team.objects.filter(domain=old.name, memberships__user=user).first() if user else None
    items += [_token(user, team, old, token) for token in old.tokens]
    if old.records:
        items.append(
            Item("records", old.email, "left", "records of updates and scaling have no meaning here")
        )
    return items


def _user(old: OldUser) -> Item:
    if User.objects.filter(email=old.email).exists():
        return Item("user", old.email, "there")
    owner = Team.objects.filter(domain=old.name).first()
    words = (
        OTHERS_TEAM.format(domain=old.name, team=owner) if owner else f"owns the domain {old.name}; {RESET}"
    )
    try:
        with transaction.atomic():
            user = user_add(
                actor=COMMAND,
                email=old.email,
                password=secrets.token_urlsafe(32),  # nobody ever learns it
                superuser=old.superuser,
                domain="" if owner else old.name,
            )
            if not old.active:
                user_deactivate(actor=COMMAND, user=user)
    except ApplicationError as error:
        return Item("user", old.email, "failed", _said(error))
    kind = ["superuser"] * old.superuser + ["shut out, as there"] * (not old.active)
    return Item("user", old.email, "brought", "; ".join([*kind, words]))


def _token(user: User | None, team: Team | None, old: OldUser, token: OldToken) -> Item:
    name = f"{token.name} of {old.email}"
    if token_is_there(token.value):
        return Item("token", name, "there")
    if token.expires_at <= timezone.now():
        return Item("token", name, "left", "has expired")
    if user is None or team is None:
        return Item("token", name, "failed", f"its maker does not own the domain {old.name} here")
    try:
        with transaction.atomic():
            made = token_bring(
                actor=COMMAND,
                user=user,
                team=team,
                name=token.name,
                text=token.value,
                expires_at=token.expires_at,
            )
    except ApplicationError as error:
        return Item("token", name, "failed", _said(error))
    return Item("token", name, "brought", f"until {made.expires_at:%Y-%m-%d}")


# --- instances ---------------------------------------------------------------------------------------


def _instance(old: OldInstance, dry_run: bool) -> Item:
    if _present(old) is not None:
        return Item("instance", old.name, "there")
    if dry_run:
        return Item("instance", old.name, "brought", f"{old.address} would be asked first")
    try:
        instance = instance_add(
            actor=COMMAND,
            name=old.name,
            address=old.address,
            server_ca=old.certificate,
            certificate=old.certificate,
            key=old.key,
        )
    except ApplicationError as error:
        return Item("instance", old.name, "failed", _said(error))
    reconcile(instance)
    return Item("instance", old.name, "brought", old.address)


def _present(old: OldInstance) -> Instance | None:
    """The same instance here: by name, or by address under another name."""
    named = Instance.objects.filter(name=old.name).first()
    return named or Instance.objects.filter(address=old.address).first()


def _policies(old: OldInstance, domains: list[str], dry_run: bool) -> Iterator[Item]:
    """The original stores no policies: they are read from the instance, and granted as they are."""
    instance = _present(old)
    if instance is None:
        yield Item("policies", old.name, "left", "are read from the instance once it is here")
        return
    for policy in ObservedPolicy.objects.filter(instance=instance, path__in=domains):
        yield _policy(instance, policy, dry_run)


def _policy(instance: Instance, policy: ObservedPolicy, dry_run: bool) -> Item:
    name = f"{policy.path} on {instance}"
    team = Team.objects.filter(domain=policy.path).first()
    if Quota.objects.filter(instance=instance, team__domain=policy.path).exists():
        return Item("policy", name, "there")
    if dry_run:
        return Item("policy", name, "brought")
    if team is None:
        return Item("policy", name, "failed", "no team has this domain")
    try:
        quota = quota_grant(
            actor=COMMAND,
            team=team,
            instance=instance,
            unikernels=policy.unikernels,
            memory=policy.memory,
            block=policy.block,
            cpuids=policy.cpuids,
            bridges=policy.bridges,
        )
    except ApplicationError as error:
        return Item("policy", name, "failed", _said(error))
    return Item("policy", name, "brought", quota.problem)


def _said(error: ApplicationError) -> str:
    texts = [text for lines in error.fields.values() for text in lines]
    return " ".join(dict.fromkeys([str(error), *error.reasons, *texts]))
