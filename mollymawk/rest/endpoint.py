"""What every endpoint does the same way."""

from __future__ import annotations

from typing import Any

from rest_framework import permissions
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from mollymawk.errors import Missing
from mollymawk.rest.parsers import JSONParser
from mollymawk.rest.shapes import ChangeQuery, Strict


class Endpoint(APIView):
    """One address. Handlers read with ``query`` and ``body``."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]  # the description says it all
    parser_classes: list[type[BaseParser]] = [JSONParser]

    @property
    def default_response_headers(self) -> dict[str, str]:
        """With every answer: nobody keeps it, since it holds what others must not see."""
        return {**super().default_response_headers, "Cache-Control": "no-store"}

    def query(self, shape: type[Strict]) -> dict[str, Any]:
        """The query, checked."""
        return _checked(shape, self.request.query_params.dict())

    def body(self, shape: type[Strict]) -> dict[str, Any]:
        """The body, checked."""
        return _checked(shape, self.request.data)

    def dry_run(self) -> bool:
        """Whether only the plan is wanted."""
        return bool(self.query(ChangeQuery)["dry_run"])


def _checked(shape: type[Strict], data: Any) -> dict[str, Any]:
    serializer = shape(data=data)
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
