"""Operations: what is being changed, how far it is, how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Event
from accounts.scopes import CHANGE
from mollymawk.rest.orders import ID, Orders
from mollymawk.rest.pages import Key, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import changes, reads
from mollymawk.rest.shapes import NoBody, Page, PageQuery
from unikernels.access import operation_of, operations_of
from unikernels.api.base import Endpoint
from unikernels.blocks.files import transfer_files
from unikernels.models import Operation
from unikernels.operations.machine import TRANSFERS, Kind, Running, State
from unikernels.operations.services import cancel
from unikernels.operations.story import exit_code, steps_of, verdict

MAX_EVENTS = 500  # an operation of an hour that was retried each few seconds has about 300


class VerdictOut(serializers.Serializer[Any]):
    """What became of it, in the same words everywhere."""

    word = serializers.CharField()
    tone = serializers.ChoiceField(["ok", "bad", "warn", "busy", "idle"])
    sentence = serializers.CharField()


class ProgressOut(serializers.Serializer[Any]):
    """How much of an image or of the content of a block device has been moved, in bytes."""

    fetched = serializers.IntegerField()
    size = serializers.IntegerField(allow_null=True, help_text="null: the builder does not tell")


class OperationSummary(serializers.Serializer[Any]):
    """One change under way or done. Only `succeeded` is a success."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField([kind.value for kind in Kind])
    state = serializers.ChoiceField([state.value for state in State])
    finished = serializers.BooleanField()
    running = serializers.ChoiceField(
        [running.value for running in Running], allow_null=True, help_text="set when it failed"
    )
    verdict = VerdictOut()
    unikernel = serializers.IntegerField(allow_null=True, help_text="null: it is about a block device")
    block = serializers.IntegerField(allow_null=True, help_text="null: about a unikernel, or it was removed")
    name = serializers.CharField(help_text="of the unikernel or block device, in full")
    team = serializers.CharField(allow_null=True)
    instance = serializers.CharField()
    target = serializers.IntegerField(allow_null=True, help_text="version")
    fallback = serializers.IntegerField(allow_null=True, help_text="version")
    going_back = serializers.BooleanField()
    requested_by = serializers.CharField(allow_null=True)
    credential = serializers.CharField()
    cause = serializers.CharField(help_text="why the system itself asked for it; else empty")
    reverted = serializers.BooleanField(help_text="it succeeded, and was taken back in its rollback window")
    progress = ProgressOut(allow_null=True, help_text="null: nothing was fetched")
    created_at = serializers.DateTimeField()
    deadline_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class StepOut(serializers.Serializer[Any]):
    """One step on the way."""

    name = serializers.CharField()
    status = serializers.ChoiceField(["done", "now", "todo", "failed"])
    note = serializers.CharField()


class TransferFileOut(serializers.Serializer[Any]):
    """A file that a block transfer sent or left here."""

    id = serializers.IntegerField(help_text="of a block file")
    what = serializers.CharField(help_text="`new content`, `content`, or `old content`")
    name = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes")
    sha256 = serializers.CharField()


class EventOut(serializers.Serializer[Any]):
    """One thing that happened."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    was = serializers.CharField()
    now = serializers.CharField()
    reason = serializers.CharField()
    by = serializers.CharField(allow_null=True)
    credential = serializers.CharField()


class OperationDetail(OperationSummary):
    """An operation with its steps, its events and the console lines that tell why it failed."""

    steps = StepOut(many=True)
    events = EventOut(many=True)
    console = serializers.ListField(child=serializers.CharField())
    files = TransferFileOut(many=True, help_text="of a block transfer, while they are kept")
    exit_code = serializers.IntegerField(help_text="what a command ends with; 7 while it is under way")


def summary(operation: Operation) -> dict[str, Any]:
    """An operation in a list."""
    judged = verdict(operation)
    return {
        "id": operation.pk,
        "kind": operation.kind,
        "state": operation.state,
        "finished": operation.finished_at is not None,
        "running": operation.running or None,
        "verdict": {"word": judged.word, "tone": judged.tone, "sentence": judged.sentence},
        "unikernel": operation.unikernel_id,
        "block": operation.block_id,
        "name": operation.name,
        "team": operation.team.name if operation.team else None,
        "instance": operation.on.name,
        "target": operation.target.number if operation.target else None,
        "fallback": operation.fallback.number if operation.fallback else None,
        "going_back": operation.going_back,
        "requested_by": operation.requested_by.email if operation.requested_by else None,
        "credential": operation.credential,
        "cause": operation.cause,
        "reverted": operation.reverted,
        "progress": _progress(operation),
        "created_at": operation.created_at,
        "deadline_at": operation.deadline_at,
        "finished_at": operation.finished_at,
    }


def _progress(operation: Operation) -> dict[str, int | None] | None:
    fetched, size = operation.memo.get("fetched"), operation.memo.get("fetch_size")
    return {"fetched": fetched or 0, "size": size or None} if fetched or size else None


def detail(operation: Operation) -> dict[str, Any]:
    """An operation by itself."""
    steps = [
        {"name": step.name, "status": str(step.status), "note": step.note} for step in steps_of(operation)
    ]
    events = Event.objects.filter(operation=operation.pk).order_by("id")[:MAX_EVENTS]
    return summary(operation) | {
        "steps": steps,
        "events": [event_out(event) for event in events],
        "console": list(operation.memo.get("console", ())),
        "files": _files(operation),
        "exit_code": exit_code(operation),
    }


def _files(operation: Operation) -> list[dict[str, Any]]:
    found = transfer_files(operation) if operation.kind in TRANSFERS else []
    return [
        {"what": kept.what} | {part: getattr(kept.file, part) for part in ("id", "name", "size", "sha256")}
        for kept in found
    ]


def event_out(event: Event) -> dict[str, Any]:
    """One event, as the API tells it."""
    return {
        "id": event.pk,
        "at": event.at,
        "kind": event.kind,
        "was": event.was,
        "now": event.now,
        "reason": event.reason,
        "by": event.who or None,
        "credential": event.credential,
    }


def accepted(request: Request, operation: Operation) -> Response:
    """202: *operation* does the change; where to ask for it."""
    place = request.build_absolute_uri(reverse("api:operation", args=[operation.pk]))
    return Response(summary(operation), status=202, headers={"Location": place})


ORDERS = Orders(
    "-id", {"id": ID, "created_at": Key("created_at", datetime), "deadline_at": Key("deadline_at", datetime)}
)


class Operations(Endpoint):
    """All operations that the caller may see, newest first."""

    class Query(PageQuery):
        """Which ones, in which order."""

        team = serializers.CharField(required=False)
        unikernel = serializers.IntegerField(required=False, min_value=1)
        block = serializers.IntegerField(required=False, min_value=1)
        finished = serializers.BooleanField(required=False, allow_null=True, default=None)
        instance = serializers.CharField(required=False)
        kind = serializers.ChoiceField([kind.value for kind in Kind], required=False)
        state = serializers.ChoiceField([state.value for state in State], required=False)
        running = serializers.ChoiceField([running.value for running in Running], required=False)
        reverted = serializers.BooleanField(required=False, allow_null=True, default=None)
        since = serializers.DateTimeField(required=False, help_text="asked for then or later")
        until = serializers.DateTimeField(required=False, help_text="asked for before")
        ordering = ORDERS.field()

    class Out(Page):
        """A page of operations."""

        items = OperationSummary(many=True)

    @reads("listOperations", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List operations."""
        query = self.query(self.Query)
        rows = self.narrowed(
            operations_of(self.actor),
            query,
            unikernel="unikernel",
            block="block",
            kind="kind",
            state="state",
            running="running",
            reverted="reverted",
            since="created_at__gte",
            until="created_at__lt",
        )
        if instance := query.get("instance"):
            rows = rows.filter(Q(instance__name=instance) | Q(unikernel__instance__name=instance))
        if query["finished"] is not None:
            rows = rows.filter(finished_at__isnull=not query["finished"])
        return Response(page(rows, request=request, order=ORDERS.of(query), query=query, show=summary))


class OneOperation(Endpoint):
    """One operation."""

    @reads("getOperation", answer=OperationDetail, tag=True)
    def get(self, request: Request, pk: int) -> Response:
        """Show an operation."""
        return Response(detail(operation_of(self.actor, pk)))


class Cancel(Endpoint):
    """Stop an operation."""

    @changes("cancelOperation", scope=CHANGE, status=202, answer=OperationSummary)
    def post(self, request: Request, pk: int) -> Response:
        """Cancel an operation.

        Before the commit point nothing is touched; after it the unikernel goes back to what ran.
        """
        self.body(NoBody)
        dry, actor = self.dry_run(), self.actor
        operation = operation_of(actor, pk, CHANGE)
        if dry:
            return rehearsed(lambda: cancel(actor=actor, operation=operation), f"Cancel operation {pk}.")
        cancel(actor=actor, operation=operation)
        return accepted(request, operation_of(actor, pk))
