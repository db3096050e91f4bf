"""Invitations: the link in the letter lets exactly one person in, once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db.models import F
from django.test import Client

from accounts.actors import COMMAND, Actor
from accounts.invitations.models import Invitation
from accounts.invitations.services import (
    LIFETIME,
    MAX_OPEN,
    PAUSE,
    invitation_accept,
    invitation_again,
    invitation_withdraw,
    invitations_prune,
    invite,
)
from accounts.mail.tasks import sweep
from accounts.models import Event, Letter, Role, Team, User
from accounts.services import member_remove, member_set, user_deactivate
from mollymawk.errors import Forbidden, Invalid, Missing, Refused
from tests.cast import PASSWORD, ClientOf

pytestmark = pytest.mark.django_db


def by(user: User) -> Actor:
    return Actor(user, "session")


def invited(team: Team, by_whom: User, email: str = "charlie@example.org") -> Invitation:
    return invite(actor=by(by_whom), team=team, email=email, role=Role.DEPLOYER)


def link() -> str:
    """The path of the link in the newest letter, which is sent for it."""
    sweep()
    found = re.search(r"http://127\.0\.0\.1:8000(/invitation/\w+/)", str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


def let_pass(invitation: Invitation, time: timedelta) -> None:
    rows = Invitation.objects.filter(pk=invitation.pk)
    rows.update(sent_at=F("sent_at") - time, expires_at=F("expires_at") - time)


def roles(team: Team) -> dict[str, str]:
    return dict(team.memberships.values_list("user__email", "role"))


def test_whoever_reads_the_mail_joins(robur: Team, alice: User, charlie: User, client_of: ClientOf) -> None:
    invited(robur, alice, " Charlie@Example.org")
    client = client_of(charlie)
    assert client.get(link()).headers["Location"] == "/invitation/"
    assert "alice@example.org invites" in client.get("/invitation/").text
    assert client.post("/invitation/", {"accept": ""}).headers["Location"] == "/teams/robur/"
    assert roles(robur)[charlie.email] == "deployer"
    assert list(Event.objects.filter(team=robur).values_list("kind", flat=True)[:3]) == [
        "member.set",
        "invitation.accepted",
        "invitation.made",
    ]
    assert client.get("/invitation/").status_code == 404


def test_a_link_works_once_and_looking_uses_nothing(
    robur: Team, alice: User, charlie: User, client_of: ClientOf
) -> None:
    invited(robur, alice)
    path = link()
    for _ in range(2):  # scanners of mail look first
        assert Client().get(path).status_code == 302
    client = client_of(charlie)
    client.get(path)
    client.post("/invitation/", {"decline": ""})
    assert client.get(path).status_code == 404
    assert charlie.email not in roles(robur)


def test_it_is_of_no_use_to_another_address(
    robur: Team, alice: User, charlie: User, client_of: ClientOf
) -> None:
    made = invited(robur, alice, "erin@example.org")
    client = client_of(charlie)
    client.get(link())
    assert "as erin@example.org" in client.get("/invitation/").text
    client.post("/invitation/", {"accept": ""})
    assert charlie.email not in roles(robur)
    with pytest.raises(Forbidden):
        invitation_accept(actor=by(charlie), invitation=made)


def test_a_stranger_is_sent_to_log_in_or_register_and_the_browser_remembers(
    robur: Team, alice: User, charlie: User
) -> None:
    invited(robur, alice)
    client = Client()
    client.get(link())
    page = client.get("/invitation/").text
    assert "/accounts/login/?next=/invitation/" in page
    assert "/accounts/signup/?next=/invitation/" in page
    client.force_login(charlie)
    client.post("/invitation/", {"accept": ""})
    assert charlie.email in roles(robur)


def test_an_owner_cannot_tell_who_is_registered(
    robur: Team, alice: User, charlie: User, client_of: ClientOf
) -> None:
    client, answers = client_of(alice), []
    for email in (charlie.email, "nobody1@example.org"):
        client.post("/teams/robur/", {"email": email, "role": "viewer"})
        page = client.get("/teams/robur/").text.partition("<main")[2]
        answers.append(
            re.sub(
                r'value="[^"]+"|invitations/\d+|\d\d:\d\d|:\d\d UTC">\d+ s ago', "", page.replace(email, "X")
            )
        )
        invitation_withdraw(actor=by(alice), invitation=Invitation.objects.get(email=email))
    assert answers[0] == answers[1]
    assert sweep() == 0  # what was withdrawn is not sent


@pytest.mark.parametrize("what", ["withdrawn", "late", "inviter gone", "inviter shut out", "sent again"])
def test_what_no_longer_stands_lets_nobody_in(
    what: str, robur: Team, alice: User, dave: User, charlie: User
) -> None:
    member_set(actor=COMMAND, team=robur, user=dave, role=Role.OWNER)
    made = invited(robur, dave)
    path, client = link(), Client()
    client.force_login(charlie)
    client.get(path)
    if what == "withdrawn":
        invitation_withdraw(actor=by(alice), invitation=made)
    elif what == "late":
        let_pass(made, LIFETIME)
    elif what == "inviter gone":
        member_remove(actor=by(alice), team=robur, user=dave)
    elif what == "inviter shut out":
        user_deactivate(actor=COMMAND, user=dave)
    else:
        let_pass(made, PAUSE)
        invitation_again(actor=by(alice), invitation=made)
        assert link() != path
    assert client.get(path).status_code == 404
    assert client.post("/invitation/", {"accept": ""}).status_code == 404
    if what != "sent again":
        with pytest.raises(Missing):
            invitation_accept(actor=by(charlie), invitation=Invitation.objects.get(pk=made.pk))
    assert charlie.email not in roles(robur)


def test_an_address_is_invited_once_and_again_when_it_was_too_late(robur: Team, alice: User) -> None:
    made = invited(robur, alice)
    with pytest.raises(Invalid, match="already"):
        invited(robur, alice)
    with pytest.raises(Refused, match="just now"):
        invitation_again(actor=by(alice), invitation=made)
    let_pass(made, LIFETIME)
    assert invited(robur, alice).pk != made.pk


def test_a_member_is_not_invited_and_never_becomes_less(robur: Team, alice: User, charlie: User) -> None:
    with pytest.raises(Invalid, match="in the team"):
        invited(robur, alice, alice.email)
    made = invited(robur, alice)
    member_set(actor=by(alice), team=robur, user=charlie, role=Role.OWNER)
    assert invitation_accept(actor=by(charlie), invitation=made).role == "owner"


def test_there_are_only_so_many(robur: Team, alice: User) -> None:
    rows = [
        Invitation(
            team=robur,
            email=f"n{n}@example.org",
            role="viewer",
            secret_hash=str(n),
            expires_at=robur.created_at + LIFETIME,
        )
        for n in range(MAX_OPEN)
    ]
    Invitation.objects.bulk_create(rows)
    with pytest.raises(Refused, match=str(MAX_OPEN)):
        invited(robur, alice)


def test_no_secret_is_kept(robur: Team, alice: User) -> None:
    invited(robur, alice)
    waiting = Letter.objects.get()
    secret = link().split("/")[2]
    sent = Letter.objects.get()
    assert (waiting.text, sent.text, sent.sealed_text) == ("", "", "")
    assert secret not in waiting.sealed_text
    assert secret not in str(list(Invitation.objects.values())) + str(list(Event.objects.values()))


def test_a_letter_to_an_address_has_nothing_to_unsubscribe(robur: Team, alice: User) -> None:
    invited(robur, alice)
    sweep()
    assert mail.outbox[0].to == ["charlie@example.org"]
    assert "List-Unsubscribe" not in mail.outbox[0].extra_headers


def test_a_verified_address_answers_without_the_link(
    robur: Team, alice: User, charlie: User, client_of: ClientOf
) -> None:
    made = invited(robur, alice)
    client = client_of(charlie)
    assert "invites you" not in client.get("/teams/").text
    assert client.post(f"/invitation/{made.pk}/answer/").status_code == 404
    EmailAddress.objects.create(user=charlie, email=charlie.email, verified=True, primary=True)
    assert "alice@example.org invites you" in client.get("/teams/").text
    (told,) = client.get("/api/v1/invitations/").json()["items"]
    assert told["team"] == "robur"
    answer = client.post(
        f"/api/v1/invitations/{told['id']}/answer/", {"answer": "accept"}, content_type="application/json"
    )
    assert answer.status_code == 204
    assert charlie.email in roles(robur)


def test_what_is_over_is_forgotten(robur: Team, alice: User) -> None:
    made = invited(robur, alice)
    assert invitations_prune() == 0
    let_pass(made, LIFETIME + timedelta(days=31))
    assert invitations_prune() == 1


def test_whoever_was_invited_registers_by_the_link_and_joins(robur: Team, alice: User, settings: Any) -> None:
    settings.REGISTRATION, settings.REGISTRATION_APPROVAL = "invite", False
    invited(robur, alice, "erin@example.org")
    client = Client()
    assert "closed" in client.get("/accounts/signup/").text
    client.get(link())
    account = {"email": "erin@example.org", "password1": PASSWORD, "password2": PASSWORD}
    answer = client.post("/accounts/signup/?next=/invitation/", account)
    assert answer.headers["Location"] == "/invitation/"
    client.post("/invitation/", {"accept": ""})
    assert roles(robur)["erin@example.org"] == "deployer"


def test_the_link_opens_registration_for_its_address_only(robur: Team, alice: User, settings: Any) -> None:
    settings.REGISTRATION, settings.REGISTRATION_APPROVAL = "invite", False
    invited(robur, alice, "erin@example.org")
    client = Client()
    client.get(link())
    account = {"email": "mallory@example.org", "password1": PASSWORD, "password2": PASSWORD}
    assert "went to another address" in client.post("/accounts/signup/", account).text
    assert not User.objects.filter(email="mallory@example.org").exists()
