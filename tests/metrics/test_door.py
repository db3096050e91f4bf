"""Who may read the metrics, and how much of them."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client

from accounts.actors import SYSTEM, Actor
from accounts.models import ApiToken, Role, Team, User
from accounts.services import (
    member_set,
    superuser_set,
    token_issue,
    token_revoke,
    user_deactivate,
)
from tests.api.house import House, instance_row, runs, share
from tests.cast import ClientOf, TokenOf
from tests.metrics.conftest import Scrape
from unikernels.metrics.families import OF_TEAMS
from unikernels.models import Check

pytestmark = pytest.mark.django_db


@pytest.fixture
def street(house: House, charlie: User) -> House:
    """The house of robur, and one of charlie next to it, on the same instance and on one of its own."""
    own = charlie.personal_team
    far = instance_row("far")
    share(own, far)
    share(own, house.instance)
    theirs = runs(own, house.instance, house.image.image, "theirs")
    Check.objects.create(unikernel=theirs, name="secret", kind="tcp", settings={})
    runs(own, far, house.image.image, "afar")
    return house


def own_token(user: User, role: Role = Role.VIEWER) -> str:
    """A token of the personal team."""
    return token_issue(actor=Actor(user, "session"), team=user.personal_team, name="scrape", role=role)[1]


def ask(token: str = "", **words: Any) -> Any:
    headers = words.pop("headers", {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return Client().get("/metrics", headers=headers, **words)


def sees_everything(text: str) -> bool:
    return "theirs" in text and "robur:hello" in text and "mollymawk_letters_waiting" in text


def test_strangers_are_told_what_is_missing_and_nothing_else(street: House) -> None:
    answer = ask()
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "METRICS_NETWORKS" in answer.text
    assert "robur" not in answer.text


def test_a_session_is_no_token(street: House, root: User, client_of: ClientOf) -> None:
    assert client_of(root).get("/metrics").status_code == 401


def test_it_says_what_it_is_and_is_kept_by_nobody(street: House, bob: User, token_of: TokenOf) -> None:
    answer = ask(token_of(bob, Role.VIEWER))
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]


def test_it_is_only_read(street: House, bob: User, token_of: TokenOf) -> None:
    headers = {"Authorization": f"Bearer {token_of(bob, Role.VIEWER)}"}
    assert Client().post("/metrics", headers=headers).status_code == 405
    assert Client().head("/metrics", headers=headers).status_code == 200


# --- tokens ------------------------------------------------------------------------------------------


def test_a_token_sees_its_team_and_no_other(
    street: House, bob: User, token_of: TokenOf, scrape: Scrape
) -> None:
    text = ask(token_of(bob, Role.VIEWER)).text
    for word in ("theirs", "afar", "far", "charlie", "secret", "wiki"):
        assert f'"{word}' not in text
        assert f':{word}"' not in text
    samples = scrape(token_of(bob, Role.VIEWER))
    assert samples.names() <= {family.full_name for family in OF_TEAMS}
    assert samples.of("mollymawk_unikernel_up", team="robur") == [1, 1, 1]
    assert samples.one("mollymawk_operations_under_way") == 1


def test_a_token_of_another_team_sees_none_of_ours(street: House, charlie: User, scrape: Scrape) -> None:
    samples = scrape(own_token(charlie))
    assert samples.one("mollymawk_operations_under_way") == 0
    assert {frozenset(labels) for name, labels in samples if ("team", "robur") in labels} == set()
    assert samples.of("mollymawk_instance_up") == [1, 1]


def test_a_superusers_own_token_sees_everything(street: House, root: User) -> None:
    assert sees_everything(ask(own_token(root)).text)


def test_a_token_that_a_superuser_made_for_a_team_sees_that_team(street: House, root: User) -> None:
    token = token_issue(actor=Actor(root, "session"), team=street.team, name="ci", role=Role.DEPLOYER)[1]
    text = ask(token).text
    assert "robur:hello" in text
    assert not sees_everything(text)
    assert "theirs" not in text


def test_who_is_no_superuser_any_more_sees_the_own_team(street: House, root: User) -> None:
    token = own_token(root)
    other = User.objects.create_superuser("other@example.org")
    superuser_set(actor=Actor(other, "session"), user=root, superuser=False)
    text = ask(token).text
    assert "robur" not in text
    assert "mollymawk_operations_under_way 0" in text


def test_a_member_of_a_superusers_personal_team_sees_that_team(
    street: House, root: User, charlie: User
) -> None:
    team = root.personal_team
    member_set(actor=SYSTEM, team=team, user=charlie, role=Role.OWNER)
    token = token_issue(actor=Actor(charlie, "session"), team=team, name="x", role=Role.OWNER)[1]
    assert "robur" not in ask(token).text


def test_tokens_that_count_no_more_open_nothing(street: House, bob: User, token_of: TokenOf) -> None:
    text = token_of(bob, Role.VIEWER)
    assert ask(text).status_code == 200
    street.team.memberships.filter(user=bob).delete()
    assert ask(text).status_code == 401, "its maker left"
    member_set(actor=SYSTEM, team=street.team, user=bob, role=Role.VIEWER)
    assert ask(text).status_code == 200
    token_revoke(actor=SYSTEM, token=ApiToken.objects.get())
    assert ask(text).status_code == 401


def test_a_token_of_somebody_shut_out_opens_nothing(street: House, bob: User, token_of: TokenOf) -> None:
    text = token_of(bob, Role.VIEWER)
    user_deactivate(actor=SYSTEM, user=bob)
    assert ask(text).status_code == 401


@pytest.mark.parametrize("given", ["Bearer", "Bearer x", "Basic cm9vdDpyb290", "mm_x", "Bearer \xe4"])
def test_what_is_no_token_opens_nothing_even_from_a_network(street: House, settings: Any, given: str) -> None:
    settings.METRICS_NETWORKS = [ip_network("127.0.0.0/8")]
    assert ask(headers={"Authorization": given}).status_code == 401


def test_that_a_token_is_used_is_written_down(street: House, bob: User, token_of: TokenOf) -> None:
    ask(token_of(bob, Role.VIEWER))
    assert ApiToken.objects.get().last_used_at is not None


# --- networks ----------------------------------------------------------------------------------------


def test_a_network_that_is_named_sees_everything(street: House, settings: Any) -> None:
    settings.METRICS_NETWORKS = [ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")]
    for address in ("10.1.2.3", "2001:db8::7", "::ffff:10.1.2.3"):
        answer = ask(REMOTE_ADDR=address)
        assert answer.status_code == 200
        assert sees_everything(answer.text)
    for address in ("10.2.0.1", "2001:db9::1", "127.0.0.1", ""):
        assert ask(REMOTE_ADDR=address).status_code == 401


def test_a_proxy_in_the_network_does_not_let_everybody_in(street: House, settings: Any) -> None:
    settings.METRICS_NETWORKS = [ip_network("127.0.0.0/8")]
    assert ask().status_code == 200
    for header in ("X-Forwarded-For", "Forwarded", "Via"):
        assert ask(headers={header: "127.0.0.1"}).status_code == 401, "nobody named this proxy"
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")]
    assert ask(headers={"X-Forwarded-For": "198.51.100.7"}).status_code == 401
    assert ask(headers={"X-Forwarded-For": "127.0.0.2"}).status_code == 200


def test_a_team_token_from_a_network_that_may_see_all_sees_its_team(
    street: House, settings: Any, bob: User, token_of: TokenOf, robur: Team
) -> None:
    settings.METRICS_NETWORKS = [ip_network("127.0.0.0/8")]
    assert "theirs" not in ask(token_of(bob, Role.VIEWER)).text
