"""System checks: wrong settings stop the start in words; ``/healthz`` tells what is out of reach."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.checks import CheckMessage
from django.test import Client
from pytest_django import Settings

from mollymawk import checks, health


def ids(found: list[CheckMessage]) -> list[str | None]:
    return [message.id for message in found]


def test_the_settings_of_the_tests_are_good() -> None:
    assert checks.check_keys() + checks.check_folders() + checks.check_site_url() == []


def test_a_key_that_is_none_is_told_by_its_number_not_by_its_text(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [*settings.ENCRYPTION_KEYS, "whisper"]
    (message,) = checks.check_keys()
    assert message.msg == "ENCRYPTION_KEYS: key 2 is not 32 bytes in URL-safe base64."


def test_a_short_secret_is_refused(settings: Settings) -> None:
    settings.SECRET_KEY = "short"
    assert ids(checks.check_keys()) == ["mollymawk.E002"]


def test_a_folder_that_is_not_there_is_told(settings: Settings, tmp_path: Path) -> None:
    settings.IMAGE_DIR = tmp_path / "nowhere"
    (message,) = checks.check_folders()
    assert message.msg.startswith(f"IMAGE_DIR: {tmp_path}/nowhere is no folder")


@pytest.mark.parametrize(
    "url", ["mollymawk.example", "ftp://mollymawk.example", "https://mollymawk.example/here"]
)
def test_an_address_that_is_none_is_refused(settings: Settings, url: str) -> None:
    settings.SITE_URL = url
    assert ids(checks.check_site_url()) == ["mollymawk.E004"]


@pytest.mark.parametrize(
    ("hosts", "good"),
    [
        (["mollymawk.example"], True),
        ([".example"], True),
        (["*"], True),
        (["other.example"], False),
        ([], False),
    ],
)
def test_the_host_of_the_site_has_to_be_answered(settings: Settings, hosts: list[str], good: object) -> None:
    settings.SITE_URL, settings.ALLOWED_HOSTS = "https://mollymawk.example", hosts
    assert ids(checks.check_site_url()) == ([] if good else ["mollymawk.E005"])


def test_a_public_installation_is_told_what_is_only_for_trying_out(settings: Settings) -> None:
    settings.SECURE_TRANSPORT, settings.EXAMPLE_IMAGES, settings.EMAIL_HOST = False, True, ""
    assert ids(checks.check_transport()) == ["mollymawk.W001", "mollymawk.W002", "mollymawk.W003"]


def test_a_broker_that_is_away_is_told_without_its_password(settings: Settings) -> None:
    settings.REDIS_URL = "redis://:whisper@127.0.0.1:1/0"
    (message,) = checks.check_broker()
    assert message.msg == "REDIS_URL: no answer from 127.0.0.1."


@pytest.mark.django_db
def test_health_is_good_when_everything_answers(client: Client, redis_server: str) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "broker": "ok"})


@pytest.mark.django_db
def test_health_names_what_is_out_of_reach(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"database": "ok", "broker": "unreachable"})


@pytest.mark.django_db
def test_health_is_only_to_be_asked(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
    assert set(health.PROBES) == {"database", "broker"}
