"""The errors that people and programs see, and their one shape: RFC 9457 problem details.

::

    ApplicationError (500)
      Invalid (400)        what was sent cannot be understood; ``fields`` says where
      Forbidden (403)      known, but not allowed; says what is missing
        Unproven           … before a session proved (again) who it is
          FactorMissing    … without a second factor
      Missing (404)        not there, or not yours
      Conflict (409)       something else is under way or has changed
      Refused (422)        understood and allowed, but it would not work; ``reasons`` lists all why
      Unavailable (502)    an instance did not do its part

Services raise these; pages show ``str(error)``, the API turns them into problems, commands into
exit codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any


class ApplicationError(Exception):
    """An error with a sentence for the reader. ``exit_code`` is what a command ends with."""

    status = 500
    code = "error"
    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        reasons: Sequence[str] = (),
        fields: Mapping[str, Sequence[str]] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.reasons = list(reasons)
        self.fields = {name: list(texts) for name, texts in (fields or {}).items()}
        self.extra = dict(extra or {})


class Invalid(ApplicationError):
    """What was sent cannot be understood."""

    status, code, exit_code = 400, "invalid", 2


class Forbidden(ApplicationError):
    """The role does not suffice."""

    status, code, exit_code = 403, "forbidden", 4


class Unproven(Forbidden):
    """Allowed, once a session proves again who it is: password or second factor."""

    code = "reauthenticate"


class FactorMissing(Unproven):
    """Allowed, once the person has a second factor."""

    code = "second-factor-missing"


class Missing(ApplicationError):
    """Not there, or not yours."""

    status, code, exit_code = 404, "not-found", 3


class Conflict(ApplicationError):
    """Something else is under way, or the thing has changed."""

    status, code, exit_code = 409, "conflict", 5


class Refused(ApplicationError):
    """Understood and allowed, but it would not work."""

    status, code, exit_code = 422, "refused", 4


class Unavailable(ApplicationError):
    """An instance did not do its part."""

    status, code, exit_code = 502, "unavailable", 1


def problem(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """An RFC 9457 object; ``more`` are its extension members (empty ones are left out)."""
    title = HTTPStatus(status).phrase
    body = {"type": f"about:blank#{code}", "title": title, "status": status, "detail": detail}
    return body | {name: value for name, value in more.items() if value}
