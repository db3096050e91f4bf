"""Mail over TLS, as it is told to: the server's certificate is looked at, and nothing is said before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from accounts.mail.services import letter_write
from accounts.mail.tasks import sweep
from accounts.models import Letter, User
from tests.checks.test_tls import Authority
from tests.mail.office import PostOffice, every_password_is_right

pytestmark = pytest.mark.django_db

Office = Callable[..., Any]


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """A CA that this process trusts, and no other one."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return made


@pytest.fixture
def opened(mailed: None, settings: Any) -> Office:
    """``opened(options…)``: a post office to which mail is sent by STARTTLS."""
    settings.EMAIL_USE_TLS = True

    @contextmanager
    def opened(**options: Any) -> Iterator[PostOffice]:
        office = PostOffice(**options)
        office.start()
        settings.EMAIL_PORT = office.port
        try:
            yield office
        finally:
            office.stop()

    return opened


def write(user: User) -> Letter:
    letter_write(users=[user], topic="failed", subject="hello failed", text="It does not run.\n")
    return Letter.objects.get()


def test_a_letter_and_the_password_go_over_starttls(
    opened: Office, authority: Authority, alice: User, settings: Any
) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "us", "swordfish"
    strict = {"require_starttls": True, "auth_required": True, "authenticator": every_password_is_right}
    with opened(tls_context=authority.server("127.0.0.1"), **strict) as office:
        write(alice)
        assert sweep() == 1
    assert office.told == ["alice@example.org"]
    assert office.handler.encrypted == [True]


def test_tls_from_the_beginning(opened: Office, authority: Authority, alice: User, settings: Any) -> None:
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = False, True
    with opened(ssl_context=authority.server("127.0.0.1")) as office:
        write(alice)
        assert sweep() == 1
    assert office.handler.encrypted == [True]


@pytest.mark.parametrize("names", [["mail.example.org"], []])
def test_to_another_or_unknown_server_nothing_is_said(
    opened: Office, authority: Authority, alice: User, tmp_path_factory: Any, names: list[str]
) -> None:
    """Its certificate is for another name, or of a CA that nobody here knows."""
    signer = authority if names else Authority(tmp_path_factory.mktemp("stranger"))
    with opened(tls_context=signer.server(*names or ["127.0.0.1"])) as office:
        letter = write(alice)
        assert sweep() == 0
    assert office.told == []
    letter.refresh_from_db()
    assert "certificate" in letter.trouble_text.lower()


def test_a_server_that_offers_no_tls_gets_nothing(opened: Office, alice: User) -> None:
    """Somebody between us and the server may have taken the offer out."""
    with opened() as office:
        letter = write(alice)
        assert sweep() == 0
    assert office.told == []
    letter.refresh_from_db()
    assert "STARTTLS" in letter.trouble_text
