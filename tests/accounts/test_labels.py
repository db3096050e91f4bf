"""How the name of a personal team is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.labels import NAMELESS, RESERVED, check_label, free_label, label_of
from albatross.names import MAX_LABEL, parse_label
from mollymawk.errors import Invalid


@pytest.mark.parametrize(
    ("email", "label"),
    [
        ("alice@example.org", "alice"),
        ("Alice.Smith@example.org", "alice-smith"),
        ("alice+ci@example.org", "alice-ci"),
        ("zoë@example.org", "zoe"),
        ("ﬁne@example.org", "fine"),
        ("a_b__c@example.org", "a-b-c"),
        ('"odd @ one"@example.org', "odd-one"),
        ("-x-@example.org", "x"),
        ("...@example.org", NAMELESS),
        ("李@example.org", NAMELESS),
        ("@example.org", NAMELESS),
        ("no-at-sign", NAMELESS),
        ("", NAMELESS),
        ("a" * 100 + "@example.org", "a" * MAX_LABEL),
        ("a" * 62 + ".b@example.org", "a" * 62),
    ],
)
def test_the_label_stands_near_to_the_address(email: str, label: str) -> None:
    assert label_of(email) == label


@given(st.text(max_size=200))
def test_the_label_of_any_text_is_valid(text: str) -> None:
    label = label_of(text)
    assert parse_label(label) == label


def test_a_free_label_is_taken_as_it_is() -> None:
    assert free_label("alice", set().__contains__) == "alice"


def test_a_taken_label_gets_the_next_free_number() -> None:
    assert free_label("alice", {"alice"}.__contains__) == "alice-2"
    assert free_label("alice", {"alice", "alice-2", "alice-3"}.__contains__) == "alice-4"


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_a_reserved_word_gets_a_number(word: str) -> None:
    assert free_label(word, set().__contains__) == f"{word}-2"


@given(
    st.text("ab-", min_size=1, max_size=MAX_LABEL).map(lambda text: text.strip("-") or "a"),
    st.integers(0, 12),
)
def test_a_numbered_label_is_valid_and_free(wanted: str, others: int) -> None:
    taken: set[str] = set()
    for _ in range(others + 1):
        label = free_label(wanted, taken.__contains__)
        assert label not in taken
        assert parse_label(label) == label
        taken.add(label)


def test_a_long_label_is_cut_to_make_room_for_its_number() -> None:
    long = "a" * MAX_LABEL
    assert free_label(long, {long}.__contains__) == "a" * 61 + "-2"
    assert free_label("a" * 60 + "-bc", {"a" * 60 + "-bc"}.__contains__) == "a" * 60 + "-2"


@pytest.mark.parametrize("text", ["robur", "robur.coop", "a", "9", "x" * MAX_LABEL])
def test_a_team_may_be_called(text: str) -> None:
    assert check_label(text, "name") == text


def test_the_name_of_a_team_is_folded() -> None:
    assert check_label(" Robur ", "name") == "robur"


@pytest.mark.parametrize(
    "text", ["", ".", "..", ".a", "a.", "-a", "a b", "a:b", "ä", "x" * 64, "admin", "NEW"]
)
def test_a_team_may_not_be_called(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_label(text, "domain")
    assert list(caught.value.fields) == ["domain"]
