"""The update mode and its maintenance window: the form, the openings, what clocks do."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from tests.pages.stage import alice, robur, stage, world
from tests.pages.world import World
from unikernels.models import Unikernel
from unikernels.pages.maintenance import clock_change, openings
from unikernels.updates.calendar import Maintenance

__all__ = ["alice", "robur", "stage", "world"]

WINDOW = {"weekdays": ["0", "6"], "start": "02:30", "minutes": "90", "zone": "Europe/Berlin"}
BERLIN = Maintenance((0, 6), "02:30", 90, "Europe/Berlin")
NOVEMBER = datetime(2026, 11, 22, 12, tzinfo=UTC)  # a Sunday


@pytest.fixture
def path(world: World) -> str:
    return f"/unikernels/{world.web.pk}/updates/"


def saved(world: World) -> tuple[str, Any]:
    return Unikernel.objects.values_list("update_mode", "maintenance").get(pk=world.web.pk)


def test_automatic_is_saved_with_its_window_and_told_on_the_page(
    world: World, deployer: Client, path: str
) -> None:
    response = deployer.post(path, WINDOW | {"mode": "automatic"}, follow=True)

    assert saved(world) == ("automatic", BERLIN.to_json())
    assert "Monday, Sunday at 02:30 for 1 h 30 min (Europe/Berlin)" in response.text
    assert "Next:" in response.text


def test_a_window_that_is_open_is_told_until_when_by_the_clock_of_its_zone(
    world: World, viewer: Client
) -> None:
    always = {"weekdays": list(range(7)), "start": "00:00", "minutes": 1440, "zone": "Asia/Tokyo"}
    Unikernel.objects.filter(pk=world.web.pk).update(update_mode="automatic", maintenance=always)

    page = viewer.get(f"/unikernels/{world.web.pk}/").text

    assert re.search(r"Open now, until \w{3} 00:00 JST\.", page)


@pytest.mark.parametrize("missing", ["weekdays", "start", "minutes", "zone"])
def test_automatic_needs_all_of_its_window(world: World, deployer: Client, path: str, missing: str) -> None:
    fields = {name: value for name, value in WINDOW.items() if name != missing} | {"mode": "automatic"}
    response = deployer.post(path, fields)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [missing]
    assert saved(world) == ("manual", {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("zone", "Europe/Nowhere"),
        ("minutes", "1"),
        ("start", "25:00"),
        ("weekdays", ["7"]),
        ("mode", "magic"),
    ],
)
def test_what_is_no_window_is_said_at_its_field(
    world: World, deployer: Client, path: str, field: str, value: Any
) -> None:
    response = deployer.post(path, WINDOW | {"mode": "automatic"} | {field: value})

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]


def test_telling_needs_no_window_and_keeps_the_one_that_is_there(
    world: World, deployer: Client, path: str
) -> None:
    deployer.post(path, WINDOW | {"mode": "automatic"})
    deployer.post(path, {"mode": "tell"})

    assert saved(world) == ("tell", BERLIN.to_json())


def test_viewers_see_how_it_is_set_and_strangers_nothing(
    world: World, viewer: Client, stranger: Client, path: str
) -> None:
    assert "Newer builds are shown; a person decides." in viewer.get(f"/unikernels/{world.web.pk}/").text
    assert viewer.post(path, {"mode": "tell"}).status_code == 403
    assert stranger.post(path, {"mode": "tell"}).status_code == 404


def test_the_openings_are_shown_before_anything_is_saved(world: World, deployer: Client, path: str) -> None:
    without_script = deployer.post(path, WINDOW | {"mode": "automatic", "action": "look"})
    with_script = deployer.get(f"{path}openings/", WINDOW, headers={"HX-Request": "true"})

    for response in (without_script, with_script):
        assert response.status_code == 200
        assert response.text.count("02:30 to 04:00") == 3
        assert "clocks go" in response.text
    assert saved(world) == ("manual", {})


def test_an_unfinished_window_has_no_openings_and_is_no_mistake(
    world: World, deployer: Client, path: str
) -> None:
    response = deployer.get(f"{path}openings/", {"start": "02:30", "zone": "Europe/Ber"})

    assert response.status_code == 200
    assert "Choose days, a start, a length and a zone." in response.text


# --- days and hours (pure) ---------------------------------------------------------------------------


def test_the_next_openings_are_told_by_the_clock_of_the_zone_and_in_utc() -> None:
    found = openings(BERLIN, NOVEMBER)

    assert [opening.words for opening in found] == [
        "Mon 23 Nov 2026, 02:30 to 04:00 CET",
        "Sun 29 Nov 2026, 02:30 to 04:00 CET",
        "Mon 30 Nov 2026, 02:30 to 04:00 CET",
    ]
    assert found[0].utc_words == "01:30 to 03:00 UTC"


def test_an_opening_that_is_under_way_comes_first() -> None:
    found = openings(BERLIN, datetime(2026, 11, 23, 2, tzinfo=UTC))

    assert [opening.under_way for opening in found] == [True, False, False]


def test_where_it_is_another_day_in_utc_the_day_is_said() -> None:
    found = openings(Maintenance((0,), "01:00", 60, "Asia/Tokyo"), NOVEMBER)

    assert found[0].utc_words == "Sun 16:00 to 17:00 UTC"


def test_a_start_that_the_clock_leaps_over_is_told_for_that_day() -> None:
    change = clock_change(BERLIN, NOVEMBER)

    assert change is not None
    assert change.words == "On Sun 28 Mar 2027 clocks go forward, from 02:00 to 03:00."
    assert change.meaning == "That day it is open from 03:00 CEST to 04:30 CEST."


def test_a_start_that_the_clock_shows_twice_is_told_for_that_day() -> None:
    change = clock_change(BERLIN, datetime(2026, 10, 1, tzinfo=UTC))

    assert change is not None
    assert change.words == "On Sun 25 Oct 2026 clocks go back, from 03:00 to 02:00."
    assert change.meaning == "That day it is open from 02:30 CEST to 03:00 CET."


def test_a_window_that_is_closed_on_that_day_says_so() -> None:
    change = clock_change(Maintenance((2,), "02:30", 90, "Europe/Berlin"), NOVEMBER)

    assert change is not None
    assert change.meaning == "It does not open on that day."


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_where_clocks_do_not_change_there_is_nothing_to_tell(zone: str) -> None:
    assert clock_change(Maintenance((2,), "02:30", 90, zone), NOVEMBER) is None
