"""Configure, restart, destroy, adopt: each an operation or a plan, once at a time."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Event, User
from tests.api.caller import Caller
from tests.api.house import House
from tests.cast import ClientOf
from unikernels.models import Operation, Unikernel, Version

NEW = {"configuration": {"memory": 64, "networks": {"service": "service"}, "arguments": ["--new=1"]}}
CHANGES: list[tuple[str, Any]] = [("configure", NEW), ("restart", None), ("destroy", None)]


@pytest.mark.parametrize(("change", "body"), CHANGES)
def test_a_change_is_an_operation_under_way(change: str, body: Any, house: House, deployer: Caller) -> None:
    answer = deployer.post(f"unikernels/{house.unikernel.pk}/{change}/", body)
    assert answer.status_code == 202
    operation = Operation.objects.get(unikernel=house.unikernel)
    assert answer.headers["Location"].endswith(f"/api/v1/operations/{operation.pk}/")
    assert operation.kind == change
    assert answer.json()["finished"] is False


@pytest.mark.parametrize(("change", "body"), CHANGES)
def test_a_dry_run_starts_nothing(change: str, body: Any, house: House, deployer: Caller) -> None:
    answer = deployer.post(f"unikernels/{house.unikernel.pk}/{change}/", body, dry_run="true")
    assert answer.status_code == 200
    assert answer.json()["possible"] is True
    assert not Operation.objects.filter(unikernel=house.unikernel).exists()
    assert Version.objects.filter(unikernel=house.unikernel).count() == 1


@pytest.mark.parametrize("dry_run", ["true", "false"])
@pytest.mark.parametrize(("change", "body"), CHANGES)
def test_a_second_change_is_told_about_the_first(
    change: str, body: Any, dry_run: str, house: House, deployer: Caller
) -> None:
    answer = deployer.post(f"unikernels/{house.busy.pk}/{change}/", body, dry_run=dry_run)
    assert answer.status_code == 409
    assert answer.json()["operation"] == house.operation.pk


@pytest.mark.parametrize(("change", "body"), CHANGES)
def test_what_does_not_run_is_refused(change: str, body: Any, house: House, deployer: Caller) -> None:
    Unikernel.objects.filter(pk=house.unikernel.pk).update(state="stopped", started=None)
    assert deployer.post(f"unikernels/{house.unikernel.pk}/{change}/", body).status_code == 422


@pytest.mark.parametrize(("change", "body"), CHANGES)
def test_what_is_unmanaged_is_never_changed(
    change: str, body: Any, house: House, root: User, client_of: ClientOf
) -> None:
    caller = Caller(client_of(root))
    assert caller.post(f"unikernels/{house.unmanaged.pk}/{change}/", body).status_code == 422
    assert not Operation.objects.filter(unikernel=house.unmanaged).exists()


def test_a_refusal_is_told_by_the_plan_too(house: House, deployer: Caller) -> None:
    Unikernel.objects.filter(pk=house.unikernel.pk).update(state="stopped", started=None)
    plan = deployer.post(f"unikernels/{house.unikernel.pk}/restart/", dry_run="true").json()
    assert plan["possible"] is False
    assert len(plan["refusals"]) == 1


def test_a_plan_tells_what_would_change(house: House, deployer: Caller) -> None:
    plan = deployer.post(f"unikernels/{house.unikernel.pk}/configure/", NEW, dry_run="true").json()
    assert plan["changes"]["memory"] == {"was": "32", "now": "64"}
    assert "--new" not in str(plan)


def test_the_whole_configuration_is_replaced(house: House, deployer: Caller) -> None:
    deployer.post(f"unikernels/{house.unikernel.pk}/configure/", NEW)
    operation = Operation.objects.get(unikernel=house.unikernel)
    assert operation.target is not None
    assert operation.target.configuration["memory"] == 64
    assert operation.target.configuration["restart"] == "never"
    assert operation.fallback == house.version


@pytest.mark.parametrize("body", [{}, {"configuration": {"memory": 1}}, {"memory": 64}])
def test_a_wrong_configuration_is_a_problem(body: Any, house: House, deployer: Caller) -> None:
    assert deployer.post(f"unikernels/{house.unikernel.pk}/configure/", body).status_code == 400


@pytest.mark.parametrize("change", ["restart", "destroy", "adopt"])
def test_a_change_without_words_takes_none(change: str, house: House, deployer: Caller) -> None:
    assert deployer.post(f"unikernels/{house.found.pk}/{change}/", {"force": True}).status_code == 400
    answer = deployer.post(f"unikernels/{house.found.pk}/{change}/", {}, dry_run="yes please")
    assert answer.status_code == 400


def test_what_others_started_is_adopted(house: House, deployer: Caller) -> None:
    plan = deployer.post(f"unikernels/{house.found.pk}/adopt/", dry_run="true").json()
    assert plan["possible"] is True
    assert not house.found.versions.exists()
    answer = deployer.post(f"unikernels/{house.found.pk}/adopt/")
    assert answer.status_code == 200
    assert answer.json()["version"] == 1
    assert answer.json()["configuration"]["memory"] == 32


def test_what_is_managed_is_not_adopted_again(house: House, deployer: Caller) -> None:
    assert deployer.post(f"unikernels/{house.unikernel.pk}/adopt/").status_code == 409


def test_what_is_missing_may_stay_gone(house: House, deployer: Caller) -> None:
    path = f"unikernels/{house.found.pk}/dismiss/"
    assert deployer.post(path).json()["detail"] == "robur:found is not missing."
    Unikernel.objects.filter(pk=house.found.pk).update(state="missing", unstable=True, observed={})

    assert deployer.post(path, dry_run="true").json()["possible"] is True
    assert Unikernel.objects.get(pk=house.found.pk).state == "missing"
    answer = deployer.post(path)

    assert (answer.status_code, answer.json()["state"]) == (200, "stopped")
    assert Unikernel.objects.get(pk=house.found.pk).unstable is False
    assert deployer.post(path).status_code == 422
    assert Event.objects.filter(kind="unikernel.dismissed").count() == 1


def test_what_is_under_way_is_not_dismissed(house: House, deployer: Caller) -> None:
    Unikernel.objects.filter(pk=house.busy.pk).update(state="missing")

    assert deployer.post(f"unikernels/{house.busy.pk}/dismiss/").status_code == 409
