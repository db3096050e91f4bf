"""The admin is for superusers with a session, whatever else somebody holds."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps

from tests.security.asking import FOUND, nothing_written, verdict
from tests.security.planted import Planted
from tests.security.stated import IN, LOGIN, NOBODY, PEOPLE, REFUSED

ROUTES = sorted(route for route in FOUND if route.startswith("admin/"))
OPEN = {"admin/login/", "admin/logout/"}  # the way in and out; nothing of the house is told there
ADDRESSES = {"admin/<app_label>/": {"app_label": "accounts"}, "admin/<url>": {"url": "nothing/there/"}}


def address_of(route: str) -> str:
    """Where *route* leads; to a row that is there, when it leads to one."""
    return FOUND[route].address(ADDRESSES.get(route) or _row(route))


def _row(route: str) -> dict[str, Any]:
    if not FOUND[route].parameters:
        return {}
    _, app, model, *_ = route.split("/")
    found = None if app == "r" else apps.get_model(app, model)._default_manager.first()
    pk = found.pk if found else 1
    return {"object_id": pk, "id": pk, "content_type_id": 1}


@pytest.mark.parametrize("route", [route for route in ROUTES if route not in OPEN])
def test_only_superusers_come_in(route: str, planted: Planted) -> None:
    address = address_of(route)
    for credential in (*NOBODY, *PEOPLE):
        if credential == "root":
            continue
        for method in ("GET", "POST"):
            with nothing_written():
                assert verdict(planted.ask(credential, method, address)) in {LOGIN, REFUSED}, (
                    f"{method} {address} as {credential}"
                )


@pytest.mark.parametrize("route", [route for route in ROUTES if not FOUND[route].parameters])
def test_looking_changes_nothing(route: str, planted: Planted) -> None:
    if route in OPEN:
        return
    with nothing_written():
        met = verdict(planted.ask("root", "GET", f"/{route}"))
    assert met in {IN, REFUSED}, f"{route}: {met}"
