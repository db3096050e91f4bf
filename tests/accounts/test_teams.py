"""Teams and who is in them."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import COMMAND, Actor
from accounts.models import Event, Membership, Role, Team, User
from accounts.services import (
    member_add,
    member_remove,
    member_set,
    team_create,
    token_find,
    user_deactivate,
    user_register,
)
from accounts.services.teams import MAX_MEMBERS, MAX_TEAMS
from albatross.models import Instance, ObservedPolicy
from mollymawk.errors import Conflict, Forbidden, Invalid, Missing, Refused
from tests.cast import PASSWORD, TokenOf, person

pytestmark = pytest.mark.django_db


def by(user: User) -> Actor:
    return Actor(user, "session")


def roles(team: Team) -> dict[str, str]:
    return dict(team.memberships.values_list("user__name", "role"))


# --- making --------------------------------------------------------------------------------------


def test_whoever_makes_a_team_owns_it(alice: User) -> None:
    team = team_create(actor=by(alice), name="Lab")
    assert (team.name, team.domain) == ("lab", "lab")
    assert roles(team) == {"Alice": "owner"}
    event = Event.objects.get(kind="team.created", team=team)
    assert (event.actor, event.data["domain"]) == (alice, "lab")


def test_a_name_is_given_once(alice: User, charlie: User) -> None:
    team_create(actor=by(alice), name="lab", domain="lab.example")
    for name, domain in [("lab", "other"), ("other", "lab.example")]:
        with pytest.raises(Conflict, match="taken"):
            team_create(actor=by(charlie), name=name, domain=domain)


def test_a_domain_cannot_be_the_name_of_another_team(alice: User, charlie: User) -> None:
    """A personal team made later would otherwise find its name taken only by half."""
    team_create(actor=by(alice), name="lab", domain="lab.example")
    with pytest.raises(Conflict):
        team_create(actor=by(charlie), name="lab.example")


def test_a_domain_in_use_on_an_instance_is_given_by_superusers_only(alice: User, root: User) -> None:
    instance = Instance.objects.create(name="fra-1", address="127.0.0.1:1025")
    ObservedPolicy.objects.create(
        instance=instance, path="lab:inner", unikernels=1, memory=1, observed_at=instance.created_at
    )
    with pytest.raises(Conflict, match="taken"):
        team_create(actor=by(alice), name="lab")
    assert team_create(actor=by(root), name="lab", owner=alice).domain == "lab"


def test_people_make_teams_for_themselves_only(alice: User, bob: User, root: User) -> None:
    with pytest.raises(Forbidden):
        team_create(actor=by(alice), name="lab", owner=bob)
    assert roles(team_create(actor=by(root), name="lab", owner=bob)) == {"Bob": "owner"}


def test_an_operator_says_who_owns_a_team(alice: User) -> None:
    assert roles(team_create(actor=COMMAND, name="lab", owner=alice)) == {"Alice": "owner"}


def test_an_operators_team_may_begin_without_an_owner() -> None:
    """It waits for the first superuser: see the tests of set-up."""
    assert roles(team_create(actor=COMMAND, name="lab")) == {}


def test_a_token_makes_no_teams(alice: User, token_of: TokenOf) -> None:
    token = token_find(token_of(alice, Role.OWNER))
    with pytest.raises(Forbidden):
        team_create(actor=Actor(alice, "token", None, token), name="lab")


def test_nobody_owns_teams_without_number(alice: User) -> None:
    Membership.objects.bulk_create(
        Membership(team=Team.objects.create(name=f"t{n}", domain=f"t{n}"), user=alice, role=Role.OWNER)
        for n in range(MAX_TEAMS)
    )
    with pytest.raises(Refused, match=str(MAX_TEAMS)):
        team_create(actor=by(alice), name="lab")


# --- members -------------------------------------------------------------------------------------


def test_a_superuser_takes_somebody_in_by_address(robur: Team, root: User, charlie: User) -> None:
    member_add(actor=by(root), team=robur, email=" Charlie@Example.org", role=Role.DEPLOYER)
    assert roles(robur)["Charlie"] == "deployer"
    event = Event.objects.filter(kind="member.set").first()
    assert event is not None
    assert (event.was, event.now, event.data) == ("", "deployer", {"member": "charlie@example.org"})


def test_an_owner_learns_nothing_of_who_is_registered(robur: Team, alice: User, charlie: User) -> None:
    for email in (charlie.email, "nobody@example.org"):
        with pytest.raises(Forbidden, match="invite"):
            member_add(actor=by(alice), team=robur, email=email, role=Role.VIEWER)


def test_nobody_is_taken_in_who_may_not_log_in(robur: Team, alice: User) -> None:
    waiting = user_register(email="erin@example.org", password=PASSWORD)
    messages = []
    for email in ("erin@example.org", "nobody@example.org"):
        with pytest.raises(Invalid) as caught:
            member_add(actor=COMMAND, team=robur, email=email, role=Role.VIEWER)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]  # does not tell who waits
    with pytest.raises(Missing):
        member_set(actor=by(alice), team=robur, user=waiting, role=Role.VIEWER)


def test_who_is_in_the_team_is_not_taken_in_again(robur: Team, bob: User) -> None:
    with pytest.raises(Invalid, match="already"):
        member_add(actor=COMMAND, team=robur, email=bob.email, role=Role.OWNER)
    assert roles(robur)["Bob"] == "viewer"


@pytest.mark.parametrize(("name", "error"), [("dave", Forbidden), ("bob", Forbidden), ("charlie", Missing)])
def test_only_owners_change_who_is_in(
    name: str, error: type[Exception], robur: Team, bob: User, request: pytest.FixtureRequest
) -> None:
    actor, charlie = by(request.getfixturevalue(name)), request.getfixturevalue("charlie")
    before = roles(robur)
    with pytest.raises(error):
        member_add(actor=actor, team=robur, email=charlie.email, role=Role.VIEWER)
    with pytest.raises(error):
        member_set(actor=actor, team=robur, user=bob, role=Role.OWNER)
    with pytest.raises(error):
        member_remove(actor=actor, team=robur, user=person("erin"))
    assert roles(robur) == before


def test_the_same_role_again_is_no_event_and_writes_nothing(robur: Team, alice: User, bob: User) -> None:
    before = Event.objects.count()
    with CaptureQueriesContext(connection) as asked:
        member_set(actor=by(alice), team=robur, user=bob, role=Role.VIEWER)
    assert Event.objects.count() == before
    assert all(query["sql"].startswith("SELECT") for query in asked)


def test_the_last_owner_stays(robur: Team, alice: User, bob: User) -> None:
    with pytest.raises(Refused, match="last owner"):
        member_set(actor=by(alice), team=robur, user=alice, role=Role.VIEWER)
    with pytest.raises(Refused, match="last owner"):
        member_remove(actor=by(alice), team=robur, user=alice)
    member_set(actor=by(alice), team=robur, user=bob, role=Role.OWNER)
    member_remove(actor=by(alice), team=robur, user=alice)
    assert roles(robur) == {"Bob": "owner"}


def test_an_owner_who_is_shut_out_is_not_counted(robur: Team, alice: User, bob: User, root: User) -> None:
    member_set(actor=by(alice), team=robur, user=bob, role=Role.OWNER)
    user_deactivate(actor=by(root), user=bob)
    with pytest.raises(Refused, match="last owner"):
        member_remove(actor=by(alice), team=robur, user=alice)
    member_remove(actor=by(alice), team=robur, user=bob)
    assert roles(robur) == {"Alice": "owner"}


def test_everybody_may_leave(robur: Team, bob: User) -> None:
    member_remove(actor=by(bob), team=robur, user=bob)
    assert roles(robur) == {"Alice": "owner"}


def test_a_token_does_not_take_its_maker_out(robur: Team, dave: User, token_of: TokenOf) -> None:
    token = token_find(token_of(dave, Role.DEPLOYER))
    with pytest.raises(Forbidden):
        member_remove(actor=Actor(dave, "token", None, token), team=robur, user=dave)


def test_nobody_leaves_or_loses_a_personal_team(alice: User, bob: User, root: User) -> None:
    own = alice.personal_team
    member_set(actor=by(alice), team=own, user=bob, role=Role.OWNER)
    for actor in (by(alice), by(bob), by(root), COMMAND):
        with pytest.raises(Refused):
            member_remove(actor=actor, team=own, user=alice)
        with pytest.raises(Refused):
            member_set(actor=actor, team=own, user=alice, role=Role.VIEWER)
    assert roles(own) == {"Alice": "owner", "Bob": "owner"}


def test_who_leaves_leaves_no_living_token(robur: Team, alice: User, dave: User, token_of: TokenOf) -> None:
    text = token_of(dave, Role.DEPLOYER)
    member_remove(actor=by(alice), team=robur, user=dave)
    assert token_find(text) is None
    member_set(actor=by(alice), team=robur, user=dave, role=Role.OWNER)
    assert token_find(text) is None


def test_a_team_has_members_by_number(robur: Team, alice: User, charlie: User) -> None:
    crowd = User.objects.bulk_create(
        User(email=f"u{n}@example.org", is_active=True) for n in range(MAX_MEMBERS - 1)
    )
    Membership.objects.bulk_create(Membership(team=robur, user=user) for user in crowd)
    with pytest.raises(Refused, match=str(MAX_MEMBERS)):
        member_set(actor=by(alice), team=robur, user=charlie, role=Role.VIEWER)
    member_set(actor=by(alice), team=robur, user=crowd[0], role=Role.DEPLOYER)
