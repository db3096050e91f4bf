"""The admin of every model that is registered, also of those that come: at the same cost for many rows,
without secrets, and nothing is changed past the services.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.actors import Actor
from accounts.models import ApiToken, Event, Role, Team, User
from accounts.services import token_issue
from tests.audit.rows import CANARY, make, secret_columns
from tests.cast import ClientOf

MODELS = list(admin.site._registry)
CHANGED_HERE = {"User", "Builder"}  # through services; everything else is only read


def address(model: type[Model], what: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


@pytest.fixture
def inside(root: User, client_of: ClientOf) -> Client:
    return client_of(root)


def of(model: type[Model]) -> str:
    return model.__name__


@pytest.mark.parametrize("model", MODELS, ids=of)
def test_many_cost_no_more_questions_and_no_secret_is_shown(model: type[Model], inside: Client) -> None:
    given: dict[type[Model], Model] = {}
    rows = [make(model, given) for _ in range(2)]
    path = address(model, "changelist")
    inside.get(path)
    with CaptureQueriesContext(connection) as few:
        shown = inside.get(path)
    for _ in range(8):
        make(model, given)
    with CaptureQueriesContext(connection) as many:
        assert inside.get(path).status_code == 200
    assert len(many) <= len(few) + 1, _more(few, many)  # a second page of filters may ask once
    one = inside.get(address(model, "change", rows[0].pk))
    assert (shown.status_code, one.status_code) == (200, 200)
    assert CANARY not in shown.text + one.text, f"one of {secret_columns(model)}"


def _more(few: CaptureQueriesContext, many: CaptureQueriesContext) -> str:
    told = [query["sql"] for query in many.captured_queries]
    return f"{len(few)} questions became {len(many)}:\n" + "\n".join(told[-6:])


@pytest.mark.parametrize("model", MODELS, ids=of)
def test_rows_can_be_found_and_told_apart(model: type[Model]) -> None:
    site = admin.site._registry[model]
    assert site.list_display != ("__str__",)
    assert site.list_filter or site.search_fields
    assert not set(site.search_fields) & set(secret_columns(model))


@pytest.mark.parametrize("model", MODELS, ids=of)
def test_nothing_is_changed_past_the_services(model: type[Model], root: User) -> None:
    request = RequestFactory().get("/")
    request.user = root
    site = admin.site._registry[model]
    may = {name for name in ("change", "delete") if getattr(site, f"has_{name}_permission")(request)}
    assert may == ({"change"} if model.__name__ in CHANGED_HERE else set())


# --- what is hard to take back ---------------------------------------------------------------------


def test_a_dangerous_action_is_asked_about_first(inside: Client, alice: User, robur: Team) -> None:
    token, _ = token_issue(actor=Actor(alice, "session"), team=robur, name="ci", role=Role.VIEWER)
    chosen = {"action": "revoke", "_selected_action": [token.pk]}
    page = inside.post(address(ApiToken, "changelist"), chosen)
    assert "Revoke these tokens?" in page.text
    assert f'name="_selected_action" value="{token.pk}"' in page.text
    usable = ApiToken.objects.filter(revoked_at=None)
    assert usable.exists()
    inside.post(address(ApiToken, "changelist"), chosen | {"confirmed": "yes"})
    assert not usable.exists()
    assert Event.objects.get(kind="token.revoked").credential == "session"


def test_a_name_that_is_changed_is_recorded(inside: Client, alice: User) -> None:
    inside.post(address(User, "change", alice.pk), {"name": "Alice B."})
    event = Event.objects.get(kind="user.named")
    assert (event.who, event.was, event.now) == ("root@example.org", "Alice", "Alice B.")
