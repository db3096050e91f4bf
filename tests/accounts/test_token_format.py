"""What a token looks like, before any database is asked."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts import tokens
from accounts.checks import check_peppers


def test_a_token_is_one_word_that_a_double_click_takes() -> None:
    key_id, text = tokens.make()
    assert re.fullmatch(r"\w+", text)
    assert text.startswith(f"mm_{key_id}_")
    assert len(text) == tokens.LENGTH


def test_a_token_has_enough_random_bits() -> None:
    assert 62**tokens.SECRET > 2**160


def test_no_two_tokens_are_alike() -> None:
    assert len({tokens.make()[1] for _ in range(500)}) == 500


def test_the_checksum_is_known_by_its_values() -> None:
    assert tokens.checksum("") == "000000"
    assert tokens.checksum("123456789") == "3jZRME"  # CRC32 cbf43926


def test_a_fresh_token_tells_its_key_id() -> None:
    key_id, text = tokens.make()
    assert tokens.key_id_of(text) == key_id


def test_a_token_with_any_one_character_changed_is_no_token() -> None:
    _, text = tokens.make()
    for place in range(len(text)):
        for other in "aZ0_-é":
            if text[place] != other:
                assert tokens.key_id_of(text[:place] + other + text[place + 1 :]) is None


@pytest.mark.parametrize(
    "change",
    [lambda t: t[:-1], lambda t: t + "0", lambda t: t + "\n", lambda t: " " + t, str.lower, lambda t: ""],
)
def test_a_token_cut_or_lengthened_is_no_token(change: object) -> None:
    _, text = tokens.make()
    assert callable(change)
    assert tokens.key_id_of(change(text)) is None


def test_two_characters_that_changed_places_are_found_out() -> None:
    _, text = tokens.make()
    start = len("mm_") + tokens.KEY_ID + 1
    for place in range(start, len(text) - 1):
        swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        assert swapped == text or tokens.key_id_of(swapped) is None


def test_what_is_kept_depends_on_the_pepper() -> None:
    assert tokens.digest("x", "one") != tokens.digest("x", "two")


def test_peppers_are_read_newest_first() -> None:
    assert list(tokens.read_peppers(("2:new:with colon", "1:old"))) == [2, 1]
    assert tokens.read_peppers(("2:new:with colon", "1:old"))[2] == "new:with colon"


@pytest.mark.parametrize(
    "entries",
    [(), ("secret",), ("x:secret",), ("0:secret",), ("1:",), ("1:a", "1:b"), ("40000:a",), ("²:a",)],
)
def test_peppers_that_make_no_sense_stop_the_start(entries: tuple[str, ...], settings: object) -> None:
    with pytest.raises(ImproperlyConfigured):
        tokens.read_peppers(entries)
    settings.TOKEN_PEPPERS = list(entries)  # type: ignore[attr-defined]  # pytest-django's settings
    assert [message.id for message in check_peppers()] == ["accounts.E001"]


def test_a_short_pepper_is_warned_of(settings: object) -> None:
    settings.TOKEN_PEPPERS = ["2:" + "x" * 32, "1:short"]  # type: ignore[attr-defined]  # as above
    assert [message.id for message in check_peppers()] == ["accounts.W001"]
