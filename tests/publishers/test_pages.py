"""The page of trusted publishers."""

from __future__ import annotations

from accounts.models import Team, User
from accounts.publishers.models import Issuer, Publisher
from tests.cast import ClientOf

PAGE = "/teams/robur/publishers/"


def test_a_workflow_is_trusted_and_no_more(
    issuer: Issuer, robur: Team, alice: User, client_of: ClientOf
) -> None:
    client = client_of(alice)
    form = {
        "issuer": issuer.name,
        "repository": "robur/unikernels",
        "repository_id": "robur",
        "owner_id": "42",
        "workflow": "deploy.yml",
        "ref": "refs/heads/main",
        "environment": "production",
        "events": ["push"],
        "scopes": ["upgrade"],
        "unikernels": "hello, web",
    }
    wrong = client.post(PAGE, form)
    assert wrong.status_code == 422
    assert "Give the number, not the name" in wrong.text
    assert client.post(PAGE, form | {"repository_id": "4711"}).headers["Location"] == PAGE
    publisher = Publisher.objects.get()
    assert (publisher.scopes, publisher.unikernels) == (["read", "upgrade"], ["hello", "web"])
    shown = client.get(PAGE).text
    assert "id-token: write" in shown
    assert "environment: production" in shown
    assert "unikernel: hello" in shown
    leave = f"{PAGE}{publisher.pk}/remove/"
    assert "no more?" in client.get(leave).text
    assert client.post(leave).headers["Location"] == PAGE
    assert not Publisher.objects.exists()
