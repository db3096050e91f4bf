"""Coming in by an account elsewhere, at a real issuer: who gets in, who is told why not."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.core import mail
from django.test import Client

from accounts import registration
from accounts.actors import SYSTEM
from accounts.mail.tasks import send_due
from accounts.models import Event, User
from accounts.oidc import issuer
from accounts.oidc.checks import check_oidc
from accounts.services import user_activate, user_deactivate
from accounts.services.users import address_vouch
from tests.accounts.oidc_server import CLIENT, PAGE, SECRET, Server, leave, local, serving
from tests.cast import ClientOf, person

pytestmark = pytest.mark.django_db

INACTIVE = "/accounts/inactive/"


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    """An issuer that the settings name; whoever registers is let in."""
    with serving() as server:
        settings.OIDC_ISSUER, settings.OIDC_NAME = server.url, "Example"
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT, SECRET
        settings.REGISTRATION_APPROVAL = False
        yield server


@pytest.fixture
def trusted(server: Server, settings: Any) -> Server:
    """An issuer whose addresses are believed."""
    settings.OIDC_TRUSTS_EMAIL = True
    return server


def come(client: Client, server: Server, path: str = f"{PAGE}login/", **form: str) -> Any:
    """Go to the issuer, log in there, come back."""
    return client.get(local(server.authorize(leave(client, path, **form))))


def is_in(client: Client) -> bool:
    return client.get("/teams/").status_code == 200


def said(answer: Any, status: int = 403) -> str:
    assert answer.status_code == status
    found = re.search(r"<h1>Not logged in</h1>.*?<p>(.*?)</p>", answer.text, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


# --- new here ------------------------------------------------------------------------------------


def test_who_comes_for_the_first_time_gets_an_account_and_comes_in(client: Client, server: Server) -> None:
    assert "Log in with Example" in client.get("/accounts/login/").text
    assert come(client, server, next="/teams/").headers["Location"] == "/teams/"
    assert is_in(client)
    erin = User.objects.get()
    assert (erin.email, erin.has_usable_password(), erin.personal_team.name) == (
        "erin@example.org",
        False,
        "erin",
    )
    told = {event.kind: event.data for event in Event.objects.filter(subject=f"user:{erin.pk}")}
    assert told["user.registered"] == {"with": "oidc"}
    assert told["user.linked"] == {"issuer": server.url, "identity": "4711"}
    assert told["user.logged_in"] == {"with": "oidc"}
    assert not SocialToken.objects.exists()
    server.person["email"] = "another@example.org"
    assert come(again := Client(), server).headers["Location"] == "/"
    assert is_in(again), "known by the number, whatever the address is by now"
    assert User.objects.count() == 1


def test_with_approval_a_new_account_waits(client: Client, server: Server, settings: Any) -> None:
    settings.REGISTRATION_APPROVAL = True
    assert come(client, server).headers["Location"] == INACTIVE
    user_activate(actor=SYSTEM, user=User.objects.get())
    assert come(client, server).headers["Location"] == "/"
    user_deactivate(actor=SYSTEM, user=User.objects.get())
    assert come(Client(), server).headers["Location"] == INACTIVE


def test_where_registration_is_closed_nobody_new_comes_in(
    client: Client, server: Server, settings: Any
) -> None:
    settings.REGISTRATION = "closed"
    assert "Registration is closed" in come(client, server).text
    assert not User.objects.exists()


def test_by_invitation_only_who_was_invited_comes_in(
    client: Client, server: Server, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REGISTRATION = "invite"
    assert "Registration is closed" in come(client, server).text
    monkeypatch.setattr(registration, "invited_address", lambda _: "frank@example.org")
    assert "another address than erin@example.org" in said(come(client, server))
    assert not User.objects.exists()
    monkeypatch.setattr(registration, "invited_address", lambda _: "erin@example.org")
    assert come(client, server).headers["Location"] == "/"


@pytest.mark.parametrize("told", [False, "true", None])
def test_an_address_that_the_issuer_has_not_confirmed_does_not_count(
    client: Client, trusted: Server, told: Any
) -> None:
    address_vouch(person("erin"))
    trusted.person["email_verified"] = told
    assert "does not say that you have an address" in said(come(client, trusted))
    assert not SocialAccount.objects.exists()


def test_an_address_that_only_the_user_info_tells_counts(client: Client, server: Server) -> None:
    server.tells_in_identity = False
    assert come(client, server).headers["Location"] == "/"
    assert User.objects.get().email == "erin@example.org"


# --- here already --------------------------------------------------------------------------------


def test_an_account_with_the_address_is_connected_where_that_is_trusted(
    client: Client, trusted: Server, settings: Any
) -> None:
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    erin = person("erin")
    address_vouch(erin)
    assert come(client, trusted).headers["Location"] == "/"
    assert is_in(client)
    assert Event.objects.get(kind="user.linked").actor == erin
    send_due()
    assert "lets you in from now on" in mail.outbox[0].body
    assert mail.outbox[0].to == [erin.email]


@pytest.mark.parametrize("why", ["not trusted", "superuser", "address not confirmed here", "shut out"])
def test_an_account_with_the_address_is_not_connected(
    why: str, client: Client, trusted: Server, settings: Any
) -> None:
    settings.OIDC_TRUSTS_EMAIL = why != "not trusted"
    erin = person("erin", superuser=why == "superuser")
    if why != "address not confirmed here":
        address_vouch(erin)
    if why == "shut out":
        user_deactivate(actor=SYSTEM, user=erin)
    assert "Log in to it with its password, then connect Example" in said(come(client, trusted))
    assert not SocialAccount.objects.exists()
    assert not is_in(client)


def test_a_second_factor_is_asked_for_as_after_a_password(
    client: Client, trusted: Server, alice: User
) -> None:
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    TOTP.activate(alice, generate_totp_secret())
    address_vouch(alice)
    trusted.person["email"] = alice.email
    assert come(client, trusted).headers["Location"].startswith("/accounts/2fa/authenticate/")
    assert not is_in(client)


def test_one_connects_and_disconnects_it_oneself(server: Server, root: User, client_of: ClientOf) -> None:
    client = client_of(root)
    assert "not connected" in client.get(PAGE).text
    assert "Example" in client.get("/").text
    assert come(client, server, f"{PAGE}connect/").headers["Location"] == PAGE
    identity = SocialAccount.objects.get(user=root)
    assert come(other := Client(), server).headers["Location"] == "/"
    assert is_in(other)
    client.post(f"{PAGE}{identity.pk}/disconnect/")
    assert not SocialAccount.objects.exists()
    assert Event.objects.get(kind="user.unlinked").actor == root


def test_by_api_it_is_shown_and_disconnected_too(server: Server, root: User, client_of: ClientOf) -> None:
    client = client_of(root)
    come(client, server, f"{PAGE}connect/")
    come(other := Client(), server)
    (shown,) = client.get("/api/v1/identities/").json()["items"]
    assert (shown["issuer"], shown["subject"]) == ("Example", "4711")
    place = f"/api/v1/identities/{shown['id']}/"
    assert client.delete(f"{place}?dry_run=true").status_code == 200
    assert SocialAccount.objects.exists()
    assert client.delete(place).status_code == 204
    assert not SocialAccount.objects.exists()
    assert client.delete(place).status_code == 404
    assert (is_in(client), is_in(other)) == (True, False)


@pytest.fixture
def stale(client: Client, server: Server, settings: Any) -> Client:
    """Who comes in by the issuer alone, and did so a while ago."""
    come(client, server)
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY][0]["at"] -= 3600
    session.save()
    return client


def test_who_comes_in_by_the_issuer_alone_logs_in_there_again_before_a_change(
    stale: Client, server: Server
) -> None:
    wanted, tokens = "/teams/erin/tokens/", "/api/v1/teams/erin/tokens/"
    assert (
        stale.post(tokens, {"name": "ci", "role": "viewer"}, content_type="application/json")
        .json()["type"]
        .endswith("reauthenticate")
    )
    asked = stale.post(f"{PAGE}connect/")
    page = stale.get(asked.headers["Location"], follow=True)
    assert "log in at Example again" in page.text
    there = leave(stale, f"{PAGE}prove/", next=wanted)
    assert "max_age=0" in there
    server.claims["auth_time"] = int(time.time())
    assert stale.get(local(server.authorize(there))).headers["Location"] == wanted
    assert (
        stale.post(tokens, {"name": "ci", "role": "viewer"}, content_type="application/json").status_code
        == 201
    )


@pytest.mark.parametrize("page", ["2fa/totp/activate/", "2fa/webauthn/add/", "password/set/", "email/"])
def test_another_way_in_is_added_only_after_it(stale: Client, server: Server, page: str) -> None:
    asked = stale.get(f"/accounts/{page}")
    assert "log in at Example again" in stale.get(asked.headers["Location"], follow=True).text
    server.claims["auth_time"] = int(time.time())
    back = come(stale, server, f"{PAGE}prove/", next=f"/accounts/{page}").headers["Location"]
    assert stale.get(back).status_code == 200


@pytest.mark.parametrize("told", [{"sub": "0815"}, {"auth_time": 1_700_000_000}, {"auth_time": "now"}])
def test_nobody_proves_it_as_somebody_else_or_without_being_asked(
    stale: Client, server: Server, told: dict[str, Any]
) -> None:
    server.claims |= told
    assert come(stale, server, f"{PAGE}prove/").headers["Location"] == f"{PAGE}prove/"
    assert stale.post(f"{PAGE}connect/").headers["Location"].startswith("/accounts/reauthenticate/")


def test_what_is_somebody_elses_is_not_connected(server: Server, alice: User, client_of: ClientOf) -> None:
    come(Client(), server)
    client = client_of(alice)
    come(client, server, f"{PAGE}connect/")
    assert "somebody else" in client.get(PAGE).text
    assert SocialAccount.objects.get().user.email == "erin@example.org"
    assert client.post(f"{PAGE}{SocialAccount.objects.get().pk}/disconnect/").status_code == 404
    assert SocialAccount.objects.exists()


def test_the_last_way_in_stays(client: Client, server: Server) -> None:
    come(client, server)
    assert "your only way in" in client.get(PAGE).text
    client.post(f"{PAGE}{SocialAccount.objects.get().pk}/disconnect/")
    assert SocialAccount.objects.exists()
    assert "Set a password first" in client.get(PAGE).text


def test_another_issuer_that_says_the_same_number_is_somebody_else(
    client: Client, server: Server, settings: Any
) -> None:
    come(client, server)
    with serving() as other:
        settings.OIDC_ISSUER = other.url
        other.person["email"] = "frank@example.org"
        come(Client(), other)
    assert User.objects.filter(email="frank@example.org").exists()


# --- what is not believed ------------------------------------------------------------------------


def test_a_login_that_was_not_begun_here_is_refused(client: Client, server: Server) -> None:
    back = local(server.authorize(leave(client)))
    assert "begun in another browser" in said(Client().get(back))
    assert "begun in another browser" in said(client.get(back.replace("state=", "state=x")))
    assert client.get(back).headers["Location"] == "/"
    assert "begun in another browser" in said(Client().get(back)), "and counts once"


def test_who_turns_back_at_the_issuer_is_told(client: Client, server: Server) -> None:
    state = re.search(r"state=(\w+)", leave(client))
    assert state is not None
    answer = client.get(f"{PAGE}callback/?error=access_denied&state={state[1]}")
    assert said(answer) == "Example did not let you in."


def test_who_does_not_get_in_is_written_down_and_floods_nothing(client: Client, server: Server) -> None:
    server.claims |= {"email": "erin@example.org", "email_verified": False}
    for _ in range(5):
        said(come(client, server))
    told = Event.objects.get(kind="user.login_failed")
    assert (told.subject, told.data["with"], told.actor) == ("user:unknown", "oidc", None)
    assert "erin" not in f"{told.data} {told.reason}"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"iss": "https://another.example"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
    ids=str,
)
def test_an_identity_that_is_not_for_us_or_not_whole_is_not_believed(
    client: Client, server: Server, claims: dict[str, Any]
) -> None:
    server.claims = claims
    assert "does not answer as it should" in said(come(client, server), 502)
    assert not User.objects.exists()


def test_an_identity_that_the_issuer_did_not_sign_is_not_believed(client: Client, server: Server) -> None:
    from tests.publishers.issuer import key

    server.signs_with = key("RS256", 1)
    said(come(client, server), 502)
    server.signs_with = SECRET.encode()
    for algorithm in ("HS256", "none"):
        server.header = server.header | {"alg": algorithm}
        said(come(client, server), 502)
    assert not User.objects.exists()


def test_user_info_about_somebody_else_is_not_believed(client: Client, server: Server) -> None:
    server.tells_in_identity, server.userinfo = False, {"sub": "4712"}
    said(come(client, server), 502)
    assert not User.objects.exists()


# --- an issuer that fails ------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize("how", ["broken", "slow"])
def test_an_issuer_that_fails_or_keeps_us_waiting_gives_a_sentence(
    how: str, path: str, client: Client, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = local(server.authorize(leave(client)))
    monkeypatch.setattr(issuer, "SECONDS", 0.2 if how == "slow" else 5.0)
    setattr(server, how, path)
    assert "Try again in a while" in said(client.get(back), 502)
    if path == "openid-configuration":
        assert "Try again in a while" in said(client.post(f"{PAGE}login/"), 502)


@pytest.mark.parametrize("token", ["access_token", "id_token"])
def test_an_answer_without_tokens_is_refused_and_never_logged(
    token: str, client: Client, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.forgets = {token}
    said(come(client, server), 502)
    assert "has no tokens" in caplog.text
    assert "eyJ" not in caplog.text, "how a JWT begins"


@pytest.mark.parametrize(
    "discovery",
    [{"issuer": "https://another.example"}, {"token_endpoint": "http://192.0.2.1/token"}, {"jwks_uri": None}],
    ids=str,
)
def test_an_issuer_that_tells_what_cannot_be_is_not_asked_further(
    client: Client, server: Server, discovery: dict[str, Any]
) -> None:
    server.discovery = discovery
    said(client.post(f"{PAGE}login/"), 502)


def test_nobody_keeps_us_asking_the_issuer(client: Client, server: Server, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"oidc": "1/m/ip"}
    client.post(f"{PAGE}login/")
    assert client.post(f"{PAGE}login/").status_code == 429


# --- settings ------------------------------------------------------------------------------------


def test_without_an_issuer_there_is_nothing(client: Client, alice: User, client_of: ClientOf) -> None:
    assert PAGE not in client.get("/accounts/login/").text
    inside = client_of(alice)
    assert inside.get(PAGE).status_code == client.get(f"{PAGE}callback/").status_code == 404
    assert inside.post(f"{PAGE}connect/").status_code == client.post(f"{PAGE}login/").status_code == 404


@pytest.mark.parametrize(
    ("issuer", "secret", "found"),
    [
        ("https://login.example.org/realms/ours", "x", []),
        ("http://127.0.0.1:9000", "x", []),
        ("", "", []),
        ("http://login.example.org", "x", ["accounts.E003"]),
        ("https://login.example.org?a=b", "x", ["accounts.E003"]),
        ("https://login.example.org", "", ["accounts.E002"]),
        ("", "x", ["accounts.E002"]),
    ],
)
def test_settings_that_cannot_work_stop_the_start(
    issuer: str, secret: str, found: list[str], settings: Any
) -> None:
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = (
        issuer,
        "x" if issuer or secret else "",
        secret,
    )
    assert [message.id for message in check_oidc()] == found
