"""Reading the environment: a wrong value is told in words, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from mollymawk.env import database, env_bool, env_choice, env_int, env_list, env_str


def test_a_value_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "teal")
    assert env_str("COLOUR", "red") == "teal"


def test_an_empty_value_is_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "")
    assert env_str("COLOUR", "red") == ""


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("whisper\n")
    monkeypatch.setenv("COLOUR_FILE", str(tmp_path / "secret"))
    assert env_str("COLOUR") == "whisper"


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLOUR_FILE", str(tmp_path / "nothing"))
    with pytest.raises(ImproperlyConfigured, match=r"COLOUR_FILE: cannot read .*nothing"):
        env_str("COLOUR")


def test_what_is_needed_and_missing_is_named() -> None:
    with pytest.raises(ImproperlyConfigured, match="COLOUR is not set"):
        env_str("COLOUR")


@pytest.mark.parametrize(("text", "meaning"), [("1", True), ("YES", True), ("off", False), ("", False)])
def test_yes_and_no_in_the_usual_spellings(
    monkeypatch: pytest.MonkeyPatch, text: str, meaning: object
) -> None:
    monkeypatch.setenv("LIGHT", text)
    assert env_bool("LIGHT", default=not meaning) is meaning


def test_a_maybe_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIGHT", "maybe")
    with pytest.raises(ImproperlyConfigured, match="LIGHT is 'maybe'; write true or false"):
        env_bool("LIGHT", default=True)


@pytest.mark.parametrize("text", ["", "seven", "7.0", "0", "11"])
def test_a_number_out_of_its_limits_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COUNT", text)
    with pytest.raises(ImproperlyConfigured, match="COUNT is"):
        env_int("COUNT", 5, low=1, high=10)


def test_a_list_drops_empty_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTS", "a, b,,")
    assert env_list("HOSTS") == ["a", "b"]


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:////srv/data/db.sqlite3", "/srv/data/db.sqlite3"), ("sqlite:///db.sqlite3", "db.sqlite3")],
)
def test_sqlite_paths_may_be_absolute_or_relative(url: str, path: str) -> None:
    assert database(url)["NAME"] == path


def test_sqlite_keeps_an_intent_over_a_power_loss() -> None:
    options = database("sqlite:////srv/db")["OPTIONS"]
    assert options == {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }


def test_postgresql_by_network() -> None:
    found = database("postgres://me:p%40ss@db.example:5433/mollymawk")
    assert [found[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")] == [
        "me",
        "p@ss",
        "db.example",
        "5433",
        "mollymawk",
    ]


def test_postgresql_by_socket() -> None:
    found = database("postgresql://me@%2Frun%2Fpostgresql/mollymawk")
    assert (found["HOST"], found["PORT"]) == ("/run/postgresql", "")


def test_another_database_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="'mysql' is not supported"):
        database("mysql://me@host/db")


def test_a_choice_is_one_of_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "Teal")
    assert env_choice("COLOUR", "red", ("red", "teal")) == "teal"
    monkeypatch.setenv("COLOUR", "blue")
    with pytest.raises(ImproperlyConfigured, match="write one of: red, teal"):
        env_choice("COLOUR", "red", ("red", "teal"))
