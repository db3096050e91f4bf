"""Issuers in the admin: asked before they are trusted, and removed only when somebody means it."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Event, User
from accounts.publishers.models import Issuer
from tests.cast import ClientOf
from tests.publishers.issuer import Server

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/issuer/"


def form(server: Server, **other: Any) -> dict[str, Any]:
    return {"name": "own", "url": server.url, "kind": "github", "algorithms": ["RS256"]} | other


def test_a_superuser_adds_an_issuer(root: User, client_of: ClientOf, server: Server) -> None:
    browser = client_of(root)
    assert f"{LIST}add/" in browser.get(LIST).text
    assert "identities name it" in browser.get(f"{LIST}add/").text
    assert "Trusted: own." in browser.post(f"{LIST}add/", form(server), follow=True).text
    issuer = Issuer.objects.get(name="own")
    assert (issuer.url, issuer.algorithms) == (server.url, ["RS256"])
    assert Event.objects.filter(kind="issuer.added", actor=root).exists()


def test_what_is_no_issuer_is_refused_beside_its_field(
    root: User, client_of: ClientOf, server: Server
) -> None:
    browser = client_of(root)
    assert "is no issuer" in browser.post(f"{LIST}add/", form(server, url=f"{server.url}/other")).text
    assert "errorlist" in browser.post(f"{LIST}add/", form(server, url="ftp://example.org")).text
    assert not Issuer.objects.filter(name="own").exists()


def test_an_issuer_is_removed_after_a_question(root: User, client_of: ClientOf, issuer: Issuer) -> None:
    browser, choice = client_of(root), {"action": "remove", "_selected_action": [issuer.pk]}
    assert "no more?" in browser.post(LIST, choice).text
    assert Issuer.objects.filter(name="own").exists()
    browser.post(LIST, choice | {"confirmed": "yes"})
    assert not Issuer.objects.filter(name="own").exists()
    assert Event.objects.filter(kind="issuer.removed", actor=root).exists()
