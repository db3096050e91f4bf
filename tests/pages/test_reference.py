"""The reference of the API: every endpoint, whole, found by its words, and correct where it can be held to it."""

from __future__ import annotations

import shlex

import pytest
from django.test import Client

from accounts.models import User
from mollymawk.rest.schema import description
from tests.cast import ClientOf
from unikernels.pages.reference import endpoints, grouped


@pytest.fixture
def browser(charlie: User, client_of: ClientOf) -> Client:
    """Of somebody who has nothing here."""
    return client_of(charlie)


def test_every_endpoint_has_its_page(browser: Client) -> None:
    index = browser.get("/docs/api/").content.decode()
    for name, one in endpoints().items():
        assert f'href="/docs/api/{name}/"' in index
        page = browser.get(f"/docs/api/{name}/")
        assert page.status_code == 200
        text = page.content.decode()
        assert one.path in text
        assert "Traceback" not in text
    assert sum(map(len, grouped().values())) == len(endpoints())


def test_words_find_an_endpoint_also_as_a_part_of_the_page(browser: Client) -> None:
    whole = browser.get("/docs/api/", {"q": "Roll BACK"}).content.decode()
    assert "/docs/api/rollback/" in whole
    assert "/docs/api/listAlerts/" not in whole
    part = browser.get("/docs/api/", {"q": "roll back"}, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="list"')
    assert "No endpoint has these words" in browser.get("/docs/api/", {"q": "<b>"}).content.decode()
    assert browser.get("/docs/api/nothing/").status_code == 404


def test_what_is_told_is_what_is_described() -> None:
    deploy = endpoints()["deploy"]
    parts = {part.name: part for part in deploy.body}
    assert parts["name"].needed
    assert deploy.scopes == ["deploy"]
    assert endpoints()["issueToken"].scopes == []
    assert not parts["team"].needed
    assert "from 1" in parts["configuration.memory"].kind or "integer" in parts["configuration.memory"].kind
    assert {part.name for part in deploy.parameters} >= {"dry_run", "If-Plan-Match", "Idempotency-Key"}
    assert "Location" not in {part.name for part in deploy.parameters}
    told = {answer.status for answer in deploy.answers}
    described = description()["paths"]["/api/v1/unikernels/"]["post"]["responses"]
    assert told == set(described)
    assert [answer.status for answer in deploy.answers if answer.parts][:2] == ["200", "202"]


def test_each_curl_is_one_command_to_its_address() -> None:
    for one in endpoints().values():
        words = shlex.split(one.same.curl)
        assert words[0] == "curl"
        assert "/api/v1/" in words[-1]
        assert one.method == "GET" or one.method in words
