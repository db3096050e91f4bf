"""What every answer says to the browser, and what a public installation has set."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.test import Client, override_settings
from django.urls import path

from tests.security.asking import FOUND, address_of, body
from tests.security.planted import Planted
from tests.security.stated import BY_SECRET, PAGES
from tests.security.test_admin import ROUTES as ADMIN
from tests.security.test_admin import address_of as admin_address

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Whatever a browser would run or fetch from elsewhere, or take from the page itself.
INLINE = re.compile(
    r"""<script(?![^>]*\ssrc=)(?![^>]*type="application/json")|<style|\sstyle=["']|\son[a-z]+=["']"""
    r"""|javascript:|(?:src|action|href=["']?[^"'>\s]*\.css)=?["']https?://|\shx-on|\shx-vals=["']js:""",
    re.IGNORECASE,
)
GETS = [route for route, (_, methods) in PAGES.items() if "GET" in methods]


def hold(answer: Any, page: str) -> None:
    """Everything that is promised of *answer*."""
    for name, value in HEADERS.items():
        assert answer.headers.get(name) == value, f"{page}: {name}"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy  # no origin but this one
    if answer.headers["Content-Type"].startswith("text/html"):
        found = INLINE.search(body(answer))
        assert found is None, f"{page} has {found[0]}"


@pytest.mark.parametrize("route", GETS)
def test_every_page_is_strict(route: str, planted: Planted) -> None:
    for credential in ("nobody", "owner", "root"):
        hold(planted.ask(credential, "GET", address_of(route, planted)), route)


@pytest.mark.parametrize("route", [route for route in ADMIN if "logout" not in route])
def test_the_admin_is_strict_too(route: str, planted: Planted) -> None:
    hold(planted.ask("root", "GET", admin_address(route)), route)


def test_what_fails_is_strict_too(planted: Planted) -> None:
    for address in ("/nowhere/", "/api/v1/nowhere/", "/?x=%00", "/static/nowhere.css"):
        hold(planted.ask("root", "GET", address), address)
    browser = Client(enforce_csrf_checks=True)
    hold(browser.post("/accounts/login/"), "without a CSRF token")
    hold(Client(headers={"Host": "elsewhere.example"}).get("/"), "another host")


def broken(_: Any) -> Any:
    raise RuntimeError("--password=swordfish")


urlpatterns = [path("broken/", broken), path("api/broken/", broken)]
handler500 = "mollymawk.rest.failures.server_error"


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/broken/", "/api/broken/"])
def test_what_breaks_is_strict_and_tells_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unikernels.pages.site.frame", lambda request: {"site": None})
    answer = Client(raise_request_exception=False).get(address)
    assert answer.status_code == 500
    hold(answer, address)
    assert "swordfish" not in body(answer)
    assert "Traceback" not in body(answer)


def public(tmp_path: Path) -> dict[str, str]:
    """The environment of a public installation."""
    return {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "SITE_URL": "https://mollymawk.example.org",
        "SECRET_KEY": Fernet.generate_key().decode() + "0123456789",
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "EMAIL_HOST": "mail.example.org",
        "TRUSTED_PROXIES": "127.0.0.1",
        "DJANGO_SETTINGS_MODULE": "mollymawk.settings",
    }


def test_a_public_installation_passes_the_checks_of_django(tmp_path: Path) -> None:
    (tmp_path / "staticfiles").mkdir()
    script = (
        "import django, json; django.setup()\n"
        "from django.conf import settings as s\n"
        "from django.core.checks import run_checks\n"
        "found = [m.id for m in run_checks(include_deployment_checks=True) if not m.is_silenced()]\n"
        "print(json.dumps([found, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY,"
        " s.CSRF_COOKIE_HTTPONLY, s.SECURE_HSTS_SECONDS, s.DEBUG, s.SESSION_COOKIE_SAMESITE]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=public(tmp_path),
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    found, *settings = json.loads(done.stdout)
    assert found == ["mollymawk.E006"]  # there is no broker here, and that is said
    assert settings == [True, True, True, True, 31_536_000, False, "Lax"]


@pytest.mark.parametrize("route", sorted(BY_SECRET))
def test_pages_behind_a_link_are_strict(route: str, planted: Planted) -> None:
    values = dict.fromkeys(FOUND[route].parameters, "1")
    hold(planted.ask("nobody", "GET", FOUND[route].address(values)), route)
