"""Whom the claims of an identity describe, and whether that is whom a publisher names (pure).

Each kind of issuer has its own words. Numbers are compared, not names: a name may come to somebody else.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

MAX_CLAIM = 500  # characters of what is told of a claim
EVENTS = {
    "github": ("push", "workflow_dispatch", "release", "schedule", "deployment", "workflow_call"),
    "forgejo": ("push", "workflow_dispatch", "release", "schedule"),
    "gitlab": ("push", "web", "schedule", "api", "trigger", "pipeline"),
}
# What strangers can cause. GitLab's words for it are merge requests.
_STRANGERS = ("pull_request*", "*merge_request*", "external_pull_request*", "issue*", "*comment*", "fork")


class Vague(ValueError):
    """An identity that does not tell who it is."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One run of a workflow."""

    repository: str
    repository_id: str
    owner_id: str
    workflow: str
    ref: str
    event: str
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a publisher says of the identities that it trusts."""

    repository_id: str
    owner_id: str
    workflow: str
    ref: str
    events: Collection[str]
    environment: str = ""


def by_strangers(event: str) -> bool:
    """Whether somebody outside of the repository can cause *event*."""
    return any(fnmatch.fnmatchcase(event, pattern) for pattern in _STRANGERS)


def identity_of(kind: str, claims: Mapping[str, Any]) -> Identity:
    """Whom *claims* of an issuer of this kind describe. Raises ``Vague`` when something is missing."""
    return _gitlab(claims) if kind == "gitlab" else _github(claims)


def differences(wanted: Trusted, seen: Identity) -> list[str]:
    """What of *seen* is not what the publisher names, in words; empty when it is trusted."""
    told = [
        f"{name} is {have}, not {want}"
        for name, want, have in (
            ("repository id", wanted.repository_id, seen.repository_id),
            ("owner id", wanted.owner_id, seen.owner_id),
            ("workflow", wanted.workflow, seen.workflow),
        )
        if want != have
    ]
    if wanted.environment and wanted.environment != seen.environment:
        told.append(f"environment is {seen.environment or 'none'}, not {wanted.environment}")
    if not fnmatch.fnmatchcase(seen.ref, wanted.ref):
        told.append(f"ref is {seen.ref}, not {wanted.ref}")
    if by_strangers(seen.event):
        told.append(f"event is {seen.event}, which strangers can cause: it is never trusted")
    elif seen.event not in wanted.events:
        told.append(f"event is {seen.event}, not {' or '.join(wanted.events)}")
    return told


def _github(claims: Mapping[str, Any]) -> Identity:
    """Forgejo uses the same words, but names the workflow by ``workflow_ref`` only."""
    repository = _text(claims, "repository")
    told = "job_workflow_ref" if "job_workflow_ref" in claims else "workflow_ref"
    place = _text(claims, told).partition("@")[0]
    return Identity(
        repository=repository,
        repository_id=_text(claims, "repository_id"),
        owner_id=_text(claims, "repository_owner_id"),
        workflow=_within(place, repository + "/"),
        ref=_text(claims, "ref"),
        event=_text(claims, "event_name"),
        environment=_text(claims, "environment", needed=False),
    )


def _gitlab(claims: Mapping[str, Any]) -> Identity:
    repository = _text(claims, "project_path")
    place = _text(claims, "ci_config_ref_uri").partition("@")[0]
    kind = {"branch": "heads", "tag": "tags"}.get(_text(claims, "ref_type"), "other")
    return Identity(
        repository=repository,
        repository_id=_text(claims, "project_id"),
        owner_id=_text(claims, "namespace_id"),
        workflow=_within(place.partition("/")[2], repository + "//"),
        ref=f"refs/{kind}/{_text(claims, 'ref')}",
        event=_text(claims, "pipeline_source"),
        environment=_text(claims, "environment", needed=False),
    )


def _within(place: str, before: str) -> str:
    """The file at *place*; all of it when it is of another repository."""
    return place.removeprefix(before)


def _text(claims: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
    value = claims.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None and not needed:
        return ""
    if (
        not isinstance(value, str)
        or (needed and not value)
        or len(value) > MAX_CLAIM
        or not value.isprintable()
    ):
        raise Vague(f"The identity does not tell its {name}.")
    return value
