"""ETags, ``If-Match``, and ``If-Plan-Match``: nothing is changed that was not seen as it is."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from tests.api.caller import Caller
from tests.api.house import House
from tests.cast import ClientOf
from unikernels.models import Check, Unikernel

CHECK = {"name": "tcp", "kind": "tcp", "settings": {"address": "192.88.99.1:80"}, "seconds": 60}


def place(house: House) -> str:
    return f"unikernels/{house.unikernel.pk}/checks/{house.check.pk}/"


def test_what_is_as_it_was_is_not_sent_again(house: House, viewer: Caller) -> None:
    path = f"unikernels/{house.unikernel.pk}/"
    tag = viewer.get(path).headers["ETag"]
    same = viewer.saying(If_None_Match=f'"x", {tag}').get(path)
    assert (same.status_code, same.headers["ETag"], same.getvalue()) == (304, tag, b"")
    Unikernel.objects.filter(pk=house.unikernel.pk).update(unstable=True)
    assert viewer.saying(If_None_Match=tag).get(path).status_code == 200


def test_a_check_is_not_overwritten_blindly(house: House, deployer: Caller) -> None:
    answer = deployer.put(place(house), CHECK)
    assert answer.status_code == 428
    tag = deployer.get(place(house)).headers["ETag"]
    assert answer.json()["etag"] == tag
    assert deployer.saying(If_Match=tag).put(place(house), CHECK | {"seconds": 33}).status_code == 200
    stale = deployer.saying(If_Match=tag).put(place(house), CHECK)
    assert stale.status_code == 412
    assert stale.json()["etag"] == deployer.get(place(house)).headers["ETag"] != tag
    assert Check.objects.get(pk=house.check.pk).seconds == 33


def test_how_a_check_stands_is_no_change_of_it(house: House, deployer: Caller) -> None:
    tag = deployer.get(place(house)).headers["ETag"]
    Check.objects.filter(pk=house.check.pk).update(failures=7)
    assert deployer.saying(If_Match=tag).delete(place(house)).status_code == 204


def test_whoever_may_not_change_it_hears_that_first(house: House, viewer: Caller) -> None:
    assert viewer.put(place(house), CHECK).status_code == 403
    assert viewer.saying(If_Match='"x"').put(place(house), CHECK).status_code == 403


def test_a_new_quota_overwrites_nothing(house: House, root: User, client_of: ClientOf) -> None:
    superuser = Caller(client_of(root))
    limits = {"unikernels": 1, "memory": 64, "cpuids": [0], "bridges": ["service"]}
    assert superuser.put("quotas/robur/fra-1/", limits).status_code == 428
    assert superuser.saying(If_Match='"x"').put("quotas/robur/fra-1/", limits).status_code == 412


# --- plans -------------------------------------------------------------------------------------------

CHANGES: list[tuple[str, Any]] = [
    ("restart/", None),
    ("destroy/", None),
    ("configure/", {"configuration": {"memory": 64, "networks": {"service": "service"}}}),
]


@pytest.mark.parametrize(("change", "body"), CHANGES)
def test_exactly_what_was_planned_is_done(change: str, body: Any, house: House, deployer: Caller) -> None:
    path = f"unikernels/{house.unikernel.pk}/{change}"
    plan = deployer.post(path, body, dry_run="true").json()
    assert deployer.post(path, body, dry_run="true").json() == plan
    assert deployer.saying(If_Plan_Match=plan["digest"]).post(path, body).status_code == 202


@pytest.mark.parametrize(("change", "body"), CHANGES)
def test_not_when_it_has_changed_meanwhile(change: str, body: Any, house: House, deployer: Caller) -> None:
    path = f"unikernels/{house.unikernel.pk}/{change}"
    plan = deployer.post(path, body, dry_run="true").json()
    Unikernel.objects.filter(pk=house.unikernel.pk).update(digest="0" * 64)
    answer = deployer.saying(If_Plan_Match=plan["digest"]).post(path, body)
    assert answer.status_code == 412
    assert answer.json()["plan"] == deployer.post(path, body, dry_run="true").json()
    assert not house.unikernel.operations.filter(finished_at=None).exists()


def test_nor_for_another_body(house: House, deployer: Caller) -> None:
    path, (_, body) = f"unikernels/{house.unikernel.pk}/configure/", CHANGES[2]
    digest = deployer.post(path, body, dry_run="true").json()["digest"]
    other = {"configuration": body["configuration"] | {"memory": 32}}
    assert deployer.saying(If_Plan_Match=digest).post(path, other).status_code == 412


def test_what_changes_between_looking_and_doing_stops_it(
    house: House, deployer: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"unikernels/{house.unikernel.pk}/restart/"
    digest = deployer.post(path, dry_run="true").json()["digest"]
    answered = iter([house.unikernel, house.unikernel, Unikernel(pk=house.unikernel.pk, digest="1" * 64)])
    monkeypatch.setattr("unikernels.api.base.unikernel_of", lambda *_: next(answered))
    answer = deployer.saying(If_Plan_Match=digest).post(path)
    assert answer.status_code == 412
    assert "has changed" in answer.json()["detail"]


def test_a_condition_that_cannot_hold_is_told(house: House, deployer: Caller) -> None:
    path = f"unikernels/{house.unikernel.pk}/restart/"
    answer = deployer.saying(If_Match='"x"').post(path)
    assert answer.status_code == 400
    assert "If-Plan-Match" in answer.json()["detail"]
