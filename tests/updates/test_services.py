"""What people decide: the mode of a unikernel, and freezes."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import COMMAND, Actor
from accounts.models import Event, Team, User
from mollymawk.errors import Forbidden, Invalid, Missing, Refused
from tests.updates.conftest import Fleet
from unikernels.models import Freeze, Unikernel
from unikernels.updates.calendar import parse
from unikernels.updates.services import freeze_lift, freeze_of, freeze_set, update_mode_set

NIGHTLY = {"weekdays": [0, 1], "start": "03:00", "minutes": 120, "zone": "Europe/Berlin"}


def session(user: User) -> Actor:
    return Actor(user, "session")


@pytest.fixture
def hello(robur: Team) -> Unikernel:
    return Fleet(robur).add("hello")


def stored(unikernel: Unikernel) -> tuple[str, Any]:
    row = Unikernel.objects.get(pk=unikernel.pk)
    return row.update_mode, row.maintenance


# --- modes -------------------------------------------------------------------------------------------


def test_a_deployer_says_when_it_is_updated(hello: Unikernel, dave: User) -> None:
    update_mode_set(actor=session(dave), unikernel=hello, mode="automatic", maintenance=NIGHTLY)
    assert stored(hello) == ("automatic", NIGHTLY)
    event = Event.objects.get(kind="unikernel.update-mode")
    assert (event.actor, event.was, event.now) == (dave, "manual", "automatic")
    assert event.data == {"maintenance": NIGHTLY}
    assert event.reason == "automatic: Monday, Tuesday at 03:00 for 2 h (Europe/Berlin)"


def test_a_window_that_was_read_already_is_taken_too(hello: Unikernel, dave: User) -> None:
    update_mode_set(actor=session(dave), unikernel=hello, mode="automatic", maintenance=parse(NIGHTLY))
    assert stored(hello) == ("automatic", NIGHTLY)


def test_the_window_is_remembered_while_another_mode_stands(hello: Unikernel, dave: User) -> None:
    update_mode_set(actor=session(dave), unikernel=hello, mode="automatic", maintenance=NIGHTLY)
    update_mode_set(actor=session(dave), unikernel=hello, mode="tell")
    assert stored(hello) == ("tell", NIGHTLY)
    update_mode_set(actor=session(dave), unikernel=hello, mode="automatic")
    assert stored(hello) == ("automatic", NIGHTLY)


def test_the_same_again_is_no_event(hello: Unikernel, dave: User) -> None:
    for _ in range(2):
        update_mode_set(actor=session(dave), unikernel=hello, mode="tell")
    assert Event.objects.filter(kind="unikernel.update-mode").count() == 1


def test_automatic_needs_a_window(hello: Unikernel, dave: User) -> None:
    with pytest.raises(Invalid) as invalid:
        update_mode_set(actor=session(dave), unikernel=hello, mode="automatic")
    assert list(invalid.value.fields) == ["maintenance"]
    assert stored(hello) == ("manual", {})


def test_a_window_that_is_wrong_changes_nothing(hello: Unikernel, dave: User) -> None:
    with pytest.raises(Invalid) as invalid:
        update_mode_set(
            actor=session(dave), unikernel=hello, mode="tell", maintenance=NIGHTLY | {"minutes": 1}
        )
    assert list(invalid.value.fields) == ["minutes"]
    assert stored(hello) == ("manual", {})


def test_an_unknown_mode_is_told(hello: Unikernel, dave: User) -> None:
    with pytest.raises(Invalid) as invalid:
        update_mode_set(actor=session(dave), unikernel=hello, mode="always")
    assert invalid.value.fields == {"mode": ["Known: manual, tell, automatic."]}


def test_viewers_and_strangers_decide_nothing(hello: Unikernel, bob: User, charlie: User) -> None:
    with pytest.raises(Forbidden):
        update_mode_set(actor=session(bob), unikernel=hello, mode="tell")
    with pytest.raises(Missing):
        update_mode_set(actor=session(charlie), unikernel=hello, mode="tell")


def test_what_belongs_to_no_team_has_no_mode(hello: Unikernel, root: User) -> None:
    Unikernel.objects.filter(pk=hello.pk).update(team=None)
    hello.refresh_from_db()
    with pytest.raises(Refused):
        update_mode_set(actor=session(root), unikernel=hello, mode="tell")


# --- freezes -----------------------------------------------------------------------------------------


def test_an_owner_freezes_the_team_and_lifts_it(robur: Team, alice: User) -> None:
    assert freeze_of(robur) is None
    freeze_set(actor=session(alice), team=robur, reason="  the fair,\n until Monday ")
    freeze = freeze_of(robur)
    assert freeze is not None
    assert (freeze.team, freeze.reason, freeze.by) == (robur, "the fair, until Monday", alice)
    freeze_lift(actor=session(alice), team=robur)
    assert freeze_of(robur) is None
    kinds = Event.objects.filter(subject=f"team:{robur.pk}", kind__contains="frozen").order_by("id")
    assert list(kinds.values_list("kind", flat=True)) == ["team.frozen", "team.unfrozen"]


def test_the_freeze_of_the_system_is_told_first(robur: Team, alice: User, root: User) -> None:
    freeze_set(actor=session(alice), team=robur, reason="ours")
    freeze_set(actor=session(root), team=None, reason="everybody's")
    told = freeze_of(robur)
    assert told is not None
    assert (told.team, told.reason) == (None, "everybody's")
    assert freeze_of(None) == told
    freeze_lift(actor=session(root), team=None)
    left = freeze_of(robur)
    assert left is not None
    assert left.team == robur
    assert freeze_of(None) is None


def test_one_team_frozen_leaves_others_alone(robur: Team, alice: User, charlie: User) -> None:
    freeze_set(actor=session(alice), team=robur)
    assert freeze_of(Team.objects.get(personal_of=charlie)) is None


def test_freezing_again_changes_the_reason_and_not_the_time(robur: Team, alice: User) -> None:
    first = freeze_set(actor=session(alice), team=robur, reason="one")
    freeze_set(actor=COMMAND, team=robur, reason="two")
    freeze = Freeze.objects.get()
    assert (freeze.pk, freeze.reason, freeze.by, freeze.since) == (first.pk, "two", None, first.since)


def test_the_same_freeze_again_is_no_event(robur: Team, alice: User) -> None:
    for _ in range(2):
        freeze_set(actor=session(alice), team=robur, reason="one")
    assert Event.objects.filter(kind="team.frozen").count() == 1


def test_what_is_not_frozen_cannot_be_lifted(robur: Team, alice: User, root: User) -> None:
    freeze_set(actor=session(root), team=None)
    with pytest.raises(Missing):
        freeze_lift(actor=session(alice), team=robur)
    assert freeze_of(robur) is not None


def test_a_long_reason_is_told_by_field(robur: Team, alice: User) -> None:
    with pytest.raises(Invalid) as invalid:
        freeze_set(actor=session(alice), team=robur, reason="x" * 201)
    assert list(invalid.value.fields) == ["reason"]


def test_only_owners_freeze_a_team_and_only_superusers_everything(
    robur: Team, alice: User, dave: User, charlie: User
) -> None:
    with pytest.raises(Forbidden):
        freeze_set(actor=session(dave), team=robur)
    with pytest.raises(Missing):
        freeze_set(actor=session(charlie), team=robur)
    with pytest.raises(Forbidden):
        freeze_set(actor=session(alice), team=None)
    freeze_set(actor=session(alice), team=robur)
    with pytest.raises(Forbidden):
        freeze_lift(actor=session(dave), team=robur)
