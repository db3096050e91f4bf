"""Checks of a unikernel: adding, changing, trying and removing them, and what they found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.events import record
from accounts.models import User
from albatross.simulator.images import build_image
from tests.api.caller import Caller
from tests.api.house import House
from tests.api.test_story import deploy, upload
from tests.api.world import World
from tests.cast import ClientOf
from unikernels.checks import rounds
from unikernels.models import Check, CheckResult, Unikernel

GLOBAL = "192.88.99.1"  # nobody is asked: the rounds do not run here
HTTP: dict[str, Any] = {
    "name": "web",
    "kind": "http",
    "settings": {"url": f"http://{GLOBAL}:8080/", "status": [200, 299], "text": "hello"},
    "seconds": 30,
}


@pytest.fixture
def path(house: House) -> str:
    """Where the checks of hello are."""
    return f"unikernels/{house.unikernel.pk}/checks/"


def test_a_check_is_added_shown_changed_and_removed(path: str, house: House, deployer: Caller) -> None:
    answer = deployer.post(path, HTTP)
    assert answer.status_code == 201, answer.content
    check = answer.json()
    place = f"{path}{check['id']}/"
    assert answer.headers["Location"].endswith(f"/api/v1/{place}")
    assert (check["state"], check["seconds"]) == ("unknown", 30)
    assert check["settings"] == HTTP["settings"] | {"connect": None, "verify": True}
    assert "answers 200 to 299" in check["told"]
    assert deployer.get(path).json()["items"] == [check]

    changed = deployer.saying(If_Match="*").put(place, HTTP | {"name": "site", "seconds": 60})
    assert (changed.status_code, changed.json()["name"], changed.json()["seconds"]) == (200, "site", 60)
    told = deployer.get(f"unikernels/{house.unikernel.pk}/").json()["checks"]
    assert [(item["name"], item["state"]) for item in told] == [("site", "unknown")]

    assert deployer.delete(place).status_code == 204
    assert deployer.get(place).status_code == 404
    assert deployer.get(path).json()["items"] == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("dns", {"server": f"{GLOBAL}:53", "name": "example.org", "type": "TXT", "answer": "hello"}),
        ("tcp", {"address": f"{GLOBAL}:22"}),
    ],
)
def test_there_are_other_kinds(kind: str, words: dict[str, Any], path: str, deployer: Caller) -> None:
    answer = deployer.post(path, {"name": "other", "kind": kind, "settings": words})
    assert answer.status_code == 201
    assert answer.json()["settings"] == words
    assert answer.json()["seconds"] == 60


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_a_dry_run_changes_nothing(method: str, path: str, house: House, deployer: Caller) -> None:
    place = path if method == "post" else f"{path}{house.check.pk}/"
    before = list(Check.objects.values())
    body = None if method == "delete" else HTTP | {"name": "more"}
    plan = deployer.call(method, place, body, {"dry_run": "true"}).json()
    assert plan["possible"] is True
    assert plan["steps"]
    assert list(Check.objects.values()) == before


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"kind": "icmp"}, "kind"),
        ({"seconds": 1}, "seconds"),
        ({"seconds": 10**9}, "seconds"),
        ({"settings": "http://example.org"}, "settings"),
        ({"settings": {}}, "settings/url"),
        ({"settings": {"url": "ftp://example.org"}}, "settings/url"),
        ({"settings": {"url": "http://user:secret@example.org"}}, "settings/url"),
        ({"settings": {"url": "http://example.org", "status": 200}}, "settings/status"),
        ({"settings": {"url": "http://example.org", "color": "red"}}, "settings/color"),
        ({"kind": "tcp"}, "settings/address"),
        ({"state": "up"}, "state"),
    ],
)
def test_what_cannot_be_understood_is_named(
    change: dict[str, Any], pointer: str, path: str, deployer: Caller
) -> None:
    for place in (path, f"{path}try/"):
        body = HTTP | change
        if place != path:
            body = {name: body[name] for name in ("kind", "settings")}
        if place == path or pointer.partition("/")[0] in body:
            answer = deployer.post(place, body)
            assert answer.status_code == 400
            assert pointer in [error["pointer"] for error in answer.json()["errors"]]
            assert "secret" not in answer.content.decode()
    assert not Check.objects.exists()


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_what_must_not_be_reached_is_refused(dry_run: str, path: str, deployer: Caller) -> None:
    body = {"name": "in", "kind": "tcp", "settings": {"address": "169.254.169.254:80"}}
    answer = deployer.post(path, body, dry_run=dry_run)
    assert answer.status_code == (200 if dry_run == "true" else 422)
    assert "169.254.169.254" in answer.content.decode()
    assert not Check.objects.exists()


def test_a_name_is_taken_once(path: str, house: House, deployer: Caller) -> None:
    assert deployer.post(path, HTTP | {"name": house.check.name}).status_code == 409


def test_a_check_is_found_below_its_own_unikernel_only(house: House, deployer: Caller) -> None:
    other = f"unikernels/{house.busy.pk}/checks/{house.check.pk}/"
    assert deployer.get(other).status_code == 404
    assert deployer.put(other, HTTP).status_code == 404
    assert deployer.delete(other).status_code == 404
    assert deployer.get(f"{other}results/").status_code == 404


def test_a_viewer_looks_and_changes_nothing(path: str, house: House, viewer: Caller) -> None:
    place = f"{path}{house.check.pk}/"
    assert viewer.get(path).json()["items"]
    assert viewer.get(place).status_code == 200
    assert viewer.put(place, HTTP).status_code == 403
    assert viewer.delete(place).status_code == 403
    words = {"kind": "tcp", "settings": {"address": f"{GLOBAL}:22"}}
    assert viewer.post(f"{path}try/", words).status_code == 403


def test_results_are_listed_newest_first(path: str, house: House, deployer: Caller) -> None:
    now = timezone.now()
    for number, outcome in enumerate(["passed", "failed", "inconclusive"]):
        CheckResult.objects.create(
            check_row=house.check, at=now + timedelta(seconds=number), outcome=outcome, latency=0.5, text="x"
        )
    page = deployer.get(f"{path}{house.check.pk}/results/", limit=2).json()
    assert [item["outcome"] for item in page["items"]] == ["inconclusive", "failed"]
    assert page["items"][0]["latency"] == 0.5
    rest = deployer.get(page["next"]).json()
    assert [item["outcome"] for item in rest["items"]] == ["passed"]


def test_the_history_tells_ups_and_downs(path: str, house: House, deployer: Caller) -> None:
    place = f"{path}{house.check.pk}/"
    fresh = deployer.get(place).json()
    assert (fresh["history"], fresh["uptime"]) == ([], {"day": None, "week": None, "month": None})
    for now in ("up", "down"):
        record(
            actor=SYSTEM,
            kind=f"check.{now}",
            subject=f"unikernel:{house.unikernel.pk}",
            now=now,
            data={"check": house.check.pk, "text": f"went {now}"},
        )
    told = deployer.get(place).json()
    assert [(span["state"], span["text"]) for span in told["history"]] == [
        ("down", "went down"),
        ("up", "went up"),
    ]
    assert told["history"][0]["ended"] is None
    assert 0 <= told["uptime"]["day"] <= 1


def test_what_is_unmanaged_has_no_checks(house: House, root: User, client_of: ClientOf) -> None:
    caller, path = Caller(client_of(root)), f"unikernels/{house.unmanaged.pk}/checks/"
    assert caller.get(path).json()["items"] == []
    assert caller.post(path, HTTP).status_code == 422


def test_a_check_is_tried_once_and_kept_nowhere(world: World, simulated_network: str) -> None:
    address = simulated_network.replace(".0/24", ".77")
    image = build_image(devices=[("service", "net")], behaviour={"http": {"text": "hello\n"}})
    operation = deploy(world, upload(world, image), arguments=[f"--ipv4={address}/24"])
    path = f"unikernels/{operation['unikernel']}/checks/"
    words = {"kind": "http", "settings": {"url": f"http://{address}:8080/", "text": "hello"}}
    found = world.deployer.post(f"{path}try/", words).json()
    assert (found["outcome"], found["latency"] > 0) == ("passed", True), found
    words["settings"] = {"url": f"http://{address}:8080/", "text": "goodbye"}
    assert world.deployer.post(f"{path}try/", words).json()["outcome"] == "failed"
    assert world.deployer.post(f"{path}try/", words, dry_run="true").json()["possible"] is True
    assert not CheckResult.objects.exists()

    check = world.deployer.post(path, HTTP | words).json()
    unikernel = Unikernel.objects.get(pk=operation["unikernel"])
    assert rounds.run(unikernel, timeout=5).outcome == "failed"
    (result,) = world.deployer.get(f"{path}{check['id']}/results/").json()["items"]
    assert (result["outcome"], result["operation"]) == ("failed", None)
