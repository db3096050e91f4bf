"""``manage.py rotate_keys``: seal every stored secret with the newest key of the ring.

After it, older keys can be taken out of ENCRYPTION_KEYS. It may run while everything else does, be
stopped and be run again: what is sealed with the newest key already is left as it is, and a secret
that somebody changes meanwhile keeps that change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from json import dumps
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from accounts.models import Letter
from albatross.models import Instance
from mollymawk.keyring import SealBroken, reseal
from mollymawk.models import KeyedRequest
from mollymawk.sessions import resealed
from unikernels.models import Unikernel, Version
from unikernels.webhooks.models import Webhook

BATCH = 200  # rows of one transaction: short enough for SQLite, where writers wait for each other

SEALED_COLUMNS: list[tuple[type[Model], str]] = [
    (Instance, "sealed_key"),
    (Version, "sealed_arguments"),
    (Unikernel, "sealed_arguments"),
    (Authenticator, "data"),
    (KeyedRequest, "sealed_answer"),
    (Letter, "sealed_text"),
    (Webhook, "sealed_secret"),
    (Webhook, "sealed_former"),
]
# The data of a second factor is an object in which these hold sealed texts, or lists of them.
SEALED_MEMBERS = {"secret", "seed", "migrated_codes"}


class Command(BaseCommand):
    """Seals everything anew, in batches, and says how much there was to do."""

    help = "Seal every stored secret with the first key of ENCRYPTION_KEYS; then older keys can go."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *args: Any, json: bool, **_: Any) -> None:
        broken: list[str] = []
        sealed = {}
        for name, done in _rotate_all(broken):
            sealed[name] = done
            if not json:
                self.stdout.write(f"{name}: {done} sealed anew")
        if json:
            self.stdout.write(dumps({"sealed": sealed, "broken": broken}, indent=2))
        if broken:
            raise CommandError(
                "Not one key of the ring opens these; keep looking for the one that does:\n"
                + "\n".join(broken)
            )


def _rotate_all(broken: list[str]) -> Iterator[tuple[str, int]]:
    """By name of a column: how many values of it needed it. What no key opens is added to *broken*."""
    yield "Session.session_data", _rotate_sessions()
    for model, column in SEALED_COLUMNS:
        name = f"{model.__name__}.{column}"
        yield name, sum(_rotate(model, column, rows, broken) for rows in _batches(model))


def _rotate_sessions() -> int:
    """Seal what living sessions hold anew; how many needed it. One that no key opens is over anyway."""
    done = 0
    living = Session.objects.filter(expire_date__gt=timezone.now())
    for keys in _batches(Session):
        with transaction.atomic():
            for pk, old in living.filter(pk__in=keys).values_list("pk", "session_data"):
                with suppress(signing.BadSignature, SealBroken):
                    if (new := resealed(old)) != old:
                        done += living.filter(pk=pk, session_data=old).update(session_data=new)
    return done


def _batches(model: type[Model]) -> Iterator[list[Any]]:
    last: Any = "" if model is Session else 0
    rows = model._default_manager.order_by("pk")  # noqa: SLF001  # Django documents it as public
    while pks := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        yield pks
        last = pks[-1]


def _rotate(model: type[Model], column: str, pks: list[int], broken: list[str]) -> int:
    """Seal *column* of these rows anew; how many needed it. What no key opens is added to *broken*."""
    rows = model._default_manager.filter(pk__in=pks)  # noqa: SLF001  # Django documents it as public
    done = 0
    with transaction.atomic():
        for pk, old in rows.values_list("pk", column):
            try:
                new = _resealed(old)
            except SealBroken:
                broken.append(f"{model.__name__} {pk}")
                continue
            if new != old:
                done += rows.filter(pk=pk, **{column: old}).update(**{column: new})
    return done


def _resealed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _resealed(inner) if name in SEALED_MEMBERS else inner for name, inner in value.items()}
    if isinstance(value, list):
        return [_resealed(inner) for inner in value]
    return reseal(value) if value else value
