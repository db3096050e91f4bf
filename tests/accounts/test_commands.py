"""What an operator does at the command line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import ApiToken, Event, Role, Team, User
from accounts.services import setup_token_redeem, token_find, user_register
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]


class Told(str):
    """What a command printed; ``.notes`` is what it told beside it."""

    notes: str


def run(*words: str, **options: Any) -> Told:
    out, err = io.StringIO(), io.StringIO()
    call_command(*words, stdout=out, stderr=err, **options)
    told = Told(out.getvalue())
    told.notes = err.getvalue()
    return told


def fails(*words: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        run(*words)
    return caught.value


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\nanother line\n", encoding="utf-8")
    return str(path)


# --- people --------------------------------------------------------------------------------------


def test_the_first_superuser_is_made_by_command(password_file: str) -> None:
    told = run("user_add", "Root@example.org", "--superuser", "--password-file", password_file)
    user = User.objects.get(email="root@example.org")
    assert user.is_superuser
    assert user.check_password(PASSWORD)
    assert user.personal_team.domain in told
    event = Event.objects.get(kind="user.added")
    assert (event.actor, event.credential, event.now) == (None, "command", "superuser")


@pytest.mark.parametrize("options", [(), ("--password-file", "-")])
def test_the_password_may_come_through_a_pipe(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD + "\n"))
    run("user_add", "erin@example.org", *options)
    assert User.objects.get().check_password(PASSWORD)


class Terminal(io.StringIO):
    """A standard input with somebody in front of it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("second", "made"), [(PASSWORD, True), ("a typo", False)])
def test_the_password_is_asked_for_twice(second: str, made: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([PASSWORD, second])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    if made:
        run("user_add", "erin@example.org")
    else:
        assert fails("user_add", "erin@example.org").returncode == 2
    assert User.objects.exists() is made


def test_the_password_cannot_be_an_argument(db: None) -> None:
    fails("user_add", "erin@example.org", "--password", PASSWORD)
    fails("user_add", "erin@example.org", PASSWORD)
    assert not User.objects.exists()


def test_what_cannot_be_done_ends_with_a_sentence_and_a_code(password_file: str, tmp_path: Path) -> None:
    run("user_add", "erin@example.org", "--password-file", password_file)
    again = fails("user_add", "erin@example.org", "--password-file", password_file)
    assert ("registered already" in str(again), again.returncode) == (True, 5)
    wrong = fails("user_add", "nobody", "--password-file", password_file)
    assert ("no e-mail address" in str(wrong), wrong.returncode) == (True, 2)
    missing = fails("user_add", "frank@example.org", "--password-file", str(tmp_path / "nowhere"))
    assert ("Cannot read" in str(missing), missing.returncode) == (True, 2)
    (tmp_path / "password").write_text("short\n", encoding="utf-8")
    weak = fails("user_add", "frank@example.org", "--password-file", password_file)
    assert ("too short" in str(weak), weak.returncode) == (True, 2)


def test_people_are_let_in_and_shut_out(root: User) -> None:
    for name in ("erin", "frank"):
        user_register(email=f"{name}@example.org", password=PASSWORD)
    run("user_activate", "erin@example.org", "Frank@example.org")
    assert User.objects.filter(is_active=True).count() == 3
    run("user_deactivate", "erin@example.org")
    assert not User.objects.get(email="erin@example.org").is_active
    assert fails("user_activate", "nobody@example.org").returncode == 3
    assert fails("user_deactivate", "root@example.org").returncode == 4


def test_people_are_listed_those_who_wait_first(root: User) -> None:
    user_register(email="zoe@example.org", password=PASSWORD)
    rows = json.loads(run("users", "--json"))
    assert [(row["email"], row["state"]) for row in rows] == [
        ("zoe@example.org", "waiting"),
        ("root@example.org", "superuser"),
    ]
    table = run("users", "--waiting")
    assert "zoe@example.org" in table
    assert "root@example.org" not in table


def test_a_set_up_token_is_printed_alone(db: None) -> None:
    told = run("setup_token")
    assert "/setup/" in told.notes
    user = setup_token_redeem(token=told.strip(), email="root@example.org", password=PASSWORD)
    assert user.is_superuser
    assert fails("setup_token").returncode == 5


# --- teams, tokens -------------------------------------------------------------------------------


def test_a_team_is_made_and_filled(alice: User, bob: User) -> None:
    run("team_add", "Lab", "--owner", "alice@example.org", "--domain", "lab.example")
    team = Team.objects.get(name="lab")
    assert team.domain == "lab.example"
    run("team_member", "lab", "bob@example.org", "--role", "deployer")
    assert team.memberships.get(user=bob).role == Role.DEPLOYER
    assert fails("team_member", "lab", "alice@example.org", "--remove").returncode == 4
    run("team_member", "lab", "bob@example.org", "--remove")
    assert team.memberships.get().user == alice


@pytest.mark.usefixtures("robur")
def test_what_is_not_there_ends_with_code_three() -> None:
    assert fails("team_member", "nowhere", "alice@example.org", "--role", "viewer").returncode == 3
    assert fails("team_member", "robur", "nobody@example.org", "--role", "viewer").returncode == 3
    assert fails("token_revoke", "nothing").returncode == 3


def test_a_team_command_needs_to_know_what_to_do(robur: Team) -> None:
    fails("team_member", "robur", "alice@example.org")
    fails("team_member", "robur", "alice@example.org", "--role", "king")
    fails("team_member", "robur", "alice@example.org", "--role", "viewer", "--remove")


def test_a_token_is_printed_alone(robur: Team, alice: User) -> None:
    told = run("token_add", "ci", "--team", "robur", "--user", "alice@example.org", "--role", "viewer")
    token = token_find(told.strip())
    assert token is not None
    assert (token.team, token.created_by, token.role) == (robur, alice, "viewer")
    assert told.strip() not in told.notes
    event = Event.objects.get(kind="token.issued")
    assert (event.actor, event.credential) == (alice, "command")
    run("token_revoke", token.key_id)
    assert token_find(told.strip()) is None


@pytest.mark.usefixtures("robur")
@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--user", "bob@example.org"), 4),
        (("--user", "charlie@example.org"), 3),
        (("--user", "alice@example.org", "--days", "367"), 2),
    ],
)
def test_a_token_that_may_not_be_made_ends_with_a_code(
    options: tuple[str, ...], code: int, bob: User, charlie: User
) -> None:
    assert fails("token_add", "ci", "--team", "robur", *options).returncode == code
    assert not ApiToken.objects.exists()


# --- keys ----------------------------------------------------------------------------------------


def test_a_key_is_made_before_anything_is_configured(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "none")}
    command = [sys.executable, "manage.py", "generate_key"]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    Fernet(done.stdout.strip())


def test_somebody_is_logged_out_by_command(alice: User) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT="curl/8.1")
        client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    rows = json.loads(run("session_list", alice.email, "--json"))
    assert [(row["browser"], row["address"]) for row in rows] == [
        ("curl", "192.0.2.2"),
        ("curl", "192.0.2.1"),
    ]
    assert (
        run("session_revoke", alice.email, rows[0]["id"]) == "1 of the sessions of alice@example.org ended.\n"
    )
    assert "192.0.2.1" in run("session_list", alice.email)
    run("session_revoke", alice.email, "--all")
    assert json.loads(run("session_list", alice.email, "--json")) == []
    assert fails("session_revoke", alice.email, rows[0]["id"]).returncode == 3
    assert fails("session_revoke", alice.email).returncode == 2
    assert fails("session_revoke", alice.email, rows[0]["id"], "--all").returncode == 2


def test_second_factors_are_reset_and_demanded_by_command(robur: Team, alice: User) -> None:
    Authenticator.objects.create(user=alice, type="totp", data={})
    assert "removed: totp" in run("second_factor_reset", alice.email)
    assert run("team_second_factor", "robur", "on") == "robur demands a second factor of its members.\n"
    robur.refresh_from_db()
    assert robur.demands_second_factor
