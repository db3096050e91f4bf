"""The OpenAPI description: valid, without warnings, and about every endpoint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from mollymawk.rest.schema import description
from tests.api.test_matrix import MATRIX

DESCRIBED = sorted(key for key in MATRIX if key[0] != "schema")


def operations() -> dict[tuple[str, str], Any]:
    """Everything described, by path and method."""
    return {
        (path, method): operation
        for path, methods in description()["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_valid_and_made_without_warnings(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))


def test_it_is_told_to_everybody_as_json(client: Client) -> None:
    answer = client.get("/api/v1/schema/")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")
    assert answer.json()["info"]["title"] == "Mollymawk"


def test_every_endpoint_is_described() -> None:
    assert len(operations()) == len(DESCRIBED)


@pytest.mark.parametrize("key", sorted(operations()), ids=lambda key: f"{key[1]} {key[0]}")
def test_every_operation_has_words_a_name_and_its_problems(key: tuple[str, str]) -> None:
    operation = operations()[key]
    assert operation["summary"]
    assert operation["operationId"].isalnum()
    assert {"400", "401", "403", "404", "405"} <= operation["responses"].keys()
    if key[1] != "get":
        assert {"409", "415", "422", "502"} <= operation["responses"].keys()
        assert "dry_run" in {parameter["name"] for parameter in operation["parameters"]}
    for status, response in operation["responses"].items():
        assert response["description"], (key, status)
    if "202" in operation["responses"]:
        header = "Retry-After" if key[1] == "get" else "Location"
        assert header in operation["responses"]["202"]["headers"]


def test_names_of_operations_are_unique() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(names) == len(set(names))


def test_programs_may_use_tokens_with_a_scope_and_pages_sessions() -> None:
    schemes = description()["components"]["securitySchemes"]
    assert schemes["token"]["scheme"] == "bearer"
    by_operation = {
        operation["operationId"]: operation.get("security", []) for operation in operations().values()
    }
    assert by_operation["uploadImage"] == [{"token": ["deploy"]}, {"token": ["upgrade"]}, {"cookieAuth": []}]
    assert by_operation["issueToken"] == [{"cookieAuth": []}]
    assert by_operation.pop("exchangeIdentity") == [{}]  # the identity is the credential
    assert all({"cookieAuth": []} in security for security in by_operation.values())


def test_no_answer_has_room_for_a_secret() -> None:
    schemas = description()["components"]["schemas"]
    answers = {name: schema for name, schema in schemas.items() if not name.endswith("In")}
    told = {field for schema in answers.values() for field in schema.get("properties", {})}
    assert not told & {"key", "sealed_key", "secret", "secret_hash", "password", "sealed_arguments"}


def test_the_addresses_of_the_description_are_those_of_the_endpoints() -> None:
    assert reverse("api:operation", args=[1]).startswith("/api/v1/")
    assert all(path.startswith("/api/v1/") and path.endswith("/") for path, _ in operations())


def test_the_document_tells_addresses_that_exist_and_forgets_none() -> None:
    text = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    told = {address for row in rows for address in re.findall(r"`([^`]+)`", row)}
    known = {path.removeprefix("/api/v1/") for path, _ in operations()}
    assert {_shape(address) for address in told} <= {_shape(path) for path in known}
    roots = {address.partition("/")[0] for address in told}
    assert {path.partition("/")[0] for path in known} == roots
    below = {_shape(path) for path in known if path.startswith(("unikernels/", "freezes/", "builders/"))}
    assert below <= {_shape(address) for address in told}


def _shape(address: str) -> str:
    """*address*, whatever its variables are called."""
    return re.sub(r"\{\w+\}", "{}", address)
