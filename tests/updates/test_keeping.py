"""Which versions keep their bytes, and the space that is used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Event, Team
from tests.updates.conftest import Fleet
from unikernels.images import keeping, services, store, tasks
from unikernels.images.keeping import Held, prune, space_by_unikernel, space_of, surplus
from unikernels.models import Image, RollbackWindow, TeamImage, Unikernel, Version
from unikernels.operations.machine import State

LONG_AGO = timedelta(days=400)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def few(settings: Any) -> None:
    settings.VERSIONS_KEPT = 2
    settings.VERSION_DAYS_KEPT = 30


def old(fleet: Fleet, unikernel: Unikernel, count: int, *, ran: bool = True, **fields: Any) -> list[Version]:
    """Versions from long ago, the newest last."""
    then = timezone.now() - LONG_AGO
    return [
        fleet.add_version(unikernel, created_at=then, ran_at=then if ran else None, **fields)
        for _ in range(count)
    ]


def with_bytes(unikernel: Unikernel) -> list[int]:
    return sorted(unikernel.versions.filter(image__isnull=False).values_list("number", flat=True))


@pytest.fixture
def hello(fleet: Fleet) -> Unikernel:
    """Runs version 1, which is old, and has five more that are."""
    hello = fleet.add("hello")
    Version.objects.update(created_at=timezone.now() - LONG_AGO, ran_at=timezone.now() - LONG_AGO)
    old(fleet, hello, 5)
    return hello


# --- what goes ---------------------------------------------------------------------------------------


def test_the_newest_and_what_runs_keep_their_bytes(hello: Unikernel) -> None:
    assert prune() == 3
    assert with_bytes(hello) == [1, 5, 6]
    gone = hello.versions.get(number=3)
    assert gone.pruned_at is not None
    assert len(gone.digest) == 64  # the record stays


def test_it_is_told_in_the_timeline(hello: Unikernel) -> None:
    prune()
    event = Event.objects.get(kind="unikernel.pruned")
    assert (event.subject, event.team, event.data) == (
        f"unikernel:{hello.pk}",
        hello.team,
        {"versions": [2, 3, 4]},
    )
    assert event.reason.startswith("Versions 2, 3, 4:")


def test_a_second_sweep_finds_nothing(hello: Unikernel) -> None:
    prune()
    assert prune() == 0
    assert Event.objects.filter(kind="unikernel.pruned").count() == 1


def test_young_ones_keep_their_bytes_however_many(fleet: Fleet, hello: Unikernel) -> None:
    Version.objects.filter(unikernel=hello).update(ran_at=None, created_at=timezone.now() - 29 * DAY)
    assert prune() == 0
    assert prune(timezone.now() + 2 * DAY) == 3


def test_the_age_is_counted_from_when_it_first_ran(hello: Unikernel) -> None:
    hello.versions.filter(number=2).update(ran_at=timezone.now() - 29 * DAY)
    prune()
    assert with_bytes(hello) == [1, 2, 5, 6]


def test_failed_tries_do_not_push_out_the_last_that_worked(fleet: Fleet, hello: Unikernel) -> None:
    old(fleet, hello, 4, ran=False)
    prune()
    assert with_bytes(hello) == [1, 5, 6, 9, 10]  # what runs, the newest that ran, the newest


def test_one_whose_bytes_were_never_held_takes_no_place(fleet: Fleet, hello: Unikernel) -> None:
    hello.versions.filter(number=6).update(image=None)
    prune()
    assert with_bytes(hello) == [1, 4, 5]


# --- what stays because somebody may need it now -----------------------------------------------------


def test_what_an_open_window_goes_back_to_stays(fleet: Fleet, hello: Unikernel) -> None:
    opener = fleet.upgraded(hello, State.SUCCEEDED)
    to = hello.versions.get(number=3)
    RollbackWindow.objects.create(
        unikernel=hello, to=to, operation=opener, until=timezone.now() + DAY, due_at=timezone.now()
    )
    prune()
    assert 3 in with_bytes(hello)


@pytest.mark.parametrize("place", ["target", "fallback"])
def test_what_an_unfinished_operation_needs_stays(fleet: Fleet, hello: Unikernel, place: str) -> None:
    operation = fleet.upgraded(hello, State.CHECK)
    setattr(operation, place, hello.versions.get(number=3))
    operation.save()
    prune()
    assert 3 in with_bytes(hello)
    operation.state, operation.finished_at = State.ABORTED, timezone.now()
    operation.save()
    prune()
    assert 3 not in with_bytes(hello)


def test_what_begins_between_looking_and_writing_is_seen(
    fleet: Fleet, hello: Unikernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen_late(versions: list[Held], **rules: Any) -> list[Held]:
        found = surplus(versions, **rules)
        Unikernel.objects.filter(pk=hello.pk).update(current=hello.versions.get(number=3))
        return found

    monkeypatch.setattr(keeping, "surplus", chosen_late)
    prune()
    assert 3 in with_bytes(hello)
    assert 1 not in with_bytes(hello)


# --- teams -------------------------------------------------------------------------------------------


@pytest.fixture
def other(fleet: Fleet) -> Unikernel:
    """Another team's, with the same name on the same instance."""
    return fleet.add("hello", team=Team.objects.create(name="data", domain="data"))


def test_many_versions_of_one_team_push_out_nothing_of_another(
    fleet: Fleet, hello: Unikernel, other: Unikernel
) -> None:
    old(fleet, other, 1)
    prune()
    assert with_bytes(other) == [1, 2]


def test_bytes_that_two_teams_have_stay_for_the_one_that_keeps_them(
    fleet: Fleet, hello: Unikernel, other: Unikernel, settings: Any, tmp_path: Any
) -> None:
    settings.IMAGE_DIR = tmp_path
    shared = hello.versions.get(number=3).image
    assert shared is not None
    alone = hello.versions.get(number=4).image
    assert alone is not None
    fleet.add_version(other, shared)
    Image.objects.update(created_at=timezone.now() - DAY)
    tasks.sweep()
    assert 3 not in with_bytes(hello)
    assert with_bytes(other) == [1, 2]
    assert Image.objects.filter(pk=shared.pk).exists()
    assert not Image.objects.filter(pk=alone.pk).exists()


def test_the_hourly_sweep_lets_go_of_files_that_nobody_needs_any_more(
    hello: Unikernel, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IMAGE_DIR = tmp_path
    monkeypatch.setattr(services, "UNUSED_FOR", timedelta(0))
    gone, kept = (hello.versions.get(number=number).digest for number in (3, 6))
    for digest in (gone, kept):
        store.path_of(digest).parent.mkdir(parents=True, exist_ok=True)
        store.path_of(digest).write_bytes(b"\x7fELF")
    tasks.sweep()
    assert (store.held(gone), store.held(kept)) == (False, True)


# --- any versions ------------------------------------------------------------------------------------

NOW = datetime(2026, 6, 10, tzinfo=UTC)
HELD = st.lists(
    st.tuples(st.integers(1, 50), st.booleans(), st.integers(0, 90)),
    max_size=30,
    unique_by=lambda one: one[0],
).map(lambda rows: [Held(number, number, ran, NOW - days * DAY) for number, ran, days in rows])


@given(HELD, st.integers(1, 8), st.integers(0, 60))
def test_the_newest_and_the_young_always_stay(versions: list[Held], kept: int, days: int) -> None:
    gone = surplus(versions, kept=kept, before=NOW - days * DAY)
    newest = sorted((version.number for version in versions), reverse=True)[:kept]
    worked = sorted((version.number for version in versions if version.ran), reverse=True)[:kept]
    assert not {version.number for version in gone} & {*newest, *worked}
    assert all(version.since < NOW - days * DAY for version in gone)
    stay = [version for version in versions if version not in gone]
    old_ones = [version for version in stay if version.since < NOW - days * DAY]
    assert len(old_ones) <= 2 * kept
    assert surplus(stay, kept=kept, before=NOW - days * DAY) == []


# --- space -------------------------------------------------------------------------------------------


def test_space_counts_each_image_once_uploads_included(fleet: Fleet) -> None:
    hello, world = fleet.add("hello"), fleet.add("world")
    big = fleet.add_image(size=5000)
    fleet.add_version(hello, big)
    fleet.add_version(hello, big)
    fleet.add_version(world, big)
    TeamImage.objects.create(team=fleet.team, image=big, name="big.hvt")
    TeamImage.objects.create(team=fleet.team, image=fleet.add_image(size=70), name="unused.hvt")
    assert space_of(fleet.team) == 1000 + 1000 + 5000 + 70
    assert space_by_unikernel(fleet.team) == {hello.pk: 6000, world.pk: 6000}


def test_bytes_that_were_let_go_take_no_space(fleet: Fleet, hello: Unikernel) -> None:
    assert space_of(fleet.team) == 6000
    prune()
    assert space_of(fleet.team) == 3000


def test_space_tells_nothing_of_other_teams(fleet: Fleet, other: Unikernel) -> None:
    hello = fleet.add("hello")
    shared = other.versions.get().image
    assert shared is not None
    fleet.add_version(hello, shared)
    assert other.team is not None
    assert (space_of(fleet.team), space_of(other.team)) == (2000, 1000)
    assert list(space_by_unikernel(fleet.team)) == [hello.pk]


def test_a_team_with_nothing_uses_nothing(fleet: Fleet) -> None:
    assert (space_of(fleet.team), space_by_unikernel(fleet.team)) == (0, {})
