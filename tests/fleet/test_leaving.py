"""Deleting teams and people: what it means is said first, and what runs is never forgotten by accident."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.actors import COMMAND, Actor
from accounts.models import ApiToken, Event, Quota, Role, Team, User
from accounts.services import member_set, token_find
from albatross.messages import Policy
from albatross.models import ObservedPolicy
from albatross.simulator import SimulatedInstance
from mollymawk.errors import Forbidden, Missing, Refused
from tests.api.house import House, share
from tests.api.world import settle
from tests.cast import ClientOf, TokenOf, person
from tests.commands.conftest import Run, run
from unikernels.leaving.services import team_delete, team_plan, user_delete, user_plan
from unikernels.models import Block, Operation, Unikernel, Version

__all__ = ["run"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(robur: Team, settings: Any, tmp_path: Path) -> House:
    settings.IMAGE_DIR = tmp_path / "images"
    return House(robur)


def by(user: User) -> Actor:
    return Actor(user, "session")


def emptied(house: House) -> Team:
    """The team of *house*, of which nothing is on an instance any more; versions are kept."""
    Operation.objects.filter(pk=house.operation.pk).delete()
    Unikernel.objects.filter(team=house.team).update(state="stopped", started=None)
    Block.objects.filter(team=house.team).delete()
    return house.team


# --- teams -------------------------------------------------------------------------------------------


def test_a_team_of_which_something_runs_is_not_deleted(house: House, alice: User) -> None:
    Operation.objects.filter(pk=house.operation.pk).delete()
    with pytest.raises(Refused) as caught:
        team_delete(actor=by(alice), team=house.team)
    told = " ".join(caught.value.reasons)
    assert "unikernel robur:hello on fra-1 is still there" in told
    assert "block device robur:data on fra-1 is still there" in told
    assert Unikernel.objects.filter(team=house.team).count() == 3


def test_what_is_under_way_is_waited_for(house: House, root: User) -> None:
    plan = team_plan(actor=by(root), team=house.team, leave=True)
    assert plan.refusals == (
        f"Operation {house.operation.pk} (restart of robur:busy) is under way; wait for its end.",
    )


def test_a_team_goes_with_all_that_is_its_own(house: House, alice: User, token_of: TokenOf) -> None:
    text = token_of(alice, Role.DEPLOYER)
    emptied(house)
    told = " ".join(team_plan(actor=by(alice), team=house.team).steps)
    assert "forget 3 stopped unikernels" in told
    assert "revoke 1 API token" in told
    assert "close its domain robur on fra-1" in told
    left = team_delete(actor=by(alice), team=house.team)
    assert left[0].startswith("robur keeps its limits on fra-1: ")  # nobody answers there
    assert not Team.objects.filter(name="robur").exists()
    assert not Version.objects.exists()
    assert not Quota.objects.exists()
    assert token_find(text) is None
    event = Event.objects.get(kind="team.deleted")
    assert (event.actor, event.data["domain"]) == (alice, "robur")
    assert Event.objects.filter(kind="team.created", data__name="robur").exists()
    assert Unikernel.objects.get().team is None  # that of others stays


def test_a_superuser_may_leave_it_there_unmanaged(house: House, root: User, alice: User) -> None:
    Operation.objects.filter(pk=house.operation.pk).delete()
    with pytest.raises(Forbidden):
        team_delete(actor=by(alice), team=house.team, leave=True)
    assert team_delete(actor=by(root), team=house.team, leave=True) == []  # limits stay: it is in use
    assert not Unikernel.objects.filter(path="robur").exists()  # the next look finds it, without secrets


def test_who_does_not_own_it_deletes_nothing(house: House, dave: User, charlie: User) -> None:
    for user, error in ((dave, Forbidden), (charlie, Missing)):
        with pytest.raises(error):
            team_delete(actor=by(user), team=house.team)
    with pytest.raises(Refused, match="goes with its person"):
        team_delete(actor=by(charlie), team=charlie.personal_team)


@pytest.fixture
def simulated(tmp_path: Path, simulated_network: str) -> Iterator[SimulatedInstance]:
    with SimulatedInstance(tmp_path / "instance", network=simulated_network) as instance:
        yield instance


def test_its_domain_is_closed_on_the_instance(simulated: SimulatedInstance, robur: Team, alice: User) -> None:
    settle(simulated, robur)
    assert team_delete(actor=by(alice), team=robur) == []
    closed = ObservedPolicy.objects.get(path="robur").policy()
    assert closed == Policy(0, frozenset(), 0, None, frozenset())
    assert Event.objects.filter(kind="quota.closed", subject="domain:robur").exists()


# --- people ------------------------------------------------------------------------------------------


def test_an_account_goes_with_its_personal_team_and_tokens(
    robur: Team, dave: User, token_of: TokenOf, root: User
) -> None:
    token_of(dave, Role.DEPLOYER)
    told = " ".join(user_plan(actor=by(root), user=dave).steps)
    assert "delete the personal team dave" in told
    assert "take them out of robur" in told
    assert "revoke the API tokens that they made: test of robur" in told
    user_delete(actor=by(root), user=dave)
    assert not User.objects.filter(email=dave.email).exists()
    assert not Team.objects.filter(name="dave").exists()
    assert not ApiToken.objects.filter(team=robur).exists()
    assert Event.objects.get(kind="user.deleted").data["email"] == "dave@example.org"
    assert Event.objects.filter(kind="member.set", data__member="dave@example.org").exists()


def test_the_last_of_a_kind_stays(robur: Team, alice: User, root: User) -> None:
    with pytest.raises(Refused) as caught:
        user_delete(actor=by(root), user=alice)
    assert caught.value.reasons == [
        "alice@example.org is the last owner of robur: transfer that team, or delete it first."
    ]
    with pytest.raises(Refused) as caught:
        user_delete(actor=COMMAND, user=root)
    assert caught.value.reasons == ["root@example.org is the last superuser."]
    second = person("second", superuser=True)
    user_delete(actor=by(root), user=root)
    assert list(User.objects.filter(is_superuser=True)) == [second]


def test_what_runs_in_a_personal_team_is_inherited_or_refuses_it(
    house: House, charlie: User, root: User, alice: User
) -> None:
    personal = charlie.personal_team
    Unikernel.objects.filter(pk=house.unikernel.pk).update(team=personal, path=personal.domain)
    share(personal, house.instance)
    with pytest.raises(Refused):
        user_delete(actor=by(charlie), user=charlie)
    with pytest.raises(Forbidden):
        user_delete(actor=by(charlie), user=charlie, heir=alice)
    user_delete(actor=by(root), user=charlie, heir=alice)
    personal.refresh_from_db()
    assert personal.personal_of is None
    assert [row.user for row in personal.memberships.all()] == [alice]
    assert Unikernel.objects.get(pk=house.unikernel.pk).team == personal


def test_others_delete_nobody(dave: User, bob: User, token_of: TokenOf) -> None:
    with pytest.raises(Forbidden):
        user_delete(actor=by(dave), user=bob)
    token = token_find(token_of(dave, Role.OWNER))
    with pytest.raises(Forbidden):
        user_delete(actor=Actor(dave, "token", None, token), user=dave)


# --- pages, API, commands ----------------------------------------------------------------------------


def test_the_page_of_a_team_asks_for_its_name(house: House, alice: User, client_of: ClientOf) -> None:
    client, path = client_of(alice), "/teams/robur/delete/"
    assert "is still there" in client.get(path).text
    emptied(house)
    page = client.get(path).text
    assert "forget 3 stopped unikernels" in page
    assert "unmanaged" not in page  # not offered
    assert client.post(path, {"typed": "robu"}).status_code == 422
    assert client.post(path, {"typed": "robur"}).headers["Location"] == "/teams/"
    assert not Team.objects.filter(name="robur").exists()


def test_a_person_deletes_the_own_account(dave: User) -> None:
    client = Client()
    client.force_login(dave)
    asked = client.get("/account/delete/")
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/?next=/account/delete/", {"password": "correct horse battery"})
    assert "delete the personal team dave" in client.get("/account/delete/").text
    client.post("/account/delete/", {"typed": dave.email})
    assert not User.objects.filter(pk=dave.pk).exists()
    assert client.get("/teams/").status_code == 302  # nobody is logged in


def test_a_superuser_deletes_somebody_by_api(
    dave: User, alice: User, root: User, client_of: ClientOf
) -> None:
    client = client_of(root)
    path = f"/api/v1/users/{dave.pk}/"
    plan = client.delete(f"{path}?dry_run=true&heir={alice.email}").json()
    assert plan["possible"]
    assert "make alice@example.org the owner of dave" in plan["steps"][0]
    assert client.delete(path).json() == {"left": []}
    assert client.get(path).status_code == 404
    people = client.get("/api/v1/users/", {"superuser": "true"}).json()["items"]
    assert [row["email"] for row in people] == ["root@example.org"]


def test_operators_delete_by_command(house: House, alice: User, root: User, run: Run) -> None:
    assert run("team_delete", "robur", "--dry-run").code == 4
    assert run("team_delete", "robur", "--yes").code == 4
    emptied(house)
    assert run("team_delete", "robur").code == 2  # nobody is there to ask
    assert run("team_delete", "robur", "--yes").code == 0
    assert run("user_delete", alice.email, "--yes", "--json").json == {"left": []}
    assert run("user_delete", root.email, "--yes").code == 4
    assert not User.objects.filter(pk=alice.pk).exists()


def test_two_owners_do_not_leave_a_team_alone(robur: Team, alice: User, dave: User) -> None:
    member_set(actor=by(alice), team=robur, user=dave, role=Role.OWNER)
    user_delete(actor=by(alice), user=alice)
    with pytest.raises(Refused, match="not possible"):
        user_delete(actor=by(dave), user=dave)
