"""The environment that ``manage.py up`` makes for itself, and finds again."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from mollymawk.embedded.environment import (
    FILE_NAME,
    MAX_SOCKET_PATH,
    embedded,
    make_private,
    prepare,
    socket_path,
)


def made(folder: Path) -> dict[str, str]:
    environment: dict[str, str] = {}
    prepare(environment, folder, make=True)
    return environment


def test_the_first_start_makes_secrets_for_their_owner_only(tmp_path: Path) -> None:
    environment = made(tmp_path / "var")
    assert len(environment["SECRET_KEY"]) >= 50
    Fernet(environment["ENCRYPTION_KEYS"])
    assert stat.S_IMODE((tmp_path / "var" / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_the_second_start_finds_the_same(tmp_path: Path) -> None:
    assert made(tmp_path) == made(tmp_path)


def test_two_folders_share_no_secret(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a"), made(tmp_path / "b")
    assert first["SECRET_KEY"] != second["SECRET_KEY"]
    assert first["ENCRYPTION_KEYS"] != second["ENCRYPTION_KEYS"]


def test_another_command_makes_nothing(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    prepare(environment, tmp_path, make=False)
    assert environment == {}
    assert list(tmp_path.iterdir()) == []


def test_what_the_operator_says_stays(tmp_path: Path) -> None:
    environment = {"REDIS_URL": "redis://elsewhere", "EXAMPLE_IMAGES": "false"}
    prepare(environment, tmp_path, make=True)
    assert environment["REDIS_URL"] == "redis://elsewhere"
    assert environment["EXAMPLE_IMAGES"] == "false"


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FILE"])
def test_with_a_secret_of_its_own_an_installation_is_not_ours(name: str) -> None:
    assert not embedded({name: "x"})
    assert embedded({})


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o644)
    with pytest.raises(ImproperlyConfigured, match="chmod 600"):
        made(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match="Cannot write"):
        made(tmp_path / "file" / "var")


def test_a_socket_has_a_short_path_always_the_same(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    assert socket_path(tmp_path).parent == tmp_path
    assert len(str(socket_path(long))) <= MAX_SOCKET_PATH
    assert socket_path(long) == socket_path(long)
    assert socket_path(long) != socket_path(tmp_path / ("y" * 100))


def test_a_link_in_place_of_our_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").symlink_to(tmp_path / "theirs")
    with pytest.raises(ImproperlyConfigured, match="belongs to somebody else"):
        make_private(tmp_path / "ours")
