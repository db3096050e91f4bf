"""What happens by itself: update mode, maintenance window, automatic restarts, and the freeze switches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import Team, User
from tests.api.caller import Caller
from tests.api.house import House
from tests.api.test_matrix import MAINTENANCE
from tests.cast import ClientOf
from unikernels.models import Freeze, Unikernel


@pytest.fixture
def path(house: House) -> str:
    """Where the updates of hello are decided."""
    return f"unikernels/{house.unikernel.pk}/updates/"


@pytest.fixture
def owner(house: House, alice: User, client_of: ClientOf) -> Caller:
    return Caller(client_of(alice))


@pytest.fixture
def superuser(house: House, root: User, client_of: ClientOf) -> Caller:
    return Caller(client_of(root))


def test_nothing_happens_by_itself_until_somebody_says_so(path: str, viewer: Caller) -> None:
    assert viewer.get(path).json() == {
        "mode": "manual",
        "maintenance": None,
        "open_until": None,
        "next_opening": None,
        "frozen": None,
        "restart_after": None,
    }


def test_all_of_it_is_set_at_once(path: str, house: House, deployer: Caller) -> None:
    answer = deployer.put(path, {"mode": "automatic", "maintenance": MAINTENANCE, "restart_after": 3})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["mode"], told["maintenance"], told["restart_after"]) == ("automatic", MAINTENANCE, 3)
    opening = parse_datetime(told["next_opening"])
    assert opening is not None
    assert opening.weekday() in {0, 5, 4, 6}  # 03:00 in Berlin is of the night before in no season
    assert deployer.get(path).json() == told
    assert deployer.get(f"unikernels/{house.unikernel.pk}/").json()["update_mode"] == "automatic"


def test_a_window_that_is_open_says_until_when(path: str, deployer: Caller) -> None:
    now = timezone.now()
    window = {"weekdays": list(range(7)), "start": f"{now:%H:%M}", "minutes": 60, "zone": "UTC"}
    until = parse_datetime(deployer.put(path, {"maintenance": window}).json()["open_until"])
    assert until is not None
    assert until - now <= timedelta(hours=1)
    later = window | {"start": f"{now + timedelta(hours=2):%H:%M}"}
    assert deployer.put(path, {"maintenance": later}).json()["open_until"] is None


def test_what_is_left_out_stays(path: str, deployer: Caller) -> None:
    deployer.put(path, {"mode": "automatic", "maintenance": MAINTENANCE, "restart_after": 3})
    told = deployer.put(path, {"mode": "tell"}).json()
    assert (told["mode"], told["maintenance"], told["restart_after"]) == ("tell", MAINTENANCE, 3)
    told = deployer.put(path, {"restart_after": None}).json()
    assert (told["mode"], told["restart_after"]) == ("tell", None)


def test_a_dry_run_sets_nothing(path: str, house: House, deployer: Caller) -> None:
    body = {"mode": "automatic", "maintenance": MAINTENANCE, "restart_after": 3}
    plan = deployer.put(path, body, dry_run="true").json()
    assert (plan["possible"], len(plan["steps"])) == (True, 3)
    assert Unikernel.objects.get(pk=house.unikernel.pk).update_mode == "manual"


def test_all_or_nothing_is_set(path: str, house: House, deployer: Caller) -> None:
    answer = deployer.put(path, {"restart_after": 3, "mode": "automatic"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "maintenance")
    assert Unikernel.objects.get(pk=house.unikernel.pk).restart_after is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"mode": "sometimes"}, "mode"),
        ({"maintenance": None}, "maintenance"),
        ({"maintenance": "daily"}, "maintenance"),
        ({"maintenance": {}}, "maintenance/weekdays"),
        ({"maintenance": MAINTENANCE | {"weekdays": [7]}}, "maintenance/weekdays"),
        ({"maintenance": MAINTENANCE | {"start": "3"}}, "maintenance/start"),
        ({"maintenance": MAINTENANCE | {"minutes": 0}}, "maintenance/minutes"),
        ({"maintenance": MAINTENANCE | {"zone": "Mars/Olympus"}}, "maintenance/zone"),
        ({"maintenance": MAINTENANCE | {"until": "05:00"}}, "maintenance/until"),
        ({"restart_after": 1}, "restart_after"),
        ({"restart_after": "often"}, "restart_after"),
        ({"window": MAINTENANCE}, "window"),
    ],
)
def test_what_cannot_be_understood_is_named(
    body: dict[str, Any], pointer: str, path: str, deployer: Caller
) -> None:
    answer = deployer.put(path, body)
    assert answer.status_code == 400
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_a_viewer_sets_nothing(path: str, viewer: Caller) -> None:
    assert viewer.put(path, {"mode": "tell"}).status_code == 403


def test_what_is_unmanaged_is_not_updated(house: House, superuser: Caller) -> None:
    path = f"unikernels/{house.unmanaged.pk}/updates/"
    assert superuser.get(path).json()["mode"] == "manual"
    assert superuser.put(path, {"mode": "tell"}).status_code == 422


# --- freezes -----------------------------------------------------------------------------------------


def test_an_owner_freezes_and_unfreezes_the_team(path: str, owner: Caller, viewer: Caller) -> None:
    plan = owner.put("freezes/teams/robur/", {}, dry_run="true")
    assert plan.json()["possible"] is True
    assert not Freeze.objects.exists()
    frozen = owner.put("freezes/teams/robur/", {"reason": "release week"})
    assert frozen.status_code == 200
    assert (frozen.json()["team"], frozen.json()["by"]) == ("robur", "alice@example.org")
    assert viewer.get(path).json()["frozen"] == frozen.json()
    assert viewer.get("freezes/").json()["items"] == [frozen.json()]
    assert owner.delete("freezes/teams/robur/", dry_run="true").json()["possible"] is True
    assert owner.delete("freezes/teams/robur/").status_code == 204
    assert viewer.get(path).json()["frozen"] is None
    assert owner.delete("freezes/teams/robur/").status_code == 404


def test_a_superuser_freezes_everybody(path: str, superuser: Caller, viewer: Caller) -> None:
    assert superuser.put("freezes/system/", {"reason": "holidays"}).status_code == 200
    assert viewer.get(path).json()["frozen"]["team"] is None
    assert [item["reason"] for item in viewer.get("freezes/").json()["items"]] == ["holidays"]
    assert superuser.delete("freezes/system/").status_code == 204
    assert not Freeze.objects.exists()


def test_freezes_of_other_teams_are_not_told(house: House, viewer: Caller) -> None:
    Freeze.objects.create(team=Team.objects.create(name="other", domain="other"), reason="secret plans")
    assert viewer.get("freezes/").json()["items"] == []


@pytest.mark.parametrize("body", [{"reason": "x" * 201}, {"reason": 1.5, "until": "monday"}, {"why": "so"}])
def test_a_freeze_takes_a_short_reason_and_nothing_else(body: dict[str, Any], owner: Caller) -> None:
    assert owner.put("freezes/teams/robur/", body).status_code == 400


def test_a_freeze_never_stops_a_rollback(house: House, owner: Caller, deployer: Caller) -> None:
    assert house.freezes
    plan = deployer.post(f"unikernels/{house.window.unikernel_id}/rollback/", dry_run="true")
    assert plan.json()["possible"] is True
