"""Sealing every stored secret with the newest key."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Letter, Team, User
from albatross.models import Instance
from mollymawk.keyring import SealBroken, reseal, seal, seal_json, unseal, unseal_json
from mollymawk.models import KeyedRequest
from unikernels.management.commands import rotate_keys
from unikernels.models import Unikernel, Version
from unikernels.webhooks.models import Webhook

pytestmark = pytest.mark.django_db

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
ARGUMENTS = ["--ipv4=10.0.0.2/24", "--password=x"]


@pytest.fixture
def stored(settings: Any, robur: Team, alice: User) -> list[Any]:
    """One row of everything that is sealed, with the old key."""
    settings.ENCRYPTION_KEYS = [OLD]
    instance = Instance.objects.create(name="fra-1", address="127.0.0.1:1025", sealed_key=seal("the key"))
    unikernel = Unikernel.objects.create(
        instance=instance, team=robur, path="robur", name="hello", sealed_arguments=seal_json(ARGUMENTS)
    )
    bare = Unikernel.objects.create(instance=instance, team=robur, path="robur", name="bare")
    version = Version.objects.create(
        unikernel=unikernel,
        number=1,
        digest="0" * 64,
        configuration={},
        sealed_arguments=seal_json(ARGUMENTS),
        origin=Version.Origin.UPLOAD,
    )
    totp = Authenticator.objects.create(user=alice, type="totp", data={"secret": seal("JBSWY3DP")})
    codes = Authenticator.objects.create(
        user=alice, type="recovery_codes", data={"seed": seal("seed"), "used_mask": 5}
    )
    asked = KeyedRequest.objects.create(credential="person:1", sealed_answer=seal_json({"token": "x"}))
    letter = Letter.objects.create(address="a@example.org", topic="invitation", sealed_text=seal("a link"))
    hook = Webhook.objects.create(team=robur, sealed_secret=seal("new"), sealed_former=seal("former"))
    return [instance, unikernel, bare, version, totp, codes, asked, letter, hook]


def rotate() -> dict[str, int]:
    out = io.StringIO()
    call_command("rotate_keys", stdout=out)
    return {
        name: int(count)
        for name, count in re.findall(r"^(\S+): (\d+) sealed anew$", out.getvalue(), re.MULTILINE)
    }


def opened(stored: list[Any]) -> list[Any]:
    for row in stored:
        row.refresh_from_db()
    instance, unikernel, bare, version, totp, codes, asked, letter, hook = stored
    return [
        unseal(instance.sealed_key),
        unseal_json(unikernel.sealed_arguments),
        bare.sealed_arguments,
        unseal_json(version.sealed_arguments),
        unseal(totp.data["secret"]),
        (unseal(codes.data["seed"]), codes.data["used_mask"]),
        unseal_json(asked.sealed_answer),
        unseal(letter.sealed_text),
        (unseal(hook.sealed_secret), unseal(hook.sealed_former)),
    ]


PLAIN = [
    "the key",
    ARGUMENTS,
    "",
    ARGUMENTS,
    "JBSWY3DP",
    ("seed", 5),
    {"token": "x"},
    "a link",
    ("new", "former"),
]


def test_after_rotation_the_old_key_can_go(stored: list[Any], settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert rotate() == {
        "Session.session_data": 0,
        "Instance.sealed_key": 1,
        "Version.sealed_arguments": 1,
        "Unikernel.sealed_arguments": 1,
        "Authenticator.data": 2,
        "KeyedRequest.sealed_answer": 1,
        "Letter.sealed_text": 1,
        "Webhook.sealed_secret": 1,
        "Webhook.sealed_former": 1,
    }
    settings.ENCRYPTION_KEYS = [NEW]
    assert opened(stored) == PLAIN


def test_sessions_are_sealed_and_live_on(settings: Any, alice: User) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    browser, lost = Client(), Client()
    for client in (browser, lost):
        client.force_login(alice)
        session = client.session
        session["mfa.totp.secret"] = "JBSWY3DP"
        session.save()
    row = Session.objects.get(pk=browser.session.session_key)
    assert row.get_decoded()["mfa.totp.secret"] == "JBSWY3DP"
    assert b"mfa.totp" not in signing.b64_decode(row.session_data.split(":")[0].lstrip(".").encode())
    settings.ENCRYPTION_KEYS = [NEW]
    Session.objects.filter(pk=lost.session.session_key).update(session_data="x:y:z")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert rotate()["Session.session_data"] == 1
    assert rotate()["Session.session_data"] == 0
    settings.ENCRYPTION_KEYS = [NEW]
    assert browser.get("/mail/").status_code == 200
    assert lost.get("/mail/").status_code == 302


def test_rotating_again_has_nothing_to_do(stored: list[Any], settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    rotate()
    before = list(Instance.objects.values()), list(Authenticator.objects.values())
    assert set(rotate().values()) == {0}
    assert (list(Instance.objects.values()), list(Authenticator.objects.values())) == before


def test_rotation_goes_through_all_batches(
    stored: list[Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotate_keys, "BATCH", 2)
    for number in range(5):
        Instance.objects.create(name=f"more-{number}", address="127.0.0.1:1", sealed_key=seal("x"))
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert rotate()["Instance.sealed_key"] == 6


def test_what_no_key_opens_is_named_and_the_rest_is_done(stored: list[Any], settings: Any) -> None:
    lost = Instance.objects.create(
        name="lost", address="127.0.0.1:1", sealed_key=Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    )
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    out = io.StringIO()
    with pytest.raises(CommandError, match=f"Instance {lost.pk}"):
        call_command("rotate_keys", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["broken"], told["sealed"]["Letter.sealed_text"]) == ([f"Instance {lost.pk}"], 1)
    settings.ENCRYPTION_KEYS = [NEW]
    assert opened(stored) == PLAIN


def test_a_secret_changed_meanwhile_keeps_the_change(
    stored: list[Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    changed = seal("another key")

    def slow(sealed: str) -> str:
        Instance.objects.update(sealed_key=changed)
        return reseal(sealed)

    monkeypatch.setattr(rotate_keys, "reseal", slow)
    assert rotate()["Instance.sealed_key"] == 0
    assert Instance.objects.get().sealed_key == changed


def test_every_sealed_column_is_known_to_the_rotation() -> None:
    sealed = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.name.startswith("sealed_")
    }
    assert sealed == {entry for entry in rotate_keys.SEALED_COLUMNS if entry[0] is not Authenticator}


def test_sealing_again_with_the_newest_key_changes_nothing(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    sealed = seal("x")
    assert reseal(sealed) == sealed
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    again = reseal(sealed)
    assert again != sealed
    assert unseal(again) == "x"
    settings.ENCRYPTION_KEYS = [OLD]
    with pytest.raises(SealBroken):
        reseal(again)
