"""The log by API: owners read that of their teams, superusers everything."""

from __future__ import annotations

from typing import Any, cast

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.audit import export
from accounts.audit.search import Wanted, search, told
from accounts.endpoint import PersonEndpoint
from mollymawk.rest.orders import ID, Orders
from mollymawk.rest.pages import page
from mollymawk.rest.schema import gives_file, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict


class HappeningOut(serializers.Serializer[Any]):
    """Something that happened. No secret stands in it."""

    id = serializers.IntegerField(help_text="rises with time; numbers may be left out")
    at = serializers.DateTimeField()
    kind = serializers.CharField(help_text="`team.created`; more of them come with time")
    subject = serializers.CharField(help_text="what it happened to: `unikernel:7`")
    who = serializers.CharField(allow_null=True, help_text="address of the person, as it was then")
    credential = serializers.CharField(help_text="`session`, `token mm_…`, `command`, `system`, …")
    address = serializers.CharField(allow_null=True, help_text="from where")
    team = serializers.CharField(allow_null=True, help_text="as it was called then")
    instance = serializers.CharField(allow_null=True)
    operation = serializers.IntegerField(allow_null=True)
    was = serializers.CharField(help_text="before; empty: says nothing")
    now = serializers.CharField(help_text="after; empty: says nothing")
    reason = serializers.CharField(help_text="a text for people")
    data = serializers.JSONField(help_text="more, by kind")  # type: ignore[assignment]  # a field of that name


class Filters(Strict):
    """Which events."""

    team = serializers.CharField(required=False)
    who = serializers.CharField(required=False, help_text="address of a person")
    kind = serializers.CharField(required=False, help_text="`team.created`, or its first word: `team`")
    subject = serializers.CharField(required=False, help_text="`unikernel:7`")
    credential = serializers.CharField(required=False, help_text="`session`, `token mm_…`, `command`, …")
    since = serializers.DateTimeField(required=False, help_text="happened then or later")
    until = serializers.DateTimeField(required=False, help_text="happened before")


def wanted(query: dict[str, Any]) -> Wanted:
    """The filters of a checked query."""
    return Wanted(**{name: query[name] for name in Wanted.__slots__ if name in query})


ORDERS = Orders("-id", {"id": ID})


class Events(PersonEndpoint):
    """The log, newest first."""

    class Query(Filters, PageQuery):
        """Which ones, in which order."""

        ordering = ORDERS.field()

    class Out(Page):
        """A page of events."""

        items = HappeningOut(many=True)

    @reads("listEvents", scope="admin", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List events.

        Those of the teams that the caller owns (a token: of its team, with the role of an owner);
        superusers with a session read all of them. They are kept for a set time.
        """
        query = self.query(self.Query)
        rows = search(actor=self.actor, wanted=wanted(query))
        return Response(page(rows, request=request, order=ORDERS.of(query), query=query, show=told))


class Export(PersonEndpoint):
    """The log as a file, oldest first."""

    class Query(Filters):
        """Which ones, in which form."""

        type = serializers.ChoiceField(
            list(export.FORMS), default="jsonl", help_text="jsonl: one JSON object a line, as in the list"
        )

    @gives_file("exportEvents", scope="admin", query=Query, kinds=tuple(export.FORMS.values()))
    def get(self, request: Request) -> Response:
        """Download events. In CSV a text that a spreadsheet would run begins with an apostrophe."""
        query = self.query(self.Query)
        rows = search(actor=self.actor, wanted=wanted(query))
        return cast("Response", export.answer(rows, query["type"]))  # only headers are added to it
