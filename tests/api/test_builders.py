"""Builders: what they build, and what changed between two builds; asked by a worker, never by a request."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from tests.api.caller import Caller
from tests.api.house import House
from unikernels.builds import lookups
from unikernels.builds.simulator.server import Server
from unikernels.models import Builder, Lookup, Unikernel


def work() -> None:
    """Do what the workers do with the questions that wait."""
    for lookup in Lookup.objects.filter(answered_at=None):
        lookups.answer(lookup.pk, lookup.asked_at)


def test_builders_are_listed(house: House, viewer: Caller) -> None:
    Builder.objects.create(name="b", url="https://b.example.org", trouble_text="It is away.")
    Builder.objects.create(name="a", url="https://a.example.org", ca="PEM")
    items = viewer.get("builders/").json()["items"]
    assert [(item["name"], item["trouble"]) for item in items] == [("a", ""), ("b", "It is away.")]
    assert "ca" not in items[0]


def test_jobs_and_builds_are_asked_for_and_told(builder: Builder, builds: Server, robot: Caller) -> None:
    first = robot.get("builders/builds/jobs/")
    assert (first.status_code, first.headers["Retry-After"]) == (202, "1")
    work()
    told = robot.get("builders/builds/jobs/").json()
    assert {job["name"] for job in told["jobs"]} >= {"hello", "static-website"}
    assert (told["asking"], told["trouble"]) == (False, "")

    path = "builders/builds/jobs/static-website/builds/"
    assert robot.get(path).status_code == 202
    work()
    found = robot.get(path).json()["builds"]
    assert [build["uuid"] for build in found] == [
        build.uuid for build in builds.catalogue.builds("static-website")
    ]
    assert found[0]["devices"] == [{"name": "service", "kind": "net"}]


def test_an_older_answer_is_told_while_a_newer_one_is_asked_for(house: House, deployer: Caller) -> None:
    path = f"builders/{house.jobs.builder}/jobs/"
    assert deployer.get(path).json()["asking"] is False
    told = deployer.get(path, fresh="true")
    assert (told.status_code, told.json()["asking"]) == (200, True)
    assert told.json()["jobs"] == house.jobs.data


def test_a_builder_that_is_away_is_told(house: House, deployer: Caller) -> None:
    now = timezone.now()
    Lookup.objects.create(
        builder=house.builder, what="jobs", asked_at=now, answered_at=now, trouble_text="It is away."
    )
    answer = deployer.get("builders/builds/jobs/")
    assert (answer.status_code, answer.json()["detail"]) == (502, "It is away.")


def test_what_is_not_there_is_missing(house: House, deployer: Caller) -> None:
    assert deployer.get("builders/nowhere/jobs/").status_code == 404
    assert deployer.get("builders/nowhere/jobs/hello/builds/").status_code == 404


def test_too_many_questions_are_a_conflict(
    house: House, deployer: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unikernels.builds.services.MAX_WAITING", 0)
    assert deployer.get(f"builders/{house.builder}/jobs/").status_code == 409


# --- what changed ------------------------------------------------------------------------------------


@pytest.fixture
def path(house: House) -> str:
    """Where what changed is told."""
    return f"unikernels/{house.unikernel.pk}/changes/"


def test_what_changed_is_told_with_its_risk(house: House, path: str, viewer: Caller) -> None:
    assert house.changes.answered_at
    body = viewer.get(path).json()
    assert (body["old"]["uuid"], body["new"]["uuid"]) == (house.build.uuid, house.newer.uuid)
    assert body["opam"]["added"] == [{"name": "solo5", "version": "0.9.0"}]
    assert body["opam"]["changed"] == [{"name": "tls", "old": "1.0.0", "new": "2.0.0"}]
    assert (body["count"], body["size_change"]) == (2, 0)
    assert body["risk"]["grade"] == "high"
    assert [reason["grade"] for reason in body["risk"]["reasons"]] == ["high", "medium"]


def test_another_build_is_compared_when_it_is_named(house: House, path: str, deployer: Caller) -> None:
    other = house.make_build("03", "3" * 64)
    assert house.newer.builder == house.build.builder
    assert deployer.get(path, build=other.uuid.upper()).status_code == 202
    assert Lookup.objects.get().key == f"{house.build.uuid}/{other.uuid}"


@pytest.mark.usefixtures("redis_server")  # one comparison at a time, of all processes
def test_it_is_the_small_builder_web_that_tells(
    house: House, builder: Builder, builds: Server, path: str, deployer: Caller
) -> None:
    new, old = builds.catalogue.builds("static-website")
    house.__dict__["builder"] = builder
    row = house.make_build("01", house.image.image.digest)
    row.uuid = old.uuid
    row.save()
    house.version.build = row
    house.version.save()
    assert deployer.get(path, build=new.uuid).status_code == 202
    work()
    body = deployer.get(path, build=new.uuid).json()
    assert body["risk"]["grade"] == "medium"
    assert {change["name"] for change in body["opam"]["changed"]} >= {"tls", "x509"}


@pytest.mark.parametrize("query", [{"build": "1"}, {"build": ""}, {"server": ""}, {"old": "1"}])
def test_a_question_that_means_nothing_is_named(
    query: dict[str, Any], house: House, path: str, deployer: Caller
) -> None:
    answer = deployer.get(path, **query)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == list(query)


def test_a_builder_that_is_not_there_is_missing(house: House, path: str, deployer: Caller) -> None:
    assert deployer.get(path, server="nowhere").status_code == 404


def test_what_no_builder_built_has_no_changes(house: House, path: str, deployer: Caller) -> None:
    answer = deployer.get(path)
    assert answer.status_code == 422
    assert "No builder" in answer.json()["detail"]


def test_without_anything_newer_a_build_has_to_be_named(house: House, path: str, deployer: Caller) -> None:
    assert house.build.digest == house.unikernel.digest
    answer = deployer.get(path)
    assert answer.status_code == 422
    assert "Say which build" in answer.json()["detail"]


def test_what_was_never_seen_has_no_changes(house: House, path: str, deployer: Caller) -> None:
    assert house.changes.answered_at
    Unikernel.objects.update(digest="")
    assert deployer.get(path).status_code == 422
