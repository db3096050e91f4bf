"""Versions: everything that a unikernel was asked to run, newest first."""

from __future__ import annotations

from django.utils import timezone

from tests.api.caller import Caller
from tests.api.house import ARGUMENTS, House, managed
from unikernels.models import Version


def test_versions_are_listed_newest_first_in_pages(house: House, deployer: Caller) -> None:
    second = managed(house.unikernel, house.spare.image)
    path = f"unikernels/{house.unikernel.pk}/versions/"
    first_page = deployer.get(path, limit=1).json()
    assert [item["number"] for item in first_page["items"]] == [2]
    assert first_page["items"][0]["digest"] == second.digest
    assert first_page["items"][0]["current"] is True
    rest = deployer.get(first_page["next"]).json()
    assert [(item["number"], item["current"]) for item in rest["items"]] == [(1, False)]
    assert rest["next"] is None


def test_a_version_tells_its_configuration_and_where_it_came_from(house: House, deployer: Caller) -> None:
    build = house.build
    (told,) = deployer.get(f"unikernels/{house.unikernel.pk}/versions/").json()["items"]
    assert told["configuration"]["memory"] == 32
    assert told["configuration"]["arguments"] == list(ARGUMENTS)
    assert (told["origin"], told["build"]["uuid"], told["build"]["server"]) == ("build", build.uuid, "builds")


def test_one_whose_bytes_were_let_go_says_so(house: House, deployer: Caller) -> None:
    Version.objects.filter(pk=house.version.pk).update(image=None, pruned_at=timezone.now())
    (told,) = deployer.get(f"unikernels/{house.unikernel.pk}/versions/").json()["items"]
    assert told["held"] is False
    assert told["pruned_at"]


def test_viewers_see_no_arguments(house: House, viewer: Caller) -> None:
    (told,) = viewer.get(f"unikernels/{house.unikernel.pk}/versions/").json()["items"]
    assert told["configuration"]["arguments"] == ["--ipv4=***", "--password=***"]
