"""API tokens: issued, found, dead."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tokens
from accounts.actors import COMMAND, SYSTEM, Actor
from accounts.models import ApiToken, Event, Role, Team, User
from accounts.services import (
    describe,
    member_set,
    token_find,
    token_issue,
    token_list,
    token_revoke,
    token_used,
)
from accounts.services.tokens import DEFAULT_DAYS, MAX_DAYS, MAX_NAME, MAX_TOKENS
from mollymawk.errors import Forbidden, Invalid, Missing, Refused
from tests.cast import TokenOf

pytestmark = pytest.mark.django_db


def by(user: User) -> Actor:
    return Actor(user, "session")


@pytest.fixture
def issued(robur: Team, alice: User) -> tuple[ApiToken, str]:
    return token_issue(actor=by(alice), team=robur, name="ci", role=Role.DEPLOYER)


def test_a_token_is_found_by_its_text(issued: tuple[ApiToken, str]) -> None:
    token, text = issued
    assert token_find(text) == token


def test_a_token_lasts_ninety_days_unless_said_otherwise(robur: Team, alice: User) -> None:
    token, _ = token_issue(actor=by(alice), team=robur, name="ci", role=Role.VIEWER)
    assert token.expires_at
    assert token.expires_at - token.created_at < timedelta(days=DEFAULT_DAYS, minutes=1)
    longest, _ = token_issue(actor=by(alice), team=robur, name="ci", role=Role.VIEWER, days=MAX_DAYS)
    assert longest.expires_at
    assert longest.expires_at - longest.created_at > timedelta(days=MAX_DAYS, minutes=-1)


def test_neither_the_text_nor_the_secret_is_kept(issued: tuple[ApiToken, str]) -> None:
    token, text = issued
    secret = text.rpartition("_")[2]
    kept = str(list(ApiToken.objects.values())) + str(list(Event.objects.values()))
    assert token.key_id in kept
    assert secret not in kept
    assert secret[:10] not in kept
    assert text not in f"{token} {token!r}"


@pytest.mark.parametrize("days", [0, -1, MAX_DAYS + 1])
def test_a_lifetime_out_of_bounds_is_refused(robur: Team, alice: User, days: int) -> None:
    with pytest.raises(Invalid) as caught:
        token_issue(actor=by(alice), team=robur, name="ci", role=Role.VIEWER, days=days)
    assert list(caught.value.fields) == ["days"]


@pytest.mark.parametrize("name", ["", "   ", "x" * (MAX_NAME + 1), "a\0b"])
def test_a_token_has_a_name(robur: Team, alice: User, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        token_issue(actor=by(alice), team=robur, name=name, role=Role.VIEWER)
    assert list(caught.value.fields) == ["name"]


@pytest.mark.parametrize(("name", "error"), [("dave", Forbidden), ("bob", Forbidden), ("charlie", Missing)])
def test_only_owners_issue_and_revoke(
    name: str,
    error: type[Exception],
    robur: Team,
    issued: tuple[ApiToken, str],
    request: pytest.FixtureRequest,
) -> None:
    actor = by(request.getfixturevalue(name))
    with pytest.raises(error):
        token_issue(actor=actor, team=robur, name="ci", role=Role.VIEWER)
    with pytest.raises(error):
        token_revoke(actor=actor, token=issued[0])
    assert token_find(issued[1])


def test_programs_and_the_system_issue_no_tokens(robur: Team, alice: User, token_of: TokenOf) -> None:
    owner = Actor(alice, "token", None, token_find(token_of(alice, Role.OWNER)))
    for actor in (owner, SYSTEM, COMMAND):
        with pytest.raises(Forbidden):
            token_issue(actor=actor, team=robur, name="ci", role=Role.VIEWER)


def test_a_token_revokes_no_tokens(robur: Team, alice: User, token_of: TokenOf) -> None:
    token = token_find(token_of(alice, Role.OWNER))
    assert token is not None
    with pytest.raises(Forbidden):
        token_revoke(actor=Actor(alice, "token", None, token), token=token)


def test_a_team_has_tokens_by_number_and_dead_ones_do_not_count(robur: Team, alice: User) -> None:
    made = [
        token_issue(actor=by(alice), team=robur, name="ci", role=Role.VIEWER)[0] for _ in range(MAX_TOKENS)
    ]
    with pytest.raises(Refused, match=str(MAX_TOKENS)):
        token_issue(actor=by(alice), team=robur, name="ci", role=Role.VIEWER)
    token_revoke(actor=by(alice), token=made[0])
    assert token_issue(actor=by(alice), team=robur, name="ci", role=Role.VIEWER)


def test_a_revoked_token_is_dead_and_revoking_again_is_harmless(
    alice: User, issued: tuple[ApiToken, str]
) -> None:
    token, text = issued
    token_revoke(actor=by(alice), token=token)
    assert token_find(text) is None
    ended = token.revoked_at
    token_revoke(actor=by(alice), token=ApiToken.objects.get(pk=token.pk))
    assert ApiToken.objects.get(pk=token.pk).revoked_at == ended
    assert Event.objects.filter(kind="token.revoked").count() == 1


def test_an_expired_token_is_dead(issued: tuple[ApiToken, str]) -> None:
    ApiToken.objects.update(expires_at=timezone.now())
    assert token_find(issued[1]) is None


def test_a_token_with_one_character_changed_is_refused_without_asking_the_database(
    issued: tuple[ApiToken, str], django_assert_num_queries: Any
) -> None:
    _, text = issued
    with django_assert_num_queries(0):
        for place in range(len(text)):
            other = "A" if text[place] != "A" else "B"
            assert token_find(text[:place] + other + text[place + 1 :]) is None


@pytest.mark.parametrize("text", ["", "mm_", "x" * 52, "mm_é", "Bearer", "mm_" + "0" * 10_000, "\0" * 52])
def test_what_is_no_token_is_refused_without_asking_the_database(
    text: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert token_find(text) is None


def forged(key_id: str) -> str:
    body = f"mm_{key_id}_{tokens.random_text(tokens.SECRET)}"
    return body + tokens.checksum(body)


def test_another_secret_under_the_same_key_id_is_refused(issued: tuple[ApiToken, str]) -> None:
    assert token_find(forged(issued[0].key_id)) is None


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_secret_and_an_unknown_key_id_take_the_same_way(
    known: bool, issued: tuple[ApiToken, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One query, one HMAC, one comparison in constant time, whatever is wrong."""
    compared: list[tuple[int, int]] = []
    constant_time = hmac.compare_digest

    def spy(one: Any, other: Any) -> bool:
        compared.append((len(one), len(other)))
        return constant_time(one, other)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    with CaptureQueriesContext(connection) as queries:
        assert token_find(forged(issued[0].key_id if known else tokens.random_text(tokens.KEY_ID))) is None
    assert (len(queries), compared) == (1, [(64, 64)])


def test_a_new_pepper_keeps_old_tokens_until_the_old_one_is_taken_away(
    robur: Team, alice: User, issued: tuple[ApiToken, str], settings: Any
) -> None:
    old = settings.TOKEN_PEPPERS
    settings.TOKEN_PEPPERS = ["2:" + "n" * 40, *old]
    assert token_find(issued[1]) == issued[0]
    newer, text = token_issue(actor=by(alice), team=robur, name="newer", role=Role.VIEWER)
    assert newer.pepper == 2
    settings.TOKEN_PEPPERS = settings.TOKEN_PEPPERS[:1]
    assert token_find(issued[1]) is None
    assert token_find(text) == newer


def test_use_is_written_down_at_most_each_minute(
    issued: tuple[ApiToken, str], django_assert_num_queries: Any
) -> None:
    token = token_find(issued[1])
    assert token is not None
    with django_assert_num_queries(1):
        token_used(token)
    with django_assert_num_queries(0):
        token_used(token)
    first = ApiToken.objects.get(pk=token.pk).last_used_at
    assert first is not None
    token_used(issued[0])  # another process, which read the row before
    assert ApiToken.objects.get(pk=token.pk).last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    token_used(ApiToken.objects.get(pk=token.pk))
    assert ApiToken.objects.get(pk=token.pk).last_used_at != first - timedelta(seconds=61)


def test_a_token_describes_what_it_may_do_now(robur: Team, dave: User, token_of: TokenOf) -> None:
    token = token_find(token_of(dave, Role.OWNER))
    assert token is not None
    told = describe(token)
    assert told == {
        "id": token.key_id,
        "name": "test",
        "team": "robur",
        "role": "deployer",
        "scopes": ["read", "console", "upgrade", "deploy", "blocks"],
        "unikernels": None,
        "networks": [],
        "expires_at": token.expires_at,
        "last_used_at": None,
    }
    member_set(actor=SYSTEM, team=robur, user=dave, role=Role.VIEWER)
    assert describe(token)["role"] == "viewer"
    robur.memberships.filter(user=dave).delete()
    assert describe(token)["role"] is None


def test_the_list_leaves_out_what_ended_long_ago(robur: Team, alice: User) -> None:
    made = [
        token_issue(actor=by(alice), team=robur, name=name, role=Role.VIEWER)[0]
        for name in ("lives", "expired", "revoked", "expired long ago", "revoked long ago")
    ]
    now, long_ago = timezone.now(), timezone.now() - timedelta(days=31)
    for token, column, at in [
        (made[1], "expires_at", now),
        (made[2], "revoked_at", now),
        (made[3], "expires_at", long_ago),
        (made[4], "revoked_at", long_ago),
    ]:
        ApiToken.objects.filter(pk=token.pk).update(**{column: at})
    assert {token.name for token in token_list(robur)} == {"lives", "expired", "revoked"}
