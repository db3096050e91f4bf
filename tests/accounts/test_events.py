"""What happened stays, as it was, without secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import tokens
from accounts.actors import SYSTEM, Actor
from accounts.events import HIDDEN, MAX_REASON, MAX_WORD, record
from accounts.models import AppendOnlyError, Event, Team, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    return record(actor=SYSTEM, kind="team.created", subject="team:1", data={"name": "robur"})


def test_an_event_tells_who_did_what_with_what_and_from_where(robur: Team, alice: User) -> None:
    actor = Actor(alice, "session", "192.0.2.1")
    event = record(
        actor=actor, kind="member.set", subject="team:1", team=robur, was="viewer", now="owner", operation=7
    )
    event.refresh_from_db()
    assert (event.actor, event.credential, event.address) == (alice, "session", "192.0.2.1")
    assert (event.kind, event.subject, event.team, event.operation) == ("member.set", "team:1", robur, 7)
    assert (event.was, event.now, event.data) == ("viewer", "owner", {})


CHANGES: list[Callable[[Event], Any]] = [
    lambda event: event.save(),
    lambda event: event.save(update_fields=["kind"]),
    lambda event: event.save(force_update=True),
    lambda event: event.delete(),
    lambda event: Event.objects.update(kind="other"),
    lambda event: Event.objects.filter(pk=event.pk).delete(),
    lambda event: Event.objects.bulk_update([event], ["kind"]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_an_event_is_neither_changed_nor_deleted(event: Event, change: Callable[[Event], Any]) -> None:
    with pytest.raises(AppendOnlyError):
        change(event)
    assert list(Event.objects.values_list("kind", flat=True)) == ["team.created"]


def test_an_event_cannot_take_the_place_of_another(event: Event) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Event(pk=event.pk, credential="system", kind="other", subject="x").save()


@pytest.mark.parametrize(
    "assignment", ["kind = 'other'", "reason = 'better'", "data = '{}'", "at = NULL", "id = 9999"]
)
def test_the_database_itself_refuses_to_change_an_event(event: Event, assignment: str) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE accounts_event SET {assignment}")


def test_the_database_refuses_to_ascribe_an_event_to_somebody_else(alice: User, bob: User) -> None:
    event = record(actor=Actor(alice, "session"), kind="x.y", subject="x")
    update = "UPDATE accounts_event SET actor_id = %s WHERE id = %s"
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(update, [bob.pk, event.pk])


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no other way to be emptied")
def test_the_database_refuses_to_delete_an_event(event: Event) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM accounts_event")


def test_a_team_may_go_and_its_events_stay(robur: Team) -> None:
    before = Event.objects.filter(team=robur).count()
    assert before
    robur.delete()
    assert Event.objects.filter(kind="team.created", team=None, data__name="robur").exists()


def token() -> str:
    return tokens.make()[1]


PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----"


def test_a_token_in_a_text_is_hidden() -> None:
    text = token()
    event = record(actor=SYSTEM, kind="x", subject="x", reason=f"got {text}, sorry", data={"said": [text]})
    assert event.reason == f"got {HIDDEN}, sorry"
    assert event.data == {"said": [HIDDEN]}


def test_a_private_key_in_a_text_is_hidden_even_when_it_is_cut() -> None:
    whole = record(actor=SYSTEM, kind="x", subject="x", reason=f"a {PEM} b")
    cut = record(actor=SYSTEM, kind="x", subject="x", reason=f"a {PEM[:40]}")
    assert (whole.reason, cut.reason) == (f"a {HIDDEN} b", f"a {HIDDEN}")


@pytest.mark.parametrize(
    "name", ["password", "new_password", "Secret", "sealed_key", "arguments", "private_key"]
)
def test_a_value_under_the_name_of_a_secret_is_hidden(name: str) -> None:
    event = record(actor=SYSTEM, kind="x", subject="x", data={"to": {name: ["--key=1"]}, "size": 3})
    assert event.data == {"to": {name: HIDDEN}, "size": 3}


def test_texts_that_the_database_could_not_keep_are_kept_otherwise() -> None:
    event = record(
        actor=SYSTEM, kind="x", subject="x", was="w" * 100, now="\0", reason="r" * 9999, data={"a": "\0"}
    )
    event.refresh_from_db()
    assert (len(event.was), len(event.reason)) == (MAX_WORD, MAX_REASON)
    assert (event.now, event.data) == ("\ufffd", {"a": "\ufffd"})


def test_data_of_any_depth_ends() -> None:
    deep: dict[str, Any] = {}
    for _ in range(1000):
        deep = {"a": deep}
    event = record(actor=SYSTEM, kind="x", subject="x", data=deep)
    assert HIDDEN in str(event.data)
