"""Liveness checks of a unikernel: what is asked, how it stands, and trying one."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from mollymawk.errors import Invalid, Missing
from mollymawk.rest.pages import BY_NAME, NEWEST_FIRST, page
from mollymawk.rest.plans import plan, rehearsed
from mollymawk.rest.schema import changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict
from unikernels.access import unikernel_of
from unikernels.api.base import Endpoint
from unikernels.checks.services import (
    MAX_NAME,
    MAX_SECONDS,
    MIN_SECONDS,
    Span,
    check_add,
    check_change,
    check_of,
    check_remove,
    check_try,
    history,
    results_of,
    told_of,
    uptime,
)
from unikernels.checks.settings import TYPES, parse, told
from unikernels.models import Check, CheckResult

MAX_SPANS = 50  # ups and downs that are told
_TEXT = {"type": "string"}


def _shape(description: str, required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }


SETTINGS_SCHEMA: dict[str, Any] = {
    "description": "What is asked, and what is good; by the kind of the check.",
    "oneOf": [
        _shape(
            "http: GET a URL. Good is a status in the range, and the text in the body.",
            ["url"],
            url=_TEXT | {"description": "without user and password"},
            connect={"type": ["string", "null"], "description": "IP address to connect to instead"},
            status={
                "type": "array",
                "items": {"type": "integer", "minimum": 100, "maximum": 599},
                "minItems": 2,
                "maxItems": 2,
                "default": [200, 399],
                "description": "lowest and highest",
            },
            text=_TEXT | {"default": "", "description": "a part of the body; empty: any body"},
            verify={"type": "boolean", "default": True, "description": "check the certificate"},
        ),
        _shape(
            "dns: ask a server, by UDP and then TCP. Good is a record, and the answer among them.",
            ["server", "name"],
            server=_TEXT | {"description": "host:port"},
            name=_TEXT,
            type={"type": "string", "enum": list(TYPES), "default": "A"},
            answer=_TEXT | {"default": "", "description": "empty: any answer"},
        ),
        _shape("tcp: good is that a connection is taken.", ["address"], address=_TEXT),
    ],
}


@extend_schema_field(SETTINGS_SCHEMA)
class SettingsField(serializers.DictField):
    """The JSON form of ``checks.settings``, which reads and judges it together with the kind."""

    def to_representation(self, value: Any) -> Any:
        return value


class CheckWords(Strict):
    """What is asked."""

    kind = serializers.ChoiceField(Check.Kind.values)
    settings = SettingsField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            parse(attrs["kind"], attrs["settings"])
        except Invalid as error:
            raise ValidationError({"settings": error.fields}) from error
        return attrs


class CheckIn(CheckWords):
    """A check, the whole of it."""

    name = serializers.CharField(max_length=MAX_NAME)
    seconds = serializers.IntegerField(
        default=60, min_value=MIN_SECONDS, max_value=MAX_SECONDS, help_text="between two rounds"
    )


class CheckOut(serializers.Serializer[Any]):
    """A check, and how it stands."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(Check.Kind.values)
    settings = SettingsField()
    told = serializers.CharField(help_text="what is asked and what for, in one line")
    seconds = serializers.IntegerField(help_text="between two rounds")
    state = serializers.ChoiceField(Check.State.values)
    since = serializers.DateTimeField(help_text="how long it is in this state")
    failures = serializers.IntegerField(help_text="conclusive ones in a row, up to now")
    due_at = serializers.DateTimeField(help_text="when it is asked next")


class SpanOut(serializers.Serializer[Any]):
    """A time through which it stood the same."""

    state = serializers.ChoiceField(Check.State.values)
    began = serializers.DateTimeField()
    ended = serializers.DateTimeField(allow_null=True, help_text="null: how it stands now")
    text = serializers.CharField(help_text="what began it")


class UptimeOut(serializers.Serializer[Any]):
    """The share of time in which it was up, 0 to 1, as far as that was known; null: never known."""

    day = serializers.FloatField(allow_null=True)
    week = serializers.FloatField(allow_null=True)
    month = serializers.FloatField(allow_null=True)


class CheckDetail(CheckOut):
    """A check with its history."""

    history = SpanOut(many=True)
    uptime = UptimeOut()


class ResultOut(serializers.Serializer[Any]):
    """One try. Inconclusive: we could not ask, which says nothing about the unikernel."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(CheckResult.Outcome.values)
    latency = serializers.FloatField(help_text="seconds")
    text = serializers.CharField()
    operation = serializers.IntegerField(allow_null=True, help_text="null: a scheduled round")


class FoundOut(serializers.Serializer[Any]):
    """What one try found; it is kept nowhere."""

    outcome = serializers.ChoiceField(CheckResult.Outcome.values)
    latency = serializers.FloatField(help_text="seconds")
    text = serializers.CharField()


def show(check: Check) -> dict[str, Any]:
    """A check, as the API tells it."""
    return {
        "id": check.pk,
        "name": check.name,
        "kind": check.kind,
        "settings": check.settings,
        "told": told_of(check),
        "seconds": check.seconds,
        "state": check.state,
        "since": check.state_since,
        "failures": check.failures,
        "due_at": check.due_at,
    }


def show_whole(check: Check) -> dict[str, Any]:
    """A check with its history."""
    return show(check) | {
        "history": [_span(span) for span in history(check, MAX_SPANS)],
        "uptime": {
            "day": uptime(check, 1),
            "week": uptime(check, 7),
            "month": uptime(check, 30),
        },
    }


def show_result(result: CheckResult) -> dict[str, Any]:
    """One try, as the API tells it."""
    return {
        "id": result.pk,
        "at": result.at,
        "outcome": result.outcome,
        "latency": result.latency,
        "text": result.text,
        "operation": result.operation_id,
    }


def _span(span: Span) -> dict[str, Any]:
    return {"state": span.state, "began": span.began, "ended": span.ended, "text": span.text}


class CheckEndpoint(Endpoint):
    """An address of one check."""

    def check(self, pk: int, check: int, role: Role = Role.VIEWER) -> Check:
        """The check *check* of the unikernel *pk*, for somebody with *role* in its team."""
        unikernel_of(self.actor, pk, role)
        found = check_of(self.actor, check, role)
        if found.unikernel_id != pk:
            raise Missing("The unikernel has no such check.")
        return found


class Checks(Endpoint):
    """The checks of a unikernel."""

    class Out(Page):
        """A page of checks."""

        items = CheckOut(many=True)

    @reads("listChecks", query=PageQuery, answer=Out)
    def get(self, request: Request, pk: int) -> Response:
        """List the checks of a unikernel."""
        query, rows = self.query(PageQuery), unikernel_of(self.actor, pk).checks.all()
        return Response(page(rows, request=request, order=BY_NAME, query=query, show=show))

    @changes("addCheck", body=CheckIn, status=201, answer=CheckOut)
    def post(self, request: Request, pk: int) -> Response:
        """Add a check.

        It is asked on a schedule, before and after each upgrade, and during the rollback window.
        """
        dry, actor, body = self.dry_run(), self.actor, self.body(CheckIn)
        unikernel = unikernel_of(actor, pk, Role.DEPLOYER)
        if dry:
            step = f"Ask each {body['seconds']} s: {told(parse(body['kind'], body['settings']))}."
            return rehearsed(lambda: check_add(actor=actor, unikernel=unikernel, **body), step)
        check = check_add(actor=actor, unikernel=unikernel, **body)
        place = request.build_absolute_uri(reverse("api:check", args=[pk, check.pk]))
        return Response(show(check), status=201, headers={"Location": place})


class OneCheck(CheckEndpoint):
    """One check."""

    @reads("getCheck", answer=CheckDetail)
    def get(self, request: Request, pk: int, check: int) -> Response:
        """Show a check with its ups and downs."""
        return Response(show_whole(self.check(pk, check)))

    @changes("changeCheck", body=CheckIn, answer=CheckOut)
    def put(self, request: Request, pk: int, check: int) -> Response:
        """Change a check.

        When it asks something else, what it said before is forgotten.
        """
        dry, actor, body = self.dry_run(), self.actor, self.body(CheckIn)
        found = self.check(pk, check, Role.DEPLOYER)
        if dry:
            step = f"Ask each {body['seconds']} s: {told(parse(body['kind'], body['settings']))}."
            return rehearsed(lambda: check_change(actor=actor, check=found, **body), step)
        return Response(show(check_change(actor=actor, check=found, **body)))

    @changes("removeCheck", status=204, answer=None)
    def delete(self, request: Request, pk: int, check: int) -> Response:
        """Remove a check and its results."""
        dry, actor, found = self.dry_run(), self.actor, self.check(pk, check, Role.DEPLOYER)
        if dry:
            return rehearsed(lambda: check_remove(actor=actor, check=found), f"Remove {found}.")
        check_remove(actor=actor, check=found)
        return Response(status=204)


class Results(CheckEndpoint):
    """The single tries of a check."""

    class Out(Page):
        """A page of results."""

        items = ResultOut(many=True)

    @reads("listCheckResults", query=PageQuery, answer=Out)
    def get(self, request: Request, pk: int, check: int) -> Response:
        """List what a check found, newest first, as far back as single results are kept."""
        query, rows = self.query(PageQuery), results_of(self.check(pk, check))
        return Response(page(rows, request=request, order=NEWEST_FIRST, query=query, show=show_result))


class Try(Endpoint):
    """A check that is tried before it is added."""

    @changes("tryCheck", body=CheckWords, answer=FoundOut)
    def post(self, request: Request, pk: int) -> Response:
        """Try a check once, now. Nothing is kept."""
        dry, actor, body = self.dry_run(), self.actor, self.body(CheckWords)
        unikernel = unikernel_of(actor, pk, Role.DEPLOYER)
        if dry:
            return Response(plan(f"Ask once: {told(parse(body['kind'], body['settings']))}."))
        found = check_try(actor=actor, unikernel=unikernel, **body)
        return Response({"outcome": found.outcome, "latency": found.latency, "text": found.text})
