"""Whatever is sent, every endpoint answers as its description says, and never with a failure of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from mollymawk.rest.schema import description
from tests.api.caller import check
from tests.api.house import House
from tests.api.test_matrix import MATRIX
from tests.cast import ClientOf

OPERATIONS = sorted(key for key in MATRIX if key[0] not in {"schema", "console"})

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "limit",
    "cursor",
    "team",
    "instance",
    "q",
    "state",
    "dry_run",
    "finished",
    "build",
    "server",
    "fresh",
    "x",
]
queries = st.dictionaries(
    st.sampled_from(NAMES),
    st.text(max_size=40) | st.sampled_from(["true", "robur", "fra-1", "1", "running", "builds"]),
    max_size=3,
)
kinds = st.sampled_from(["application/json", "application/json; charset=utf-16", "text/plain", ""])


@pytest.fixture
def browser(root: User, client_of: ClientOf) -> Client:
    """A superuser's, who gets furthest."""
    return client_of(root)


def bodies(valid: Any) -> st.SearchStrategy[bytes]:
    """A valid body in which one thing is another, anything at all as JSON, and any bytes."""
    wrong = anything
    if isinstance(valid, dict):
        wrong |= st.builds(
            lambda name, value: valid | {name: value}, st.sampled_from(sorted(valid)), anything
        )
    return wrong.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)


@pytest.mark.parametrize(("name", "method"), OPERATIONS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_that_is_sent_breaks_an_endpoint(
    name: str, method: str, data: st.DataObject, house: House, browser: Client
) -> None:
    _, path, body = MATRIX[name, method]
    address, _, fixed = f"/api/v1/{path(house)}".partition("?")
    query = "&".join(part for part in (fixed, urlencode(data.draw(queries))) if part)
    sent: dict[str, Any] = {}
    if method != "get":
        valid = body(house)
        sent = {"data": data.draw(bodies(valid)), "content_type": data.draw(kinds)}
        if isinstance(valid, bytes):
            sent["content_type"] = data.draw(kinds | st.just("application/octet-stream"))
    answer = browser.generic(method.upper(), f"{address}?{query}", **sent)
    if answer.status_code != 411:
        check(method, address, answer)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(template=st.sampled_from(sorted(description()["paths"])), text=st.text(min_size=1, max_size=80))
def test_no_address_breaks_an_endpoint(template: str, text: str, house: House, browser: Client) -> None:
    parts = [quote(text) if part.startswith("{") else part for part in template.split("/")]
    answer = browser.get("/".join(parts))
    assert answer.status_code < 500
    assert answer.status_code == 200 or answer.headers["Content-Type"] == "application/problem+json"
