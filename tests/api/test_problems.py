"""Whatever goes wrong is told as a problem (RFC 9457), with a sentence for the reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from mollymawk.rest.parsers import MAX_JSON_BYTES
from tests.api.caller import Caller, anonymous
from tests.api.house import House
from tests.api.test_matrix import MATRIX, METHODS
from tests.cast import ApiOf, ClientOf

JSON = "application/json"


def is_problem(answer: Any, status: int, code: str) -> str:
    """Checks the shape; the sentence."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"] == f"about:blank#{code}"
    assert body["title"]
    return str(body["detail"])


@pytest.mark.parametrize("path", ["", "nothing/", "unikernels/x/", "unikernels/-1/", "images/a/b/"])
def test_an_unknown_address_is_a_problem(client: Client, path: str) -> None:
    is_problem(client.get(f"/api/v1/{path}"), 404, "not-found")


@pytest.mark.parametrize("number", [0, 999, 2**31, 2**63, 10**40])
@pytest.mark.parametrize("kind", ["unikernels", "operations", "blocks"])
def test_a_number_that_nothing_has_is_a_problem(kind: str, number: int, deployer: Caller) -> None:
    is_problem(deployer.get(f"{kind}/{number}/"), 404, "not-found")


def test_an_address_without_its_slash_is_told_so(db: None, client: Client) -> None:
    assert "slash" in is_problem(client.get("/api/v1/unikernels"), 404, "not-found")
    assert "slash" in is_problem(client.post("/api/v1/unikernels", {}, JSON), 404, "not-found")


@pytest.mark.parametrize("name", sorted({name for name, _ in MATRIX}))
def test_a_wrong_method_is_a_problem_that_names_the_right_ones(
    name: str, house: House, alice: User, client_of: ClientOf
) -> None:
    right = {method: entry for (endpoint, method), entry in MATRIX.items() if endpoint == name}
    path = next(iter(right.values()))[1](house)
    client = client_of(alice)
    for method in (*METHODS, "options"):
        if method not in right:
            answer = getattr(client, method)(f"/api/v1/{path}")
            is_problem(answer, 405, "method-not-allowed")
            allowed = {word.strip().lower() for word in answer.headers["Allow"].split(",")}
            assert allowed - {"head"} == set(right)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"name": NaN}', "NaN"),
        (b"[" * 100_000, "nested"),
        (b"[]", "object"),
        (b'{"memory": 1' + b"0" * 5000 + b"}", "not JSON"),
    ],
    ids=["cut", "no text", "NaN", "deep", "a list", "a long number"],
)
def test_a_body_that_is_no_json_is_a_problem(sent: bytes, says: str, deployer: Caller) -> None:
    answer = deployer.client.post("/api/v1/unikernels/", sent, content_type=JSON)
    assert says in is_problem(answer, 400, "parse-error")


def test_a_huge_body_is_a_problem(deployer: Caller) -> None:
    sent = b'{"name": "' + b"x" * MAX_JSON_BYTES + b'"}'
    answer = deployer.client.post("/api/v1/unikernels/", sent, content_type=JSON)
    assert str(MAX_JSON_BYTES) in is_problem(answer, 413, "too-large")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/xml", "nonsense", "x" * 300])
def test_a_body_of_another_type_is_a_problem(kind: str, deployer: Caller) -> None:
    answer = deployer.client.post("/api/v1/unikernels/", b"name=hello", content_type=kind)
    is_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("text", ["\0", "a\ud800b"])
def test_text_that_no_database_holds_is_a_problem(text: str, house: House, deployer: Caller) -> None:
    wanted = {"instance": "fra-1", "name": "new", "image": house.image.image.digest}
    for wrong in (
        {"name": text},
        {"instance": text},
        {"team": text},
        {"configuration": {"networks": {text: None}}},
        {"configuration": {"arguments": [text]}},
    ):
        sent = json.dumps(wanted | wrong)
        answer = deployer.client.post("/api/v1/unikernels/", sent, content_type=JSON)
        is_problem(answer, 400, "invalid")


@pytest.mark.usefixtures("house")
def test_a_body_has_the_types_of_json(root: User, client_of: ClientOf) -> None:
    limits = {"unikernels": "4", "memory": -1, "block": False, "bridges": ["service", 7]}
    answer = Caller(client_of(root)).put("quotas/robur/fra-1/", limits, dry_run=True)
    is_problem(answer, 400, "invalid")
    told = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert told.keys() == {"unikernels", "memory", "block", "bridges/1"}
    assert told["bridges/1"] == "This is a text."


def test_a_whole_number_may_have_a_point(house: House, root: User, client_of: ClientOf) -> None:
    limits = {"unikernels": 1.0, "memory": 64.0, "cpuids": [0.0]}
    answer = Caller(client_of(root)).put(f"quotas/robur/{house.root.instance}/", limits, dry_run=True)
    assert answer.status_code == 200, answer.json()
    assert answer.json()["changes"]["unikernels"] == {"was": "4", "now": "1"}


def test_a_dry_run_refuses_a_key_that_the_change_would_refuse(house: House, deployer: Caller) -> None:
    keyed = deployer.saying(Idempotency_Key="k" * 256)
    is_problem(keyed.post(f"unikernels/{house.unikernel.pk}/restart/", dry_run=True), 400, "invalid")


def test_every_wrong_field_is_named(deployer: Caller) -> None:
    body = {"instance": "fra-1", "image": "no digest", "memroy": 3, "configuration": {"memory": "much"}}
    answer = deployer.post("unikernels/", body)
    is_problem(answer, 400, "invalid")
    assert {error["pointer"] for error in answer.json()["errors"]} == {"memroy"}
    del body["memroy"]
    answer = deployer.post("unikernels/", body)
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "name",
        "image",
        "configuration/memory",
    }


@pytest.mark.parametrize("query", ["limt=3", "limit=0", "limit=201", "limit=x", "state=asleep", "q=%00"])
def test_a_wrong_query_is_a_problem(query: str, deployer: Caller) -> None:
    is_problem(deployer.get(f"unikernels/?{query}"), 400, "invalid")


def test_nobody_is_asked_for_a_token(db: None) -> None:
    answer = anonymous().get("unikernels/")
    is_problem(answer, 401, "not-authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("text", ["", "x", "mm_abc", "mm_" + "0" * 49, "\x00", "ä"])
def test_a_broken_token_is_a_problem_and_not_echoed(db: None, text: str, api_of: ApiOf) -> None:
    answer = api_of(text).get("/api/v1/unikernels/")
    detail = is_problem(answer, 401, "authentication-failed")
    assert len(text) < 2 or text not in detail


def test_a_session_changes_nothing_without_the_csrf_token(house: House, alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    path = f"/api/v1/unikernels/{house.unikernel.pk}/restart/"
    assert "CSRF" in is_problem(client.post(path), 403, "permission-denied")
    assert not house.unikernel.operations.exists()


def test_a_token_needs_no_csrf_token(house: House, deployer: Caller) -> None:
    deployer.client.handler.enforce_csrf_checks = True
    assert deployer.post(f"unikernels/{house.unikernel.pk}/restart/").status_code == 202


def test_an_unexpected_error_is_a_problem_too(
    deployer: Caller, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("unikernels.api.unikernels.unikernels_of", broken)
    deployer.client.raise_request_exception = False
    answer = deployer.client.get("/api/v1/unikernels/")
    assert "secret" not in is_problem(answer, 500, "error")
    assert json.loads(answer.content)


def test_a_request_for_another_host_is_a_problem(client: Client) -> None:
    is_problem(client.get("/api/v1/unikernels/", headers={"host": "evil.example"}), 400, "invalid")
    assert reverse("api:unikernels") == "/api/v1/unikernels/"


@pytest.mark.parametrize("accept", ["text/html", "image/png", "*/*", "nonsense"])
def test_answers_are_json_whatever_is_accepted(deployer: Caller, accept: str) -> None:
    answer = deployer.client.get("/api/v1/unikernels/", headers={"accept": accept})
    assert answer.headers["Content-Type"] == JSON
