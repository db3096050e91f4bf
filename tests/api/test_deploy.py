"""Asking for a new unikernel: an operation does it, or the plan tells why not."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Quota, Team
from albatross.models import ObservedPolicy
from tests.api.caller import Caller
from tests.api.house import House, image_of_team
from unikernels.builds.simulator.server import Server
from unikernels.models import Builder, Operation, Unikernel
from unikernels.versions import arguments_of


def wanted(house: House, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "instance": "fra-1",
        "name": "new",
        "image": house.image.image.digest,
        "configuration": {"memory": 16, "networks": {"service": "service"}, "arguments": ["--key=s3cret"]},
    }
    return body | changes


def test_a_deploy_is_an_operation_under_way(house: House, deployer: Caller) -> None:
    answer = deployer.post("unikernels/", wanted(house))
    assert answer.status_code == 202
    operation = Operation.objects.get(unikernel__name="new")
    assert answer.headers["Location"] == f"http://testserver/api/v1/operations/{operation.pk}/"
    body = answer.json()
    assert (body["id"], body["kind"], body["state"], body["finished"]) == (
        operation.pk,
        "deploy",
        "fetch",
        False,
    )
    assert body["name"] == "robur:new"
    assert body["credential"].startswith("token mm_")
    assert operation.target is not None
    assert arguments_of(operation.target) == ["--key=s3cret"]
    assert "s3cret" not in answer.content.decode()


def test_a_dry_run_tells_the_plan_and_changes_nothing(house: House, deployer: Caller) -> None:
    answer = deployer.post("unikernels/", wanted(house), dry_run="true")
    assert answer.status_code == 200
    assert answer.json()["possible"] is True
    assert answer.json()["steps"]
    assert not Unikernel.objects.filter(name="new").exists()
    assert "s3cret" not in answer.content.decode()


def test_the_same_again_is_told_about_the_first(house: House, deployer: Caller) -> None:
    first = deployer.post("unikernels/", wanted(house)).json()
    answer = deployer.post("unikernels/", wanted(house))
    assert answer.status_code == 409
    assert answer.json()["operation"] == first["id"]
    assert Operation.objects.filter(unikernel__name="new").count() == 1


def test_a_name_is_folded(house: House, deployer: Caller) -> None:
    assert deployer.post("unikernels/", wanted(house, name="New")).json()["name"] == "robur:new"


def test_what_would_not_work_is_refused_with_every_reason(house: House, deployer: Caller) -> None:
    body = wanted(house, configuration={"memory": 4096, "cpuids": [7], "networks": {"service": "dmz"}})
    answer = deployer.post("unikernels/", body)
    assert answer.status_code == 422
    reasons = [error["detail"] for error in answer.json()["errors"]]
    assert len(reasons) == 3
    plan = deployer.post("unikernels/", body, dry_run="true").json()
    assert plan["refusals"] == reasons
    assert plan["possible"] is False
    assert not Unikernel.objects.filter(name="new").exists()


def test_a_question_is_answered_by_accepting(house: House, deployer: Caller) -> None:
    other = image_of_team(house.team, target="spt")
    body = wanted(house, image=other.image.digest)
    plan = deployer.post("unikernels/", body, dry_run="true").json()
    assert [question["code"] for question in plan["questions"]] == ["new-abi"]
    assert plan["possible"] is False
    answer = deployer.post("unikernels/", body)
    assert answer.status_code == 422
    assert answer.json()["accept"] == ["new-abi"]
    yes = body | {"accept": ["new-abi"]}
    assert deployer.post("unikernels/", yes, dry_run="true").json()["possible"] is True
    assert deployer.post("unikernels/", yes).status_code == 202


def test_a_name_that_runs_already_is_refused(house: House, deployer: Caller) -> None:
    assert deployer.post("unikernels/", wanted(house, name="hello")).status_code == 422


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "name"),
        ({"name": "-x"}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"name": None}, "name"),
        ({"image": "00"}, "image"),
        ({"build": {"job": "hello"}}, "image"),
        ({"image": "A" * 64}, "image"),
        ({"instance": ""}, "instance"),
        ({"configuration": []}, "configuration"),
        ({"configuration": {"memory": 0}}, "configuration/memory"),
        ({"configuration": {"memory": True}}, "configuration/memory"),
        ({"configuration": {"cpuids": []}}, "configuration/cpuids"),
        ({"configuration": {"arguments": "--x"}}, "configuration/arguments"),
        ({"configuration": {"networks": ["service"]}}, "configuration/networks"),
        ({"configuration": {"restart": [256]}}, "configuration/restart"),
        ({"configuration": {"color": "red"}}, "configuration/color"),
        ({"accept": ["anything"]}, "accept/0"),
        ({"wait": True}, "wait"),
    ],
)
def test_what_cannot_be_understood_is_named(
    change: dict[str, Any], pointer: str, house: House, deployer: Caller
) -> None:
    answer = deployer.post("unikernels/", wanted(house, **change))
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("change", [{"instance": "nowhere"}, {"image": "0" * 64}, {"team": "nobody"}])
def test_what_is_not_there_is_missing(change: dict[str, Any], house: House, deployer: Caller) -> None:
    assert deployer.post("unikernels/", wanted(house, **change)).status_code == 404


def test_an_image_of_another_team_is_missing(house: House, deployer: Caller) -> None:
    other = image_of_team(Team.objects.create(name="other", domain="other"), padding=99)
    answer = deployer.post("unikernels/", wanted(house, image=other.image.digest))
    assert answer.status_code == 404
    assert answer.content == deployer.post("unikernels/", wanted(house, image="0" * 64)).content


def test_something_has_to_be_deployed(house: House, deployer: Caller) -> None:
    body = wanted(house)
    del body["image"]
    answer = deployer.post("unikernels/", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "image")


def test_a_build_is_planned_by_what_its_builder_tells(
    house: House, builder: Builder, builds: Server, deployer: Caller
) -> None:
    body = wanted(house) | {"build": {"server": "builds", "job": "opam-mirror"}}
    del body["image"]
    plan = deployer.post("unikernels/", body, dry_run="true").json()
    assert plan["steps"][0] == "download it from builds and verify its SHA-256"
    assert [refusal for refusal in plan["refusals"] if "'tar'" in refusal]
    assert deployer.post("unikernels/", body).status_code == 422
    unknown = body | {"build": {"job": "no-such-job"}}
    assert deployer.post("unikernels/", unknown).status_code == 404
    assert not Operation.objects.filter(unikernel__name="new").exists()


def test_a_team_without_a_quota_is_refused(house: House, deployer: Caller) -> None:
    Quota.objects.all().delete()
    ObservedPolicy.objects.all().delete()
    answer = deployer.post("unikernels/", wanted(house))
    assert answer.status_code in {404, 422}
    assert not Operation.objects.filter(unikernel__name="new").exists()


def test_a_session_says_for_which_team(house: House, client_of: Any, alice: Any) -> None:
    caller = Caller(client_of(alice))
    answer = caller.post("unikernels/", wanted(house))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "team"
    assert caller.post("unikernels/", wanted(house, team="robur")).status_code == 202


def test_a_viewer_deploys_nothing(house: House, viewer: Caller) -> None:
    assert viewer.post("unikernels/", wanted(house)).status_code == 403
    assert not Unikernel.objects.filter(name="new").exists()
