"""Finding events: who may read which, by what they can be found, at what cost, and as files."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actors import COMMAND, SYSTEM, Actor
from accounts.audit import words
from accounts.audit.search import Wanted, kinds, search
from accounts.events import record
from accounts.models import Event, Role, Team, User
from mollymawk.errors import Forbidden, Invalid, Missing
from tests.cast import ApiOf, ClientOf, TokenOf


@pytest.fixture
def told(robur: Team, alice: User, charlie: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four events of four days; the oldest of a person with a token, about a team that is gone."""
    now, gone = timezone.now(), Team.objects.create(name="gone", domain="gone")
    people = (Actor(charlie, "token mm_a"), Actor(alice, "session", "2001:db8::1"), SYSTEM, COMMAND)
    for days, (actor, team) in enumerate(zip(people, (gone, robur, robur, None), strict=True), start=-3):
        then = now + timedelta(days=days)
        monkeypatch.setattr(Event._meta.get_field("at"), "_get_default", lambda then=then: then)
        record(actor=actor, kind=f"x{days % 2}.y", subject=f"x:{days}", team=team, reason="=1+1")
    gone.delete()


def found(actor: Actor = SYSTEM, **wanted: Any) -> list[str]:
    rows = search(actor=actor, wanted=Wanted(**wanted)).filter(subject__startswith="x:")
    return list(rows.order_by("id").values_list("subject", flat=True))


def test_events_are_found_by_each_filter_and_by_all(told: None) -> None:
    now = timezone.now()
    assert found() == ["x:-3", "x:-2", "x:-1", "x:0"]
    assert found(team="Robur") == ["x:-2", "x:-1"]
    assert found(team="gone") == ["x:-3"]
    assert found(team="never") == []
    assert found(who="Alice@example.org ") == ["x:-2"]
    assert found(kind="x1.y") == found(kind="x1") == ["x:-3", "x:-1"]
    assert found(kind="x") == found(kind="x1.") == []
    assert found(subject="x:0") == ["x:0"]
    assert found(credential="token mm_a") == ["x:-3"]
    assert found(since=now - timedelta(days=1, hours=2)) == ["x:-1", "x:0"]
    assert found(until=now - timedelta(days=1, hours=2)) == ["x:-3", "x:-2"]
    assert found(team="robur", kind="x1", since=now - timedelta(days=2), until=now) == ["x:-1"]


def test_who_may_read_what(told: None, alice: User, bob: User, charlie: User, root: User) -> None:
    assert found(Actor(alice, "session")) == ["x:-2", "x:-1"]
    assert found(Actor(bob, "session")) == found(Actor(charlie, "session")) == []
    assert len(found(Actor(root, "session"))) == 4
    with pytest.raises(Forbidden):
        found(Actor(bob, "session"), team="robur")
    for team in ("robur", "never", "gone"):
        with pytest.raises(Missing):
            found(Actor(charlie, "session"), team=team)


def test_a_new_team_of_an_old_name_does_not_read_what_the_old_one_did(told: None, charlie: User) -> None:
    from accounts.services import team_create

    team_create(actor=Actor(charlie, "session"), name="gone")
    assert found(Actor(charlie, "session"), team="gone") == []


def test_kinds_are_told_once_each(told: None) -> None:
    assert [kind for kind in kinds() if kind.startswith("x")] == ["x0.y", "x1.y"]


def test_a_day_is_meant_with_all_of_it() -> None:
    since, until = words.since("2026-11-30"), words.until("2026-11-30")
    assert since is not None
    assert until is not None
    assert until - since == timedelta(days=1)
    assert words.until("2026-11-30T08:00") == since + timedelta(hours=8)
    for text in ("yesterday", "2026-02-30", "9999-12-31"):
        with pytest.raises(Invalid):
            words.until(text)


# --- from the doors --------------------------------------------------------------------------------


def test_by_api_a_token_needs_the_role_of_an_owner(
    told: None, alice: User, token_of: TokenOf, api_of: ApiOf
) -> None:
    owner, deployer = (api_of(token_of(alice, role)) for role in (Role.OWNER, Role.DEPLOYER))
    items = owner.get("/api/v1/events/", {"kind": "x0"}).json()["items"]
    assert [(item["subject"], item["who"], item["team"]) for item in items] == [
        ("x:-2", "alice@example.org", "robur")
    ]
    assert items[0]["address"] == "2001:db8::1"
    assert deployer.get("/api/v1/events/").status_code == 403
    assert owner.get("/api/v1/events/", {"since": "yesterday"}).status_code == 400


def content(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


@pytest.mark.parametrize("path", ["/api/v1/events/export/?type={}&", "/audit/export/?type={}&"])
def test_events_are_downloaded_oldest_first(
    path: str, told: None, alice: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.audit.export.BATCH", 3)
    client = client_of(alice)
    lines = [
        json.loads(line) for line in content(client.get(path.format("jsonl") + "team=robur")).splitlines()
    ]
    assert [line["id"] for line in lines] == list(
        Event.objects.filter(team_name="robur").order_by("id").values_list("id", flat=True)
    )
    rows = list(csv.DictReader(io.StringIO(content(client.get(path.format("csv") + "kind=x0")))))
    assert [row["subject"] for row in rows] == ["x:-2"]
    assert rows[0]["reason"] == "'=1+1"


def test_the_page_shows_filters_and_tells_strangers_nothing(
    told: None, alice: User, charlie: User, root: User, client_of: ClientOf
) -> None:
    page = client_of(alice).get("/audit/?kind=x0&who=alice@example.org&team=robur")
    assert page.status_code == 200
    assert "x:-2" in page.text
    assert "x:-1" not in page.text
    assert "x:-2" not in client_of(charlie).get("/audit/").text
    assert client_of(charlie).get("/audit/export/?type=xml").status_code == 400
    assert client_of(root).get("/audit/?since=yesterday").status_code == 400


def test_a_viewer_is_told_that_the_log_is_for_owners(told: None, bob: User, client_of: ClientOf) -> None:
    assert client_of(bob).get("/audit/?team=robur").status_code == 403


@pytest.mark.parametrize("path", ["/audit/", "/api/v1/events/"])
def test_a_long_log_costs_no_more_questions(path: str, told: None, root: User, client_of: ClientOf) -> None:
    client: Client = client_of(root)
    client.get(path)
    with CaptureQueriesContext(connection) as short:
        client.get(path)
    for number in range(40):
        record(actor=Actor(root, "session"), kind=f"z{number}.y", subject=f"team:{number}")
    with CaptureQueriesContext(connection) as long:
        assert client.get(path).status_code == 200
    assert len(long) == len(short)


def test_the_command_writes_a_file_or_to_its_output(told: None, tmp_path: Any) -> None:
    out = io.StringIO()
    call_command("audit_export", "--team", "gone", stdout=out)
    assert [json.loads(line)["who"] for line in out.getvalue().splitlines()] == ["charlie@example.org"]
    path = tmp_path / "events.csv"
    options = ("--kind", "x1", "--credential", "system", "--format", "csv", "--output", str(path))
    call_command("audit_export", *options)
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    assert [row["subject"] for row in rows] == ["x:-1"]
    with pytest.raises(CommandError):
        call_command("audit_export", *options)
