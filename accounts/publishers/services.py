"""Issuers and publishers: added, listed, removed. Nothing here asks an issuer but ``issuer_add``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, Q, QuerySet
from django.utils import timezone

from accounts.actors import Actor, require, require_fresh, require_superuser
from accounts.events import record
from accounts.models import ApiToken, Role, Team
from accounts.publishers.identities import EVENTS, by_strangers
from accounts.publishers.keys import Undiscovered, discover, forget
from accounts.publishers.models import Issuer, Publisher, every_algorithm
from accounts.services.rights import rights_of
from albatross.errors import NameInvalid
from albatross.names import parse_label
from mollymawk.errors import Conflict, Forbidden, Invalid, Missing, Refused

MAX_PUBLISHERS = 50  # of one team
MAX_URL = 200
MAX_TEXT = 200
MAX_NUMBER = 40
ANY_REF = {"*", "**"}

_KNOWN = "There is an issuer with this name or URL already."
_LOCAL = {"127.0.0.1", "::1", "localhost"}


# --- issuers -----------------------------------------------------------------------------------------


def issuer_add(
    *, actor: Actor, name: str, url: str, kind: str, algorithms: Collection[str] | None = None
) -> Issuer:
    """Trust identities that the server at *url* signs; superusers may. It is asked for its keys first.

    Raises what ``check_issuer_add`` raises, and ``Refused`` when it does not tell them.
    """
    wanted = check_issuer_add(actor=actor, name=name, url=url, kind=kind, algorithms=algorithms)
    try:
        discover(str(wanted["url"]))
    except Undiscovered as error:
        raise Refused(f"{url} is no issuer: {error}.") from error
    try:
        with transaction.atomic():
            issuer = Issuer.objects.create(**wanted)
            record(actor=actor, kind="issuer.added", subject=f"issuer:{issuer.pk}", data=wanted)
    except IntegrityError as error:
        raise Conflict(_KNOWN) from error
    return issuer


def check_issuer_add(
    *, actor: Actor, name: str, url: str, kind: str, algorithms: Collection[str] | None = None
) -> dict[str, Any]:
    """The columns of a new issuer. Raises ``Invalid`` with fields, ``Conflict`` for a known one."""
    require_superuser(actor)
    require_fresh(actor)
    wanted = {
        "name": _label(name),
        "url": _url(url),
        "kind": _kind(kind),
        "algorithms": _algorithms(algorithms),
    }
    if Issuer.objects.filter(Q(name=wanted["name"]) | Q(url=url)).exists():
        raise Conflict(_KNOWN)
    return wanted


def issuer_remove(*, actor: Actor, issuer: Issuer) -> None:
    """Trust *issuer* no more; superusers may. ``Refused`` while publishers name it."""
    require_superuser(actor)
    try:
        with transaction.atomic():
            record(
                actor=actor,
                kind="issuer.removed",
                subject=f"issuer:{issuer.pk}",
                data={"name": issuer.name, "url": issuer.url},
            )
            forget(issuer)
            issuer.delete()
    except ProtectedError as error:
        raise Refused(f"Publishers of teams name {issuer}; they have to be removed first.") from error


def issuer_named(name: str) -> Issuer:
    """The issuer called *name*; everybody may know them. Raises ``Missing``."""
    issuer = Issuer.objects.filter(name=name.lower()).first()
    if issuer is None:
        raise Missing("There is no such issuer.")
    return issuer


# --- publishers --------------------------------------------------------------------------------------


def publisher_add(
    *,
    actor: Actor,
    team: Team,
    issuer: Issuer,
    repository: str,
    repository_id: str,
    owner_id: str,
    workflow: str,
    ref: str = "refs/heads/main",
    environment: str = "",
    events: Collection[str] | None = None,
    scopes: Collection[str] | None = None,
    unikernels: Collection[str] | None = None,
) -> Publisher:
    """Trust a workflow to do what *scopes* say (see ``token_issue``) in the name of *actor*.

    Owners may, with a session. Raises ``Invalid`` with fields, ``Refused`` when there are too many.
    """
    if actor.user is None or actor.token is not None:
        raise Forbidden("Publishers are set up by people, not by programs.")
    require(actor, team, Role.OWNER)
    require_fresh(actor)
    wanted = {
        "repository": _text("repository", repository),
        "repository_id": _number("repository_id", repository_id),
        "owner_id": _number("owner_id", owner_id),
        "workflow": _workflow(issuer, workflow),
        "environment": _text("environment", environment, needed=False),
        "ref": _ref(ref),
        "events": _events(issuer, events),
    }
    rights = rights_of(scopes=scopes, unikernels=unikernels).told()
    wanted |= {"scopes": rights["scopes"], "unikernels": rights["unikernels"]}
    if team.publishers.count() >= MAX_PUBLISHERS:
        raise Refused(f"A team has at most {MAX_PUBLISHERS} publishers; remove one first.")
    with transaction.atomic():
        publisher = Publisher.objects.create(team=team, issuer=issuer, created_by=actor.user, **wanted)
        record(
            actor=actor,
            kind="publisher.added",
            subject=f"publisher:{publisher.pk}",
            team=team,
            data=wanted | {"issuer": issuer.name},
        )
    return publisher


def publisher_remove(*, actor: Actor, publisher: Publisher) -> None:
    """Trust it no more: the tokens that it has are revoked. Owners may, with a session."""
    if actor.token is not None:
        raise Forbidden("Publishers are removed by people, not by programs.")
    require(actor, publisher.team, Role.OWNER)
    with transaction.atomic():
        ApiToken.objects.filter(publisher=publisher, revoked_at=None).update(revoked_at=timezone.now())
        record(
            actor=actor,
            kind="publisher.removed",
            subject=f"publisher:{publisher.pk}",
            team=publisher.team,
            data={"repository": publisher.repository, "workflow": publisher.workflow},
        )
        publisher.delete()


def publishers_of(team: Team) -> QuerySet[Publisher]:
    """The publishers of *team*, newest first."""
    return team.publishers.select_related("issuer", "created_by", "team")


def publisher_of(actor: Actor, team: Team, pk: int) -> Publisher:
    """The publisher *pk* of *team*, for its owners. Raises ``Missing``."""
    require(actor, team, Role.OWNER)
    publisher = publishers_of(team).filter(pk=pk).first()
    if publisher is None:
        raise Missing("The team has no such publisher.")
    return publisher


# --- what was given ----------------------------------------------------------------------------------


def _wrong(field: str, text: str) -> Invalid:
    return Invalid(text, fields={field: [text]})


def _label(name: str) -> str:
    try:
        return parse_label(name)
    except NameInvalid as error:
        raise _wrong("name", "A name has 1 to 63 letters, digits, dots and hyphens.") from error


def _url(url: str) -> str:
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOCAL
    if (parts.scheme != "https" and not local) or not parts.hostname or parts.query or parts.fragment:
        raise _wrong("url", "Give the address of the issuer with https://, as its identities name it.")
    if len(url) > MAX_URL or not url.isprintable() or "@" in parts.netloc:
        raise _wrong("url", f"An address has at most {MAX_URL} characters, and no password.")
    return url


def _kind(kind: str) -> str:
    if kind not in Issuer.Kind.values:
        raise _wrong("kind", f"It is one of {', '.join(Issuer.Kind.values)}.")
    return kind


def _algorithms(given: Collection[str] | None) -> list[str]:
    known = every_algorithm()
    if given is None:
        return known
    if not given or not set(given) <= set(known):
        raise _wrong("algorithms", f"Known are {', '.join(known)}.")
    return [algorithm for algorithm in known if algorithm in given]


def _text(field: str, text: str, *, needed: bool = True) -> str:
    text = text.strip()
    if (needed and not text) or len(text) > MAX_TEXT or not text.isprintable():
        raise _wrong(field, f"Give 1 to {MAX_TEXT} characters.")
    return text


def _number(field: str, text: str) -> str:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_NUMBER):
        raise _wrong(field, "Give the number, not the name: names may come to somebody else.")
    return text


def _workflow(issuer: Issuer, text: str) -> str:
    """The path of the file; its name is enough where workflows have a folder of their own."""
    text = _text("workflow", text)
    folder = {Issuer.Kind.GITHUB: ".github/workflows/", Issuer.Kind.FORGEJO: ".forgejo/workflows/"}
    before = folder.get(Issuer.Kind(issuer.kind), "")
    if "@" in text or ".." in text or not text.endswith((".yml", ".yaml")):
        raise _wrong("workflow", "Give the file of the workflow, such as deploy.yml.")
    return text if "/" in text else before + text


def _ref(text: str) -> str:
    text = _text("ref", text)
    if not text.startswith("refs/") or text.removeprefix("refs/") in ANY_REF:
        raise _wrong("ref", "Give a pattern such as refs/heads/main or refs/tags/v*.")
    if text.startswith("refs/pull"):
        raise _wrong("ref", "What strangers propose is never trusted.")
    return text


def _events(issuer: Issuer, given: Collection[str] | None) -> list[str]:
    known = EVENTS[issuer.kind]
    chosen = [event for event in known if given is None or event in given] if given != [] else []
    if given and (strange := [event for event in given if by_strangers(event)]):
        raise _wrong("events", f"Strangers can cause {strange[0]}: it is never trusted.")
    if given and (unknown := [event for event in given if event not in known]):
        raise _wrong("events", f"{unknown[0]} is not known. Known: {', '.join(known)}.")
    if not chosen:
        raise _wrong("events", f"Choose at least one of {', '.join(known)}.")
    return chosen
