"""A second opinion: Schemathesis reads the description by itself, makes what stands at the edges of each
value and just beyond them, and judges the answers. What is within is not refused for a reason that the
description could have told, and what is beyond is refused.

Of its cases a part is sent here, and all of them by ``make fuzz``.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import transaction
from schemathesis import Case, GenerationMode, Response
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks

from accounts.models import User
from mollymawk.rest.schema import description
from tests.api.house import House
from tests.api.test_matrix import MATRIX

SHARE = 1.0 if "CASES" in os.environ else 0.2
SEED = os.environ.get("SEED", "0")
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
STREAMED = "/api/v1/operations/{id}/events/"  # is asked for on an event loop

CONFIG = schemathesis.Config.from_dict(
    {
        "generation": {"allow-x00": False},  # no text holds it here
        "checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}},
    }
)
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
]

# Why something is refused (400) that no schema can tell: it depends on what there is, or is a matter of meaning.
UNTOLD = re.compile(
    "unreadable"  # a cursor
    "|without a token|more than 8,640 points|no such time zone|database, such as"
    "|Nobody with this address|No builder is known|must have different|The image needs|lowest and the highest"
    "|printable characters|[Cc]ontrol characters|[Nn]ull characters|NUL character"  # what a text is made of
    "|A URL looks|URL begins|percent-encoded|as PEM|looks like|is not (host|the name|a name|the content)"
    "|valid email|Say why|IP address|A dot can be|no hyphen first|reserved|no ETag|without conditions|as the body|not both"
    "|There are several builders|There is no builder|end at another time|refused: it is malformed"
)


class Door(WSGIHandler):
    """The application, for somebody who has proved who he is."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self._user = user

    def get_response(self, request: Any) -> Any:
        request._dont_enforce_csrf_checks = True
        request._force_auth_user = self._user
        return super().get_response(request)


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("nowhere", "quiet", "watched")
def test_what_the_description_allows_is_taken_and_what_it_forbids_is_not(house: House, root: User) -> None:
    schema = schemathesis.openapi.from_dict(_without_credentials(), config=CONFIG)
    schema.app = Door(root)
    goods, found = _goods(house), []
    for case in _cases(schema):
        if (parts := goods.get((case.operation.method.lower(), case.path))) and not _is_about_path(case):
            case.path_parameters = dict(parts)
        with transaction.atomic():
            try:
                case.call_and_validate(checks=[*CHECKS, sound])
            except FailureGroup as failures:
                found.append(f"{failures}\n{failures.exceptions}")
            transaction.set_rollback(True)
    assert not found, "\n\n".join([f"{len(found)} cases:", *found[:20]])


def sound(ctx: Any, answer: Response, case: Case[Any]) -> None:
    """It is no failure of ours, and what is as described is refused for a reason that it cannot tell."""
    assert answer.status_code < 500 or answer.status_code == 502, answer.content
    if answer.status_code == 400 and case.meta and case.meta.generation.mode.is_positive:
        problem = json.loads(answer.content)
        reasons = [error["detail"] for error in problem.get("errors", ())] or [problem["detail"]]
        assert all(UNTOLD.search(reason) for reason in reasons), reasons


def _without_credentials() -> dict[str, Any]:
    """The description, without who has to ask: that is what test_matrix and test_scopes are for."""
    told = copy.deepcopy(description())
    for operations in told["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    return told


def _cases(schema: Any) -> Iterator[Case[Any]]:
    """Some of what Schemathesis makes of each operation, always the same for one seed."""
    for found in schema.get_all_operations():
        operation, random = found.ok(), Random(f"{SEED}:{found.ok().label}")
        if operation.path == STREAMED:
            continue
        config = schema.config.generation_for(operation=operation)
        made = schema.iter_coverage_cases(operation, generation_modes=MODES, generation_config=config)
        yield from (case for case in made if random.random() < SHARE)


def _goods(house: House) -> dict[tuple[str, str], dict[str, Any]]:
    """By method and address of the description: what to put into it, so that there is something."""
    rows = [(method, f"/api/v1/{row[1](house)}".partition("?")[0]) for (_, method), row in MATRIX.items()]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for template, operations in description()["paths"].items():
        shape = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))
        for method, path in rows:
            if method in operations and (match := shape.fullmatch(path)):
                parts = {
                    name: int(text) if text.isdigit() else text for name, text in match.groupdict().items()
                }
                found.setdefault((method, template), parts)
    return found


def _is_about_path(case: Case[Any]) -> bool:
    return bool(case.meta and case.meta.phase.data.parameter_location == ParameterLocation.PATH)
