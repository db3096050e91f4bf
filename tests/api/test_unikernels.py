"""Seeing unikernels: the list, one of them, and who reads their arguments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from albatross.models import STALE_AFTER, Instance
from tests.api.caller import Caller
from tests.api.house import ARGUMENTS, SECRET, House, instance_row, runs
from tests.cast import ClientOf
from unikernels.models import Check, RollbackWindow, Unikernel


def names(caller: Caller, **query: Any) -> list[str]:
    return [item["name"] for item in caller.get("unikernels/", **query).json()["items"]]


def test_the_list_tells_what_runs(house: House, deployer: Caller) -> None:
    found = {item["name"]: item for item in deployer.get("unikernels/").json()["items"]}
    hello = found["hello"]
    assert hello["id"] == house.unikernel.pk
    assert hello["full_name"] == "robur:hello"
    assert (hello["team"], hello["instance"], hello["state"]) == ("robur", "fra-1", "running")
    assert hello["digest"] == house.image.image.digest
    assert (hello["memory"], hello["cpuids"], hello["version"]) == (32, [0], 1)
    assert hello["started"] == 1_700_000_000_000
    assert hello["operation"] is None
    assert not hello["stale"]
    assert found["busy"]["operation"] == {"id": house.operation.pk, "kind": "restart", "state": "preflight"}
    assert found["found"]["version"] is None


def test_what_is_unmanaged_is_shown_to_superusers_only(
    house: House, deployer: Caller, root: User, client_of: ClientOf
) -> None:
    assert "wiki" not in names(deployer)
    wiki = next(
        item for item in Caller(client_of(root)).get("unikernels/").json()["items"] if item["name"] == "wiki"
    )
    assert wiki["team"] is None


def test_old_facts_are_stale(house: House, deployer: Caller) -> None:
    Instance.objects.update(seen_at=timezone.now() - STALE_AFTER - timedelta(seconds=1))
    assert all(item["stale"] for item in deployer.get("unikernels/").json()["items"])
    Instance.objects.update(seen_at=None)
    assert all(item["stale"] for item in deployer.get("unikernels/").json()["items"])


def test_one_that_was_never_seen_has_no_facts(house: House, deployer: Caller) -> None:
    unikernel = Unikernel.objects.create(
        instance=house.instance, team=house.team, path="robur", name="asked-for"
    )
    item = deployer.get("unikernels/", q="asked").json()["items"][0]
    assert (item["state"], item["digest"], item["memory"], item["cpuids"]) == ("new", None, None, [])
    assert deployer.get(f"unikernels/{unikernel.pk}/").json()["arguments"] == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["busy", "far", "found", "gone", "hello"]),
        ({"q": "o"}, ["found", "gone", "hello"]),
        ({"q": "HEL"}, ["hello"]),
        ({"q": "%"}, []),
        ({"state": "missing"}, ["gone"]),
        ({"instance": "ams-1"}, ["far"]),
        ({"instance": "nowhere"}, []),
        ({"team": "robur", "state": "running", "instance": "fra-1"}, ["busy", "found", "hello"]),
    ],
)
def test_the_list_is_filtered(
    query: dict[str, str], expected: list[str], house: House, deployer: Caller
) -> None:
    runs(house.team, instance_row("ams-1"), house.image.image, "far")
    gone = runs(house.team, house.instance, house.image.image, "gone")
    Unikernel.objects.filter(pk=gone.pk).update(state="missing")
    assert names(deployer, **query) == expected


def test_one_unikernel_is_told_with_versions_and_operations(house: House, deployer: Caller) -> None:
    answer = deployer.get(f"unikernels/{house.busy.pk}/").json()
    assert answer["name"] == "busy"
    assert [version["number"] for version in answer["versions"]] == [1]
    assert answer["versions"][0]["held"]
    assert [operation["id"] for operation in answer["operations"]] == [house.operation.pk]
    assert answer["configuration"]["memory"] == 32
    assert answer["observed"]["networks"] == [
        {"device": "service", "bridge": "service", "mac": "00:00:00:00:00:00"}
    ]


def test_one_that_nobody_asked_about_has_no_news(house: House, deployer: Caller) -> None:
    answer = deployer.get(f"unikernels/{house.unikernel.pk}/").json()
    assert (answer["standing"], answer["newest"], answer["window"], answer["checks"]) == (
        None,
        None,
        None,
        [],
    )
    assert answer["update_mode"] == "manual"


def test_a_newer_build_is_told(house: House, deployer: Caller) -> None:
    newer = house.newer
    answer = deployer.get(f"unikernels/{house.unikernel.pk}/").json()
    assert answer["standing"] == "update"
    assert (answer["newest"]["server"], answer["newest"]["uuid"]) == ("builds", newer.uuid)
    assert answer["newest"]["devices"] == [{"name": "service", "kind": "net"}]
    assert deployer.get("unikernels/", q="hello").json()["items"][0]["standing"] == "update"


def test_a_rollback_window_is_told_while_it_is_open(house: House, deployer: Caller) -> None:
    window, path = house.window, f"unikernels/{house.unikernel.pk}/"
    told = deployer.get(path).json()["window"]
    assert (told["to"], told["operation"]) == (1, window.operation_id)
    RollbackWindow.objects.update(until=timezone.now())
    assert deployer.get(path).json()["window"] is None


def test_checks_tell_how_they_stand(house: House, deployer: Caller) -> None:
    check = Check.objects.create(
        unikernel=house.unikernel, name="web", kind="tcp", settings={"address": "10.0.0.2:80"}, state="down"
    )
    told = deployer.get(f"unikernels/{house.unikernel.pk}/").json()["checks"]
    assert [(item["id"], item["name"], item["kind"], item["state"]) for item in told] == [
        (check.pk, "web", "tcp", "down")
    ]


def test_a_deployer_reads_the_arguments(house: House, deployer: Caller) -> None:
    answer = deployer.get(f"unikernels/{house.unikernel.pk}/").json()
    assert answer["arguments"] == answer["configuration"]["arguments"] == list(ARGUMENTS)
    assert answer["masked"] is False


def test_a_viewer_sees_only_the_names_of_arguments(house: House, viewer: Caller) -> None:
    answer = viewer.get(f"unikernels/{house.unikernel.pk}/")
    assert answer.json()["arguments"] == ["--ipv4=***", "--password=***"]
    assert answer.json()["configuration"]["arguments"] == ["--ipv4=***", "--password=***"]
    assert answer.json()["masked"] is True


def test_no_answer_is_kept_on_the_way(house: House, deployer: Caller) -> None:
    for path in (f"unikernels/{house.unikernel.pk}/", "unikernels/0/"):
        assert deployer.get(path).headers["Cache-Control"] == "no-store"


def test_no_secret_stands_anywhere_a_viewer_can_look(house: House, viewer: Caller) -> None:
    secret = SECRET.partition("=")[2]
    paths = [
        "unikernels/",
        "operations/",
        f"unikernels/{house.busy.pk}/",
        f"unikernels/{house.busy.pk}/versions/",
        f"operations/{house.operation.pk}/",
    ]
    for path in paths:
        assert secret not in viewer.get(path).content.decode()
