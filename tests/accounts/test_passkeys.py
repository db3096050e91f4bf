"""Passkeys in a real browser with an authenticator of its own: added, used alone, after a password, to say
that it is oneself, and removed. The server sees nothing but what a browser sends.
"""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Browser, Page, expect

from accounts.models import Event, User
from tests.cast import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def with_authenticator(browser: Browser, url: str) -> Page:
    """A window with a phone beside it that says yes, and holds what it is given."""
    page = browser.new_context(base_url=url).new_page()
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    told = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options = told | {"isUserVerified": True, "automaticPresenceSimulation": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def log_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.fill("#id_login", "alice@example.org")
    page.fill("#id_password", PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def log_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.locator("main").get_by_role("button", name="Log out").click()


def prove(page: Page) -> None:
    page.fill("#id_password", PASSWORD)
    page.get_by_role("button", name="Go on").click()


def add(page: Page, *, alone: bool) -> None:
    page.goto("/accounts/2fa/webauthn/add/")
    if "reauthenticate" in page.url:
        prove(page)
    page.fill("#id_name", "Phone")
    page.set_checked("#id_passwordless", alone)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def test_a_passkey_lets_in_alone_and_proves_who_one_is(
    alice: User, browser: Browser, live_server: Any
) -> None:
    page = with_authenticator(browser, live_server.url)
    log_in(page)
    add(page, alone=True)
    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url(f"{live_server.url}/")
    used = Event.objects.get(kind="user.logged_in", data__with="passkey")
    assert used.actor == alice
    key = Authenticator.objects.get(user=alice, type="webauthn")
    page.goto(f"/accounts/2fa/webauthn/keys/{key.pk}/remove/")
    page.get_by_role("link", name="a passkey or security key").click()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("None. A passkey lives")).to_be_visible()
    assert not Authenticator.objects.exists(), "the recovery codes are void as well"
    kinds = set(Event.objects.filter(actor=alice).values_list("kind", flat=True))
    assert {"user.second_factor_added", "user.second_factor_removed"} <= kinds
    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()  # the phone has it still
    expect(page.get_by_text("This did not prove it")).to_be_visible()
    told = Event.objects.get(kind="user.login_failed")
    assert (told.subject, told.data["with"]) == ("user:unknown", "passkey")


def test_a_security_key_is_asked_for_after_the_password(
    alice: User, browser: Browser, live_server: Any
) -> None:
    page = with_authenticator(browser, live_server.url)
    log_in(page)
    add(page, alone=False)
    log_out(page)
    log_in(page)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    page.goto("/teams/")
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    page.get_by_role("button", name="Use a passkey or security key").click()
    page.wait_for_url(f"{live_server.url}/")
    stranger = with_authenticator(browser, live_server.url)
    log_in(stranger)
    stranger.get_by_role("button", name="Use a passkey or security key").click()
    expect(stranger.get_by_text("Nothing was chosen")).to_be_visible()
