"""What every endpoint does the same way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from rest_framework import permissions
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mollymawk.errors import Missing
from mollymawk.rest.conditions import Stale
from mollymawk.rest.parsers import JSONParser
from mollymawk.rest.rates import PerCredential
from mollymawk.rest.shapes import JSON, ChangeQuery, Strict


class Endpoint(APIView):
    """One address. Handlers read with ``query`` and ``body``."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]  # the description says it all
    parser_classes: list[type[BaseParser]] = [JSONParser]
    throttle_classes = [PerCredential]

    @property
    def default_response_headers(self) -> dict[str, str]:
        """With every answer: nobody keeps it, since it holds what others must not see."""
        return {**super().default_response_headers, "Cache-Control": "no-store"}

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.opened = ExitStack()  # closed when the request is answered
        self.facts: list[Any] = []
        self._held: list[Any] | None = None
        self._rehearsing = False

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        self.opened.close()
        return super().finalize_response(*args, **kwargs)

    def query(self, shape: type[Strict]) -> dict[str, Any]:
        """The query, checked."""
        found = _checked(shape, self.request.query_params.dict(), {})
        return found | {"dry_run": True} if self._rehearsing else found

    def body(self, shape: type[Strict]) -> dict[str, Any]:
        """The body, checked."""
        return _checked(shape, self.request.data, {JSON: True})

    def dry_run(self) -> bool:
        """Whether only the plan is wanted."""
        return bool(self.query(ChangeQuery)["dry_run"])

    def stands_on(self, *facts: Any) -> None:
        """Say on what a plan stands beside what it tells: its digest changes with it.

        Raises ``Stale`` when a plan is applied and they are no longer those of the plan.
        """
        self.facts += [str(fact) for fact in facts]
        if self._held is not None and self._held[: len(self.facts)] != self.facts:
            raise Stale("What the plan was made for has changed. Look at it again.")

    def hold_facts(self) -> None:
        """From now on the facts must be those that were told up to now."""
        self._held, self.facts = self.facts, []

    def rehearse(self, change: Callable[[], Response]) -> Response:
        """What *change* answers to a dry run."""
        self.facts, self._rehearsing = [], True
        try:
            return change()
        finally:
            self._rehearsing = False

    def present(self) -> Response:
        """What this address shows now, to whoever asks."""
        handler = getattr(self, "get", None)
        if handler is None:
            return Response({})
        found: Response = handler(self.request, *self.args, **self.kwargs)
        return found


def _checked(shape: type[Strict], data: Any, context: dict[str, Any]) -> dict[str, Any]:
    serializer = shape(data=data, context=context)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class Unknown(APIView):
    """Whatever stands at no known address below ``/api/v1/``."""

    schema = None  # no endpoint
    authentication_classes = []
    permission_classes = [permissions.AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        hint = "" if request.path.endswith("/") else " Addresses end with a slash."
        raise Missing(f"There is nothing at {request.path}.{hint}")
