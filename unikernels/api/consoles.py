"""What unikernels print."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mollymawk.rest.schema import reads
from mollymawk.rest.shapes import Strict
from unikernels.access import unikernel_of
from unikernels.api.base import Endpoint
from unikernels.consoles.services import MAX_LINES, Line, history


class LineOut(serializers.Serializer[Any]):
    """One line, as printed: control characters are shown, not obeyed."""

    id = serializers.CharField(help_text="its place in the stream: `Last-Event-ID`")
    at = serializers.DateTimeField(help_text="the instance's clock")
    text = serializers.CharField()
    notice = serializers.BooleanField(help_text="a word of ours about the console, by our clock")


def show(line: Line) -> dict[str, Any]:
    """A line, as the API tells it."""
    return {"id": line.id, "at": line.at, "text": line.text, "notice": line.notice}


class Console(Endpoint):
    """The console of a unikernel."""

    class Query(Strict):
        """How much."""

        count = serializers.IntegerField(
            default=100, min_value=1, max_value=MAX_LINES, help_text="newest lines"
        )

    class Out(serializers.Serializer[Any]):
        """The newest lines, oldest first, and where to follow them."""

        lines = LineOut(many=True)
        stream = serializers.URLField(help_text="server-sent events, one line each")

    @reads("readConsole", query=Query, answer=Out)
    def get(self, request: Request, pk: int) -> Response:
        """Read a console."""
        count = self.query(self.Query)["count"]
        unikernel = unikernel_of(self.actor, pk)
        lines = [show(line) for line in history(unikernel, count)]
        stream = request.build_absolute_uri(f"/unikernels/{pk}/console/stream")
        return Response({"lines": lines, "stream": stream})
