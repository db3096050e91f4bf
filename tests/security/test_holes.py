"""The holes of the OCaml Mollymawk that no other test here is about; ``docs/security.md`` lists all of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache
from django.test import Client

from accounts.models import Letter, User
from albatross.models import Instance
from mollymawk.keyring import seal
from tests.cast import PASSWORD
from tests.security.asking import without
from tests.security.planted import Planted
from unikernels.models import Lookup

AWAY = [
    "//evil.example/",
    "https://evil.example/",
    "/\\evil.example",
    "javascript:alert(1)",
    "///evil.example",
]


@pytest.fixture(autouse=True)
def fresh_limits(db: None) -> None:
    cache.clear()


@pytest.mark.parametrize("to", AWAY)
def test_nothing_leads_away_from_here(to: str, planted: Planted) -> None:
    inside = planted.clients["owner"]
    login = {"login": planted.owner.email, "password": PASSWORD}
    answers = [
        inside.post("/theme/", {"theme": "dark", "next": to}),
        inside.get("/accounts/login/", {"next": to}),
        Client().post("/accounts/login/", login | {"next": to}),
        Client().post("/accounts/login/?next=" + to, login),
        inside.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": to}),
        inside.get("/quotas/choose/", {"for": to, "on": to}),
        Client().get(f"/{to}"),
    ]
    for answer in answers:
        place = answer.headers.get("Location", "/")
        assert place.startswith("/"), place
        assert not place.startswith(("//", "/\\")), place


def test_what_a_builder_says_is_text(planted: Planted) -> None:
    said = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    Lookup.objects.filter(what=Lookup.What.JOBS).update(
        data=[{"name": "static-website", "section": said, "synopsis": said}]
    )
    page = planted.ask("owner", "GET", "/builders/robur/").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_token_of_a_form_is_of_one_browser(planted: Planted) -> None:
    first, second = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    for browser in (first, second):
        browser.force_login(planted.owner)
        browser.get("/teams/")
    form = {"name": "fresh", "csrfmiddlewaretoken": first.cookies["csrftoken"].value}
    assert second.post("/teams/", form).status_code == 403
    assert first.post("/teams/", form).status_code in {200, 302, 422}


def test_the_key_of_an_instance_never_goes_to_a_browser(planted: Planted) -> None:
    Instance.objects.update(sealed_key=seal("-----the-key-----"))
    for address in ("/instances/fra-1/edit/", "/instances/fra-1/", "/api/v1/instances/fra-1/"):
        answer = planted.ask("root", "GET", address)
        assert answer.status_code == 200
        assert "the-key" not in answer.text
        assert "sealed" not in answer.text


def test_passwords_are_kept_with_argon2(settings: Any) -> None:
    from mollymawk import settings as real

    assert real.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    assert Argon2PasswordHasher().encode("x", "saltsalt").startswith("argon2$argon2id$")


def test_a_login_costs_the_same_for_names_that_are_not_known(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashing is what takes long, so it is counted: as often for nobody as for somebody."""
    counted: list[str] = []
    from django.contrib.auth.hashers import MD5PasswordHasher

    hashed = MD5PasswordHasher.encode

    def counting(hasher: MD5PasswordHasher, *args: Any, **more: Any) -> str:
        counted.append("x")
        return hashed(hasher, *args, **more)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    told = set()
    for number, email in enumerate((planted.owner.email, planted.gone.email, "nobody@example.org")):
        counted.clear()
        form = {"login": email, "password": "wrong"}
        answer = Client(REMOTE_ADDR=f"192.0.2.{number}").post("/accounts/login/", form)
        told.add((answer.status_code, len(counted), without(answer.text, email)))
    assert [one[:2] for one in told] == [(200, 1)]


def test_asking_for_a_new_password_tells_nobody_who_is_here(planted: Planted) -> None:
    told = set()
    for number, email in enumerate((planted.owner.email, "nobody@example.org")):
        browser = Client(REMOTE_ADDR=f"192.0.2.{number}")
        answer = browser.post("/accounts/password/reset/", {"email": email})
        told.add((answer.status_code, answer.headers["Location"], tuple(sorted(browser.cookies))))
    assert len(told) == 1
    assert [letter.to for letter in Letter.objects.filter(topic="account")] == [planted.owner.email]


def test_guessing_a_password_is_stopped_by_account_and_by_address(planted: Planted) -> None:
    def wrong(email: str, address: str) -> str:
        form = {"login": email, "password": "wrong"}
        return str(Client(REMOTE_ADDR=address).post("/accounts/login/", form).text)

    by_account = [wrong(planted.owner.email, f"192.0.2.{number}") for number in range(12)]
    assert "Too many" in by_account[-1]
    by_address = [wrong(f"n{number}@example.org", "198.51.100.1") for number in range(60)]
    assert "Too many" in by_address[-1]
    assert User.objects.get(pk=planted.owner.pk).check_password(PASSWORD)
