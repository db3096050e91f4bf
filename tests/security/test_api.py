"""The API for credentials that are worth less than they look; the full table is in ``tests.api.test_matrix``.

There every role calls with a body that works. Here nobody's body is: whoever is to be refused is refused
whatever it says, and nothing is written.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from tests.api.test_matrix import MATRIX, OPEN, UNTRUSTED
from tests.cast import enter
from tests.security.asking import FOUND, address_of, body, nothing_written
from tests.security.planted import Planted

CALLS = [
    (route, method)
    for route, found in FOUND.items()
    for method in ("get", "post", "put", "patch", "delete")
    if route.startswith("api/v1/") and found.name and hasattr(found.callback.cls, method)
]
EXCHANGE = "api/v1/oidc/exchange/"  # for whoever has an identity; a session or token is not looked at
DEAD = ("nobody", "inactive", "wrong token", "expired token", "revoked token", "inactive token", "left token")
AS_IN_THE_TABLE = {
    "outsider": "stranger",
    "viewer": "viewer",
    "deployer": "deployer",
    "owner": "owner",
    "viewer token": "viewer token",
    "deployer token": "deployer token",
    "neighbour token": "foreign token",
    "root token": "root token",
}


# A list of what is one's own, unless a team is named.
OF_A_TEAM = {"api/v1/events/": "?team=planted", "api/v1/events/export/": "?team=planted"}


@pytest.mark.parametrize(("route", "method"), CALLS)
def test_whoever_is_to_be_refused_is(route: str, method: str, planted: Planted) -> None:
    row, address = MATRIX[FOUND[route].name, method][0], address_of(route, planted)
    address += OF_A_TEAM.get(route, "")
    if row in (OPEN, UNTRUSTED):
        return
    for credential in DEAD:
        with nothing_written():
            assert planted.ask(credential, method.upper(), address).status_code == 401, credential
    shared = "/instances/" in address
    for credential, role in AS_IN_THE_TABLE.items():
        if row[role] < 400 or row[role] == 502 or (shared and "neighbour" in credential):
            continue
        with nothing_written():
            answer = planted.ask(credential, method.upper(), address, content_type="application/json")
        assert 400 <= answer.status_code < 500, f"{method} {address} as {credential}: {answer.status_code}"
        assert json.loads(body(answer))["status"] == answer.status_code


@pytest.mark.parametrize(
    ("route", "method"), [call for call in CALLS if call[1] != "get" and call[0] != EXCHANGE]
)
def test_a_session_changes_nothing_without_its_token(route: str, method: str, planted: Planted) -> None:
    browser = Client(enforce_csrf_checks=True)
    enter(browser, planted.root)
    with nothing_written():
        answer = browser.generic(method.upper(), address_of(route, planted), content_type="application/json")
    assert answer.status_code == 403
    assert "CSRF" in answer.json()["detail"]


# What names a team in the body or the query, not in the address.
IN_THE_BODY: dict[str, dict[str, Any]] = {
    "unikernels/": {"instance": "fra-1", "name": "x", "image": "0" * 64, "configuration": {"memory": 16}},
    "blocks/": {"instance": "fra-1", "name": "x", "size": 1},
}


@pytest.mark.parametrize("credential", ["outsider", "neighbour", "neighbour token"])
@pytest.mark.parametrize("route", [*IN_THE_BODY, "images/?team=", "block-files/?team=", "operations/?team="])
def test_a_team_in_the_body_is_not_there_for_strangers(route: str, credential: str, planted: Planted) -> None:
    answers = []
    for team in (planted.team.name, "absent"):
        address = f"/api/v1/{route}{team if route.endswith('=') else ''}"
        sent = json.dumps(IN_THE_BODY.get(route, {}) | {"team": team})
        method = "POST" if route in IN_THE_BODY else "GET"
        answer = planted.ask(credential, method, address, data=sent, content_type="application/json")
        answers.append((answer.status_code, body(answer).replace(team, "…")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404 or '"items":[]' in answers[0][1]
