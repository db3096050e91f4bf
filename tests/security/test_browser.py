"""Chromium finds nothing that breaks the policy of the pages that are not ours: the admin and allauth's."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from accounts.models import User
from tests.pages.browser import session_of, window
from tests.pages.test_axe import listen
from tests.security.test_admin import OPEN, ROUTES
from tests.security.walk import routes

PARAMETERS = {each.route: each.parameters for each in routes()}


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_no_page_of_others_breaks_the_policy(root: User, live_server: Any, browser: Browser) -> None:
    said: list[str] = []
    page = window(browser, live_server.url, session_of(root)).new_page()
    listen(page, said)
    lists = [route for route in ROUTES if not PARAMETERS[route] and route not in OPEN]
    for address in (*lists, f"admin/accounts/user/{root.pk}/change/", "accounts/2fa/", "docs/api/"):
        if not address.endswith(("autocomplete/", "jsi18n/")):
            page.goto(f"{live_server.url}/{address}")
    assert [line for line in said if "403" not in line and "404" not in line] == []
