"""The routes of the OCaml Mollymawk: tokens only, and nothing of another team."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.security.asking import FOUND, body, nothing_written
from tests.security.planted import Planted
from tests.upstream.script import CONFIG

GONE = "api/(?:unikernel|block)/"  # 404 for everybody
FORMS = ("unikernel/create", "block/create", "block/upload")
ROUTES = sorted(route for route in FOUND if route.startswith("api/") and "v1" not in route and route != GONE)
DEAD = ("nobody", "inactive", "wrong token", "expired token", "revoked token", "inactive token")
SESSIONS = ("outsider", "neighbour", "viewer", "deployer", "owner", "root")


def ask(planted: Planted, credential: str, route: str, unikernel: str, block: str) -> Any:
    """One request that names *unikernel* or *block* on the instance that everybody uses."""
    if route == "api/unikernels":
        return planted.ask(credential, "GET", f"/{route}")
    named = {
        "albatross_instance": "fra-1",
        "unikernel_name": unikernel,
        "name": unikernel,
        "block_name": block,
        "job": "static-website",
        "to_be_updated_unikernel": planted.updates.new.uuid,
    }
    if route.removeprefix("api/") not in FORMS:
        return planted.ask(
            credential, "POST", f"/{route}", data=json.dumps(named), content_type="application/json"
        )
    parts = named | {"unikernel_config": json.dumps(CONFIG), "json_data": json.dumps({"block_name": block})}
    data = encode_multipart(BOUNDARY, parts)
    return planted.ask(credential, "POST", f"/{route}", data=data, content_type=MULTIPART_CONTENT)


@pytest.mark.parametrize("route", ROUTES)
def test_only_living_tokens_come_in(route: str, planted: Planted) -> None:
    world = planted.world
    for credential in (*DEAD, *SESSIONS, "left token"):
        with nothing_written():
            answer = ask(planted, credential, route, world.web.name, world.spare.name)
        assert 400 <= answer.status_code <= 404, f"{route} as {credential}: {answer.status_code}"
        assert not answer.json()["success"]


@pytest.mark.parametrize("route", ROUTES)
def test_not_yours_is_answered_like_not_there(route: str, planted: Planted) -> None:
    world = planted.world
    with nothing_written():
        theirs = ask(planted, "neighbour token", route, world.web.name, world.spare.name)
        nothing = ask(planted, "neighbour token", route, "absent", "absent")
    assert not [needle for needle in planted.needles if needle in body(theirs).replace(world.web.name, "…")]
    assert theirs.status_code == nothing.status_code
    said = [body(theirs).replace(world.web.name, "…").replace(world.spare.name, "…")]
    assert said == [body(nothing).replace("absent", "…")]


@pytest.mark.parametrize("route", [route for route in ROUTES if route != "api/unikernels"])
def test_viewers_change_nothing(route: str, planted: Planted) -> None:
    world = planted.world
    with nothing_written():
        answer = ask(planted, "viewer token", route, world.web.name, world.spare.name)
    assert answer.status_code == 400
    assert "permission" in answer.json()["data"]
