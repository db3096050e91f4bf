"""Whoever changes the log, with the database's guards dropped, is found out."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.audit import services
from accounts.audit.models import Link
from accounts.audit.verify import verify
from accounts.models import Event, Team, User
from tests.audit.conftest import Sql


def flaws(**options: Any) -> list[tuple[int | None, str]]:
    return [(flaw.event, flaw.text) for flaw in verify(**options).flaws]


def run(*words: str) -> tuple[int, str]:
    """The exit code, and what was printed."""
    out = io.StringIO()
    try:
        call_command("audit_verify", *words, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


def test_what_nobody_touched_is_as_it_was(log: list[int]) -> None:
    report = verify()
    assert (report.flaws, report.events, report.waiting) == ([], Event.objects.count(), 0)
    assert report.links == -(-report.events // 4)
    assert report.head == str(Link.objects.last())


CHANGES = [
    "kind = 'x.z'",
    "at = '2020-01-01 00:00:00+00:00'",
    "who = 'bob@example.org'",
    "credential = 'system'",
    "address = '192.0.2.9'",
    "address = NULL",
    "subject = 'x:99'",
    "operation = 1",
    "was = 'a'",
    "now = 'b'",
    "reason = 'another'",
    "team_name = 'other'",
    "parties = ''",
    'data = \'{"size": 99, "of": 1}\'',
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_event_is_named(change: str, log: list[int], sql: Sql) -> None:
    sql(f"UPDATE accounts_event SET {change} WHERE id = %s", log[4])
    assert flaws() == [(log[4], "was changed")]


def test_an_event_given_to_somebody_else_or_hidden_from_its_team_is_named(
    log: list[int], sql: Sql, alice: User, bob: User, robur: Team
) -> None:
    sql("UPDATE accounts_event SET actor_id = %s WHERE id = %s", bob.pk, log[1])
    sql("UPDATE accounts_event SET team_id = NULL WHERE id = %s", log[4])
    assert flaws() == [
        (log[1], f"refers to user:{bob.pk}, not to user:{alice.pk}"),
        (log[4], f"refers to team:0, not to team:{robur.pk}"),
    ]


@pytest.mark.parametrize("which", [0, 4, 8])
def test_a_missing_event_is_named(which: int, log: list[int], sql: Sql) -> None:
    sql("DELETE FROM accounts_event WHERE id = %s", log[which])
    assert flaws() == [(log[which], "is missing")]


def test_an_inserted_event_is_named(log: list[int], sql: Sql) -> None:
    sql("UPDATE accounts_event SET id = id - 100000 WHERE id = %s", log[4])
    assert flaws() == [(log[4] - 100000, "was inserted"), (log[4], "is missing")]


def test_events_in_another_order_are_named(log: list[int], sql: Sql) -> None:
    for was, now in ((log[2], -1), (log[3], log[2]), (-1, log[3])):
        sql("UPDATE accounts_event SET id = %s WHERE id = %s", now, was)
    assert flaws() == [(log[2], "was changed"), (log[3], "was changed")]


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (
            "UPDATE accounts_link SET hash = '" + "0" * 64 + "' WHERE number = 2",
            "the link is not as it was made",
        ),
        ("UPDATE accounts_link SET leaves = %s WHERE number = 2", "the link is not as it was made"),
        ("UPDATE accounts_link SET last = last - 1 WHERE number = 2", "the link is not as it was made"),
        ("DELETE FROM accounts_link WHERE number = 2", "links are missing before link 3"),
        ("DELETE FROM accounts_link WHERE number = 1", "links are missing before link 2"),
    ],
)
def test_a_broken_chain_is_told(statement: str, text: str, log: list[int], sql: Sql) -> None:
    sql(statement, *([b"xyz"] if "%s" in statement else []))
    assert text in {text for event, text in flaws() if event is None}


def test_a_chain_made_anew_is_found_out_by_what_was_noted_elsewhere(log: list[int], sql: Sql) -> None:
    noted = {link.number: link.hash for link in Link.objects.all()}
    assert flaws(anchors=noted) == []
    sql("UPDATE accounts_event SET kind = 'x.z' WHERE id = %s", log[8])
    sql("DELETE FROM accounts_link WHERE number > 2")
    services.extend()
    assert flaws() == []  # alone it cannot know
    changed = [number for number, _ in enumerate(flaws(anchors=noted))]
    assert changed
    sql("DELETE FROM accounts_link WHERE number > 3")
    assert any("is not there" in text for _, text in flaws(anchors=noted))


def test_people_teams_and_instances_may_go(log: list[int], alice: User, robur: Team) -> None:
    robur.delete()
    alice.personal_team.delete()
    alice.delete()
    assert flaws() == []
    event = Event.objects.get(pk=log[1])
    assert (event.actor, event.team, event.who, event.team_name) == (None, None, "alice@example.org", "robur")


def test_only_what_is_newer_is_read_when_asked(log: list[int], sql: Sql) -> None:
    sql("UPDATE accounts_event SET kind = 'x.z' WHERE id = %s", log[0])
    assert flaws(since=timezone.now() + timedelta(days=1)) == []
    assert flaws(since=timezone.now() - timedelta(days=1)) == [(log[0], "was changed")]


def test_the_command_tells_and_ends_with_nine(log: list[int], sql: Sql) -> None:
    code, text = run()
    assert code == 0
    assert text.splitlines()[-1] == f"Head: {Link.objects.last()}"
    sql("DELETE FROM accounts_event WHERE id = %s", log[3])
    sql("UPDATE accounts_event SET reason = 'x' WHERE id = %s", log[5])
    code, text = run()
    assert code == 9
    assert text.startswith(f"event {log[3]} is missing (link ")
    code, text = run("--json")
    told = json.loads(text)
    assert (code, told["ok"], [flaw["event"] for flaw in told["flaws"]]) == (9, False, [log[3], log[5]])
    assert run("--since", "2100-01-01")[0] == 0
    assert run("--anchor", f"1:{'0' * 64}")[0] == 9


@pytest.mark.parametrize("words", [("--anchor", "1"), ("--since", "yesterday"), ("--since", "2026-13-01")])
def test_what_makes_no_sense_is_refused(words: tuple[str, str], db: None) -> None:
    assert run(*words)[0] == 2


# --- the guards of the database --------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_link SET hash = 'x'",
        "UPDATE accounts_link SET last = 0",
        "UPDATE accounts_link SET leaves = %s",
        "UPDATE accounts_event SET who = 'x'",
        "DELETE FROM accounts_link",
    ],
)
def test_the_database_refuses_to_change_the_chain(statement: str, log: list[int]) -> None:
    if statement.startswith("DELETE") and connection.vendor == "sqlite":
        pytest.skip("SQLite has no other way to be emptied")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, [b""] if "%s" in statement else [])
