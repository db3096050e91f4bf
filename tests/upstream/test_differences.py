"""Where the original crashes, hangs, redirects or leaks, there is an answer here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import Role, Team, User
from albatross.simulator.images import build_image
from tests.api.house import SECRET, House, share
from tests.cast import ApiOf, TokenOf
from tests.upstream.script import CONFIG, Script
from unikernels.models import Operation, Unikernel

IMAGE = build_image(devices=[("service", "net")])

ROUTES = [
    ("get", "/api/unikernels"),
    ("post", "/api/unikernel/create"),
    ("post", "/api/unikernel/update"),
    ("post", "/api/unikernel/rollback"),
    ("post", "/api/unikernel/restart?unikernel=hello&instance=fra-1"),
    ("post", "/api/unikernel/destroy"),
]
BODY = {
    "name": "hello",
    "unikernel_name": "hello",
    "albatross_instance": "fra-1",
    "job": "hello",
    "to_be_updated_unikernel": "00000000-0000-4000-8000-000000000002",
}


def ask(api: APIClient, method: str, path: str) -> Any:
    """The envelope of the answer."""
    if path.endswith("create"):
        return Script(api).create(IMAGE, unikernel_force_create="true")
    script = Script(api)
    return script.get(path) if method == "get" else script.post(path, BODY)


@pytest.fixture
def viewer(bob: User, token_of: TokenOf, api_of: ApiOf) -> APIClient:
    """A program with a viewer's token."""
    return api_of(token_of(bob, Role.VIEWER))


# --- who may -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_comes_in_without_a_token(method: str, path: str, house: House, api_of: ApiOf) -> None:
    nobody = ask(APIClient(), method, path)
    assert (nobody["status"], nobody["data"]) == (400, "No molly-session in cookie header. User not found")
    wrong = ask(api_of("mm_wrong"), method, path)
    assert (wrong["status"], wrong["data"]) == (400, "Token value is not valid")  # the original repeats it


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_session_is_no_token(method: str, path: str, house: House, alice: User) -> None:
    browser = APIClient()
    browser.force_login(alice)
    assert ask(browser, method, path)["status"] == 400
    assert Operation.objects.count() == 1  # the house's own


@pytest.mark.parametrize(("method", "path"), ROUTES[1:])
def test_a_viewer_changes_nothing(method: str, path: str, house: House, viewer: APIClient) -> None:
    answer = ask(viewer, method, path)
    assert answer["status"] == 400
    assert answer["data"].startswith("You don't have the necessary permissions")
    assert Operation.objects.count() == 1


def test_arguments_are_masked_for_viewers(house: House, viewer: APIClient, script: Script) -> None:
    assert SECRET in json.dumps(script.get("/api/unikernels"))
    seen = Script(viewer).get("/api/unikernels")
    assert seen["status"] == 200
    assert SECRET.partition("=")[2] not in json.dumps(seen)


def test_another_team_sees_and_ends_nothing(house: House, script: Script) -> None:
    other = Team.objects.create(name="other", domain="other")
    share(other, house.instance)
    Unikernel.objects.filter(name="hello").update(team=other, path="other")
    listed = script.get("/api/unikernels")["data"]["data"][0]
    assert "hello" not in [item["name"] for item in listed]
    answer = script.post("/api/unikernel/destroy", BODY)
    assert (answer["status"], answer["data"]) == (500, "failure: destroy: not found")


# --- what is sent ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "data"),
    [
        ({"unikernel_force_create": "maybe"}, 400, "unikernel_force_create is true or false"),  # 57: it ended
        ({"binary": None}, 400, "One or more required fields are missing."),  # 48: no answer
        ({"binary": "text"}, 400, "One or more required fields are missing."),
        ({"deploy_mode": "magic"}, 400, "Invalid deploy mode"),
        ({"deploy_mode": "builder"}, 400, "Missing builder job or uuid"),
        ({"unikernel_name": "hello"}, 500, "Albatross Response Error: failure: Unikernel with same name"),
        ({"unikernel_config": "[]"}, 400, "Invalid unikernel arguments: not a dictionary"),
        ({"unikernel_config": '{"typ":"bhyve","cpuids":[0]}'}, 400, "Invalid unikernel arguments: bhyve"),
        ({"unikernel_config": '{"cpuids":[]}'}, 400, "Invalid unikernel arguments: CPUids cannot be"),
        ({"unikernel_config": '{"cpuids":"0"}'}, 400, "Invalid unikernel arguments: cpuids must be"),
    ],
)
def test_every_create_is_answered(
    changes: dict[str, Any], status: int, data: str, house: House, script: Script
) -> None:
    answer = script.create(IMAGE, **({"unikernel_name": "new"} | changes))
    assert answer["status"] == status
    assert answer["data"].startswith(data)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("no boundary at all", "multipart/form-data; boundary=XX"),  # 111: no answer
        ("", "multipart/form-data"),
        ("{}", "application/json"),
    ],
)
def test_every_body_is_answered(body: str, kind: str, house: House, script: Script) -> None:
    assert script.call("POST", "/api/unikernel/create", body, kind)["status"] == 400


@pytest.mark.parametrize(
    "config",
    [
        {"cpuid": 1, "memory": 16},  # before 2026-04
        {"typ": "solo5", "cpuids": [1], "memory": 16, "cpuid": 0},
        {
            "typ": "solo5",
            "cpuids": [1],
            "memory": 16,
            "numcpus": 1,
            "startup": 50,
            "linux_boot_partition": "",
        },
    ],
)
def test_configs_of_all_releases_are_read(config: dict[str, Any], house: House, script: Script) -> None:
    devices = {"network_interfaces": ["service"]}
    parts: dict[str, Any] = {"unikernel_name": "new", "unikernel_config": json.dumps(config | devices)}
    parts |= {
        "albatross_instance": "fra-1",
        "binary": SimpleUploadedFile("hello.hvt", IMAGE),
        "molly_csrf": "",
    }
    answer = script.api.post("/api/unikernel/create", parts, format="multipart")
    assert answer.status_code == 202, answer.content
    target = Operation.objects.get(kind="deploy").target
    assert target is not None
    assert target.configuration["cpuids"] == [1]
    assert target.configuration["memory"] == 16
    assert target.configuration["startup"] is None


def test_restart_takes_the_old_shape_too(house: House, script: Script) -> None:
    answer = script.api.post("/api/unikernel/restart", BODY, format="json")  # 70: a redirect
    assert answer.status_code == 202
    assert Operation.objects.filter(kind="restart", unikernel__name="hello").exists()


def test_restart_says_what_it_lacks(house: House, script: Script) -> None:
    assert script.post("/api/unikernel/restart", {})["status"] == 400  # 63: a redirect


def test_an_instance_that_is_not_seen_is_told(house: House, script: Script) -> None:
    house.instance.seen_at = None
    house.instance.save()
    answer = script.get("/api/unikernels")
    assert answer["status"] == 200
    assert answer["data"]["data"] == []
    assert answer["data"]["errors"][0]["instance"] == "fra-1"


def test_what_is_no_more_says_so(script: Script) -> None:
    assert script.post("/api/unikernel/scaling/update", {})["status"] == 404


def test_the_list_tells_more_than_the_original(house: House, script: Script) -> None:
    (listed,) = script.get("/api/unikernels")["data"]["data"]
    assert [item["name"] for item in listed] == ["hello", "found", "busy"]
    first = listed[0]
    assert (first["instance"], first["typ"], first["startup"]) == ("fra-1", "solo5", 50)
    assert first["digest"] == house.image.image.digest
    assert first["cpuid"] == first["cpuids"][0]


def test_what_is_under_way_is_not_done_twice(house: House, script: Script) -> None:
    body = BODY | {"name": "busy"}
    answer = script.post("/api/unikernel/destroy", body)
    assert answer["status"] == 500
    assert answer["operation"] == house.operation.pk


def test_a_configuration_that_is_the_same_is_a_restart(house: House, script: Script) -> None:
    same = CONFIG | {"memory": 32, "fail_behaviour": "quit", "arguments": ["--ipv4=10.0.0.2/24", SECRET]}
    same["network_interfaces"] = [{"name": "service", "host_device": "service", "mac": "00:00:00:00:00:00"}]
    path = "/api/unikernel/restart?unikernel=hello&instance=fra-1"
    answer = script.api.post(path, {"arguments": json.dumps(same)}, format="json")
    assert answer.status_code == 202, answer.content
    assert Operation.objects.get(unikernel__name="hello").kind == "restart"
