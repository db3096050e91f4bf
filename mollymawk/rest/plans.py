"""The answer to ``?dry_run=true``: what would happen, and why it would not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.response import Response

from mollymawk.errors import Refused


class PlanQuestion(serializers.Serializer[Any]):
    """Something that only a person can decide."""

    code = serializers.CharField(help_text="put it into `accept` to say yes")
    text = serializers.CharField()


class PlanChange(serializers.Serializer[Any]):
    """One value that would change."""

    was = serializers.CharField()
    now = serializers.CharField()


class PlanOut(serializers.Serializer[Any]):
    """What would happen. Nothing was changed."""

    dry_run = serializers.BooleanField(help_text="always true")
    possible = serializers.BooleanField(help_text="no refusals, and no question left open")
    steps = serializers.ListField(child=serializers.CharField())
    refusals = serializers.ListField(child=serializers.CharField())
    questions = PlanQuestion(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    changes = serializers.DictField(child=PlanChange())
    digest = serializers.CharField(help_text="send it as `If-Plan-Match` to have exactly this done")


def plan(
    *steps: str,
    refusals: Iterable[str] = (),
    questions: Mapping[str, str] | None = None,
    warnings: Iterable[str] = (),
    changes: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """A plan, as the API tells it. *questions*: code to text; *changes*: name to what it was and becomes."""
    refused, asked = list(refusals), questions or {}
    return {
        "dry_run": True,
        "possible": not refused and not asked,
        "steps": list(steps),
        "refusals": refused,
        "questions": [{"code": code, "text": text} for code, text in asked.items()],
        "warnings": list(warnings),
        "changes": {name: {"was": was, "now": now} for name, (was, now) in (changes or {}).items()},
    }


def rehearsal(change: Callable[[], object], *steps: str) -> dict[str, Any]:
    """The plan of a *change* that only touches the database: it is done and taken back.

    What is enqueued on commit is never enqueued, since nothing is committed. Everything but
    ``Refused`` (that is: not allowed, not there, in the way of another one) is raised as ever.
    """
    refusals: list[str] = []
    with transaction.atomic():
        try:
            with transaction.atomic():
                change()
        except Refused as error:
            refusals = error.reasons or [str(error)]
        transaction.set_rollback(True)
    return plan(*steps, refusals=refusals)


def rehearsed(change: Callable[[], object], *steps: str) -> Response:
    """The answer to a dry run of *change*: its ``rehearsal``."""
    return Response(rehearsal(change, *steps))
