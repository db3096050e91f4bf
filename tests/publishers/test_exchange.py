"""Identities exchanged for tokens: by whom, for what, once; and what a refusal tells."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.actors import SYSTEM, Actor
from accounts.models import ApiToken, Event, Role, Team, User
from accounts.publishers import exchange as exchanging
from accounts.publishers import keys
from accounts.publishers.models import Issuer, SpentIdentity
from accounts.publishers.services import issuer_add, issuer_remove, publisher_add, publisher_remove
from accounts.services import member_remove, member_set, token_find, token_list
from mollymawk.errors import Conflict, Forbidden, Invalid, Refused
from tests.api.caller import Caller, anonymous
from tests.cast import ApiOf
from tests.publishers.conftest import Add
from tests.publishers.issuer import Server, key

EXCHANGE = "oidc/exchange/"


def ask(text: str, **more: Any) -> Any:
    return anonymous().post(EXCHANGE, {"token": text} | more)


def a_minute_passes(issuer: Issuer) -> None:
    cache.delete(f"accounts.publishers.keys.{issuer.pk}.asked")


def test_an_identity_becomes_a_token_of_a_quarter_of_an_hour(add: Add, server: Server, api_of: ApiOf) -> None:
    publisher = add(scopes=["upgrade"], unikernels=["hello"])
    identity = server.identity()
    answer = ask(identity)
    assert answer.status_code == 200
    assert (answer.data["scopes"], answer.data["unikernels"]) == (["read", "upgrade"], ["hello"])
    token = token_find(answer.data["token"])
    assert token is not None
    assert token.expires_at
    assert token.expires_at - timezone.now() <= timedelta(minutes=15)
    assert Caller(api_of(answer.data["token"])).get("token/").data["team"] == "robur"
    assert list(token_list(publisher.team)) == []
    told = Event.objects.get(kind="publisher.exchanged")
    assert (told.credential, told.data["repository"]) == (f"publisher {publisher.pk}", "robur/unikernels")
    everything = str(list(Event.objects.values()))
    assert identity not in everything
    assert answer.data["token"] not in everything


def test_an_identity_works_once_and_a_rehearsal_spends_nothing(add: Add, server: Server) -> None:
    add()
    identity = server.identity()
    assert anonymous().post(EXCHANGE, {"token": identity}, dry_run="true").data["possible"]
    assert not ApiToken.objects.exists()
    keyed = anonymous().saying(Idempotency_Key="k")
    assert keyed.post(EXCHANGE, {"token": identity}).status_code == 200
    again = keyed.post(EXCHANGE, {"token": identity})
    assert (again.status_code, "already" in again.data["detail"]) == (403, True)
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"repository_owner_id": "43"}, "owner id is 43, not 42"),
        ({"job_workflow_ref": "robur/unikernels/.github/workflows/evil.yml@x"}, "workflow is"),
        ({"job_workflow_ref": "other/unikernels/.github/workflows/deploy.yml@x"}, "workflow is other/"),
        ({"environment": "test"}, "environment is test, not production"),
        ({"environment": None}, "environment is none, not production"),
        ({"ref": "refs/heads/mine"}, "ref is refs/heads/mine, not refs/heads/main"),
        ({"ref": "refs/heads/main2"}, "ref is"),
        ({"event_name": "workflow_run"}, "event is workflow_run, not push"),
        ({"event_name": "pull_request"}, "strangers"),
        ({"event_name": "pull_request_target"}, "strangers"),
    ],
)
def test_what_does_not_match_is_told(claims: dict[str, Any], told: str, add: Add, server: Server) -> None:
    add(environment="production", events=["push"])
    answer = ask(server.identity(**claims))
    assert answer.status_code == 403
    assert told in answer.data["errors"][0]["detail"]
    assert told in Event.objects.get(kind="publisher.refused").reason
    assert not ApiToken.objects.exists()


def test_whoever_nobody_trusts_leaves_no_event(add: Add, server: Server) -> None:
    add()
    before = Event.objects.count()
    for claims in ({"repository_id": "4712"}, {"repository_id": None}, {"repository_id": ["4711"]}):
        assert ask(server.identity(**claims)).status_code == 403
    assert ask("no.identity.x").status_code == 403
    assert Event.objects.count() == before


def test_a_pattern_of_tags_and_a_choice_among_several(add: Add, server: Server, alice: User) -> None:
    add(ref="refs/tags/v*")
    first = add()
    home = Team.objects.get(personal_of=alice)
    second = add(team=home)
    assert ask(server.identity(ref="refs/tags/v1.2")).status_code == 200
    assert "Say which" in ask(server.identity()).data["detail"]
    assert ask(server.identity(), team=home.name).data["team"] == home.name
    assert ask(server.identity(), publisher=first.pk).data["team"] == "robur"
    assert ask(server.identity(), team="robur", publisher=second.pk).status_code == 403


def test_it_acts_in_the_name_of_who_set_it_up(
    add: Add, server: Server, robur: Team, alice: User, bob: User
) -> None:
    add(scopes=["deploy"])
    text = ask(server.identity()).data["token"]
    member_set(actor=SYSTEM, team=robur, user=bob, role=Role.OWNER)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert "set it up anew" in ask(server.identity()).data["detail"]
    User.objects.filter(pk=alice.pk).update(is_active=True)
    member_remove(actor=SYSTEM, team=robur, user=alice)
    assert token_find(text) is None
    assert ask(server.identity()).status_code == 403


def test_a_publisher_that_is_removed_takes_its_tokens_with_it(add: Add, server: Server, alice: User) -> None:
    publisher = add()
    text = ask(server.identity()).data["token"]
    publisher_remove(actor=Actor(alice, "session"), publisher=publisher)
    assert token_find(text) is None


def test_keys_turn_over_and_the_issuer_is_asked_once_a_minute(
    add: Add, server: Server, issuer: Issuer
) -> None:
    add()
    keys.forget(issuer)
    server.asked = 0
    for _ in range(3):
        assert ask(server.identity()).status_code == 200
    assert server.asked == 1
    server.keys["ES256-1"] = key("ES256", 1)
    assert ask(server.identity("ES256-1")).status_code == 403  # asked less than a minute ago
    assert server.asked == 1
    a_minute_passes(issuer)
    assert ask(server.identity("ES256-1")).status_code == 200
    assert server.asked == 2
    server.broken = True
    a_minute_passes(issuer)
    assert ask(server.identity()).status_code == 200  # what is known is believed meanwhile
    keys.forget(issuer)
    assert ask(server.identity()).status_code == 502


def test_gitlab_has_other_words(server: Server, robur: Team, alice: User) -> None:
    issuer = issuer_add(actor=SYSTEM, name="gitlab", url=server.url, kind="gitlab", algorithms=["RS256"])
    wanted: dict[str, Any] = {"repository": "robur/unikernels", "repository_id": "7", "owner_id": "3"}
    publisher_add(
        actor=Actor(alice, "session"), team=robur, issuer=issuer, workflow=".gitlab-ci.yml", **wanted
    )
    claims = {
        "project_path": "robur/unikernels",
        "project_id": "7",
        "namespace_id": "3",
        "ref": "main",
        "ref_type": "branch",
        "pipeline_source": "push",
        "ci_config_ref_uri": "gitlab.example.org/robur/unikernels//.gitlab-ci.yml@refs/heads/main",
    }
    assert ask(server.identity(**claims)).status_code == 200
    assert ask(server.identity(**claims | {"pipeline_source": "merge_request_event"})).status_code == 403
    assert ask(server.identity(**claims | {"ref_type": "tag"})).status_code == 403
    assert ask(server.identity("ES256-0", **claims)).status_code == 403  # not as it signs


def test_strangers_may_not_ask_for_ever(db: None, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1200
    client = Client(REMOTE_ADDR="192.0.2.99")
    told = {client.post(f"/api/v1/{EXCHANGE}", {}, "application/json").status_code for _ in range(62)}
    assert told == {400, 429}


def test_only_owners_set_one_up_and_only_people(
    add: Add, bob: User, dave: User, token_of: Any, alice: User
) -> None:
    for person in (bob, dave):
        with pytest.raises(Forbidden):
            add(actor=Actor(person, "session"))
    with pytest.raises(Forbidden):
        add(actor=Actor(alice, "token", None, token_find(token_of(alice, Role.OWNER))))
    with pytest.raises(Forbidden):
        add(actor=SYSTEM)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"repository_id": "robur/unikernels"}, "repository_id"),
        ({"owner_id": ""}, "owner_id"),
        ({"workflow": "deploy"}, "workflow"),
        ({"workflow": "../x.yml"}, "workflow"),
        ({"ref": "main"}, "ref"),
        ({"ref": "refs/*"}, "ref"),
        ({"ref": "refs/pull/*"}, "ref"),
        ({"events": ["pull_request_target"]}, "events"),
        ({"events": ["push", "nonsense"]}, "events"),
        ({"events": []}, "events"),
        ({"scopes": ["all"]}, "scopes"),
    ],
)
def test_what_is_no_publisher_is_told(given: dict[str, Any], field: str, add: Add) -> None:
    with pytest.raises(Invalid) as caught:
        add(**given)
    assert list(caught.value.fields) == [field]


def test_an_issuer_is_asked_before_it_is_trusted(server: Server, issuer: Issuer, add: Add) -> None:
    for url in ("http://example.org", "ftp://x", "https://u@x", f"{server.url}?x"):
        with pytest.raises(Invalid):
            issuer_add(actor=SYSTEM, name="x", url=url, kind="github")
    with pytest.raises(Refused, match="calls itself"):
        issuer_add(actor=SYSTEM, name="x", url=server.url + "/", kind="github")
    with pytest.raises(Conflict):
        issuer_add(actor=SYSTEM, name="x", url=server.url, kind="github")
    add()
    with pytest.raises(Refused, match="have to be removed first"):
        issuer_remove(actor=SYSTEM, issuer=issuer)


def test_what_is_over_is_forgotten(add: Add, server: Server) -> None:
    add()
    ask(server.identity())
    assert exchanging.prune() == 0
    SpentIdentity.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(days=31))
    assert exchanging.prune() == 2


def test_commands_do_the_same(
    server: Server, robur: Team, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("issuer_add", "own", server.url, "--kind", "github")
    call_command("issuer_list")
    assert server.url in capsys.readouterr().out
    call_command(
        *("publisher_add", "robur/unikernels", "--team", "robur", "--user", alice.email, "--issuer", "own"),
        *("--repository-id", "4711", "--owner-id", "42", "--workflow", "deploy.yml", "--scope", "upgrade"),
    )
    number = capsys.readouterr().out.strip()
    assert ask(server.identity()).data["scopes"] == ["read", "upgrade"]
    call_command("publisher_list", "--team", "robur")
    assert f"{number}  own  robur/unikernels .github/workflows/deploy.yml" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("issuer_remove", "own")
    call_command("publisher_remove", number, "--team", "robur")
    call_command("issuer_remove", "own")
    assert not Issuer.objects.filter(name="own").exists()
