"""What unikernels print."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from mollymawk.rest.schema import reads
from mollymawk.rest.shapes import Strict
from unikernels.access import instance_of, unikernel_of
from unikernels.api.base import Endpoint
from unikernels.consoles.left import left_on, lines_left
from unikernels.consoles.services import MAX_LINES, Line, history, matching


class LineOut(serializers.Serializer[Any]):
    """One line, as printed: control characters are shown, not obeyed."""

    id = serializers.CharField(help_text="its place in the stream: `Last-Event-ID`")
    at = serializers.DateTimeField(help_text="the instance's clock")
    text = serializers.CharField()
    notice = serializers.BooleanField(help_text="a word of ours about the console, by our clock")
    gap = serializers.BooleanField(help_text="the notice that lines may be missing here")


def show(line: Line) -> dict[str, Any]:
    """A line, as the API tells it."""
    return {"id": line.id, "at": line.at, "text": line.text, "notice": line.notice, "gap": line.gap}


class LeftOut(serializers.Serializer[Any]):
    """A console of something that no longer runs."""

    name = serializers.CharField(help_text="path and name on the instance")
    unikernel = serializers.IntegerField(allow_null=True, help_text="null: nothing here is called so")


class ConsolesLeft(Endpoint):
    """Consoles that an instance keeps of what no longer runs there."""

    class Out(serializers.Serializer[Any]):
        """All that the caller may see: those of the own teams."""

        items = LeftOut(many=True)

    @reads("listConsolesLeft", scope=Scope.CONSOLE, answer=Out)
    def get(self, request: Request, name: str) -> Response:
        """List the consoles of what no longer runs. The instance is asked now."""
        found = left_on(self.actor, instance_of(self.actor, name))
        return Response({"items": [{"name": str(left.name), "unikernel": left.unikernel} for left in found]})


class ConsoleLeft(Endpoint):
    """The console of something that no longer runs."""

    class Query(Strict):
        """Which lines."""

        q = serializers.CharField(required=False, max_length=200, help_text="only lines with these words")

    class Out(serializers.Serializer[Any]):
        """Its lines, oldest first, as long as the instance keeps them."""

        lines = LineOut(many=True)

    @reads("readConsoleLeft", scope=Scope.CONSOLE, query=Query, answer=Out)
    def get(self, request: Request, name: str, console: str) -> Response:
        """Read the console of something that no longer runs. The instance is asked now."""
        words = self.query(self.Query).get("q", "")
        lines = lines_left(self.actor, instance_of(self.actor, name), console)
        return Response({"lines": [show(line) for line in matching(lines, words)]})


class Console(Endpoint):
    """The console of a unikernel."""

    class Query(Strict):
        """How much."""

        count = serializers.IntegerField(
            default=100, min_value=1, max_value=MAX_LINES, help_text="newest lines"
        )
        q = serializers.CharField(
            required=False, max_length=200, help_text="only lines with these words, of all that are kept"
        )

    class Out(serializers.Serializer[Any]):
        """The newest lines, oldest first, and where to follow them."""

        lines = LineOut(many=True)
        stream = serializers.URLField(help_text="server-sent events, one line each")

    @reads("readConsole", scope=Scope.CONSOLE, query=Query, answer=Out)
    def get(self, request: Request, pk: int) -> Response:
        """Read a console."""
        query = self.query(self.Query)
        unikernel, count = unikernel_of(self.actor, pk), query["count"]
        words = query.get("q", "")
        found = matching(history(unikernel, MAX_LINES if words else count), words)
        lines = [show(line) for line in found[-count:]]
        stream = request.build_absolute_uri(f"/unikernels/{pk}/console/stream")
        return Response({"lines": lines, "stream": stream})
