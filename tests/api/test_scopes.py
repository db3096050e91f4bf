"""What a token may be used for: scopes, names, networks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from django.urls import get_resolver

from accounts.actors import Actor
from accounts.models import Event, Role, User
from accounts.scopes import ABOUT, Scope
from accounts.services import token_find, token_issue
from albatross.simulator.images import build_image
from mollymawk.rest.schema import description, stated
from tests.api.caller import Caller
from tests.api.house import House
from tests.api.test_matrix import MATRIX, METHODS, _patterns, ask
from tests.cast import ApiOf

Holding = Callable[..., Client]

# Addresses of which a token needs more to read them than to read.
NOT_READ = {"console": {"console"}, "consoles-left": {"console"}, "console-left": {"console"}}
NOT_READ |= {name: {"admin"} for name in ("webhooks", "webhook", "webhook-deliveries", "webhook-delivery")}
OPEN = {("schema", "get"), ("oidc-exchange", "post")}


@pytest.fixture
def holding(house: House, alice: User, api_of: ApiOf) -> Holding:
    """A program with a token of an owner that has these scopes, and perhaps names and networks."""

    def holding(*scopes: str, **narrow: Any) -> Client:
        maker = Actor(alice, "session")
        return api_of(token_issue(actor=maker, team=house.team, name="t", scopes=scopes, **narrow)[1])

    return holding


def handlers() -> dict[tuple[str, str], Any]:
    return {
        (pattern.name or "", method): getattr(view, method)
        for pattern in _patterns(get_resolver().url_patterns, "")
        if (view := getattr(pattern.callback, "cls", None)) and pattern.name
        for method in METHODS
        if hasattr(view, method)
    }


def test_every_endpoint_states_its_scope_and_the_description_tells_it() -> None:
    known, told = set(Scope), description()["paths"]
    found = {key: stated(handler) for key, handler in handlers().items() if key not in OPEN}
    assert [key for key, scopes in found.items() if scopes is None] == []
    assert all(set(scopes or ()) <= known for scopes in found.values())
    assert all(scopes != ("read",) for (_, method), scopes in found.items() if method != "get")
    for name, scopes in NOT_READ.items():
        assert set(found[name, "get"] or ()) == scopes
    described = sorted(
        tuple(entry["token"][0] for entry in operation["security"] if "token" in entry)
        for operations in told.values()
        for operation in operations.values()
        if operation["operationId"] != "exchangeIdentity"
    )
    assert described == sorted(scopes or () for scopes in found.values())


def test_a_token_that_lacks_the_scope_is_told_which_and_nothing_happens(
    house: House, holding: Holding
) -> None:
    """Of every endpoint, whatever stands in the request."""
    clients: dict[tuple[str, ...], Client] = {}
    for (name, method), handler in handlers().items():
        scopes = stated(handler)
        if scopes is None or scopes == ("read",):
            continue
        rest = tuple(scope for scope in Scope if scope not in scopes)
        clients[rest] = clients.get(rest) or holding(*rest)
        _, path, body = MATRIX[name, method]
        address, sent = path(house), body(house)
        events = Event.objects.count()
        answer = ask(clients[rest], method, address, sent)
        assert answer.status_code == 403, (name, method)
        assert answer.json().get("scope", "") == " ".join(scopes), (name, method)
        assert Event.objects.count() == events


def test_a_scope_is_enough_for_what_it_says_and_for_nothing_else(house: House, holding: Holding) -> None:
    upgrade = Caller(holding("upgrade"))
    at = f"unikernels/{house.unikernel.pk}"
    assert upgrade.get(f"{at}/").data["configuration"]["arguments"]
    wanted = {"image": house.spare.image.digest, "accept": ["new-abi"]}
    assert upgrade.post(f"{at}/upgrade/", wanted, dry_run="true").status_code == 200
    assert upgrade.post(f"{at}/restart/", dry_run="true").status_code == 200
    assert ask(upgrade.client, "post", "images/?dry_run=true", build_image()).status_code == 200
    assert upgrade.post(f"{at}/destroy/", dry_run="true").data["scope"] == "deploy"
    assert upgrade.get(f"{at}/console/").data["scope"] == "console"
    read = Caller(holding("read"))
    assert read.get(f"{at}/").data["masked"]


def test_a_scope_that_its_maker_may_no_longer_use_is_worth_nothing(
    house: House, dave: User, token_of: Any, api_of: ApiOf
) -> None:
    text = token_of(dave, Role.OWNER)
    told = Caller(api_of(text)).get("token/").data
    assert told["role"] == "deployer"
    assert set(told["scopes"]) == set(Scope) - {"admin"}
    answer = Caller(api_of(text)).put("freezes/teams/robur/", {"reason": "release"})
    assert (answer.status_code, "scope" in answer.data) == (403, False)


def test_a_token_that_is_bound_to_names_sees_and_changes_only_these(house: House, holding: Holding) -> None:
    bound = Caller(holding("console", "upgrade", "deploy", unikernels=["hello", "to-come"]))
    assert bound.get("token/").data["unikernels"] == ["hello", "to-come"]
    assert [row["name"] for row in bound.get("unikernels/").data["items"]] == ["hello"]
    for listing in ("operations", "blocks", "block-files", "alerts"):
        house.content, house.alert  # noqa: B018 - they are made
        assert bound.get(f"{listing}/").data["items"] == []
    assert len(bound.get("images/").data["items"]) == 1
    for method, address in [
        ("get", f"unikernels/{house.busy.pk}/"),
        ("post", f"unikernels/{house.busy.pk}/restart/"),
        ("get", f"operations/{house.operation.pk}/"),
        ("post", f"operations/{house.operation.pk}/cancel/"),
        ("get", f"blocks/{house.block.pk}/"),
        ("get", f"block-files/{house.content.pk}/"),
        ("get", f"alerts/{house.alert.pk}/"),
    ]:
        assert ask(bound.client, method, address, None).status_code == 404, address
    assert bound.post(f"unikernels/{house.unikernel.pk}/restart/", dry_run="true").status_code == 200
    wanted = MATRIX["unikernels", "post"][2](house)
    other = bound.post("unikernels/", wanted, dry_run="true")
    assert other.data["detail"] == "This is about new; this token is bound to hello, to-come."
    assert bound.post("unikernels/", wanted | {"name": "to-come"}, dry_run="true").status_code == 200
    whole = ask(bound.client, "delete", f"images/{house.spare.image.digest}/", None)
    assert whole.json()["detail"] == "This concerns the whole team; this token is bound to hello, to-come."
    assert holding("read", unikernels=["hello"]).get("/metrics").status_code == 401


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"scopes": ["write"]}, "scopes/0"),
        ({"scopes": ["deploy"], "role": "viewer"}, "scopes"),
        ({"scopes": ["blocks"], "unikernels": ["hello"]}, "scopes"),
        ({"unikernels": []}, "unikernels"),
        ({"unikernels": ["no name"]}, "unikernels"),
        ({"networks": ["10.0.0.1/8"]}, "networks"),
        ({"days": None}, "days"),
    ],
)
def test_what_is_no_token_is_told(
    given: dict[str, Any], field: str, house: House, alice: User, client_of: Any
) -> None:
    answer = Caller(client_of(alice)).post("teams/robur/tokens/", {"name": "ci"} | given)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.data["errors"]] == [field]


def test_what_is_asked_for_is_what_the_token_tells(
    house: House, alice: User, client_of: Any, settings: Any
) -> None:
    settings.TOKENS_WITHOUT_EXPIRY = True
    given = {"name": "ci", "scopes": ["upgrade"], "unikernels": ["Hello"], "networks": ["192.0.2.0/24"]}
    made = Caller(client_of(alice)).post("teams/robur/tokens/", given | {"days": None}).data
    assert (made["scopes"], made["unikernels"]) == (["read", "upgrade"], ["hello"])
    assert (made["networks"], made["expires_at"], made["role"]) == (["192.0.2.0/24"], None, "deployer")
    assert token_find(made["token"])


def test_a_token_is_refused_from_elsewhere(house: House, holding: Holding) -> None:
    inside = holding("read", networks=["192.0.2.0/24", "::1/128"])
    for address, status in [("192.0.2.7", 200), ("::1", 200), ("192.0.3.7", 403), ("", 403)]:
        answer = inside.get("/api/v1/token/", REMOTE_ADDR=address)
        assert answer.status_code == status, address
        assert inside.get("/api/unikernels", REMOTE_ADDR=address).status_code == (
            200 if status == 200 else 400
        )
        assert inside.get("/metrics", REMOTE_ADDR=address).status_code == (200 if status == 200 else 401)


def test_the_old_routes_obey_scopes(house: House, holding: Holding) -> None:
    read = holding("read")
    assert read.get("/api/unikernels").status_code == 200
    place = {"albatross_instance": "fra-1", "unikernel_name": "hello"}
    for path, scope, form in [
        ("unikernel/restart", "upgrade", None),
        ("unikernel/update", "upgrade", None),
        ("unikernel/rollback", "upgrade", None),
        ("unikernel/destroy", "deploy", None),
        ("unikernel/create", "deploy upgrade", place),
        ("block/create", "blocks", None),
        ("block/delete", "blocks", None),
    ]:
        names = place | {"block_name": "data", "name": "hello", "instance": "fra-1", "data": {}}
        kind = MULTIPART_CONTENT if form else "application/json"
        address = f"/api/{path}?unikernel=hello&instance=fra-1"
        answer = read.post(address, form or json.dumps(names), content_type=kind)
        assert answer.status_code == 400
        assert answer.json().get("scope") == scope, (path, answer.json())


def test_a_command_makes_and_lists_them(
    house: House, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--scope", "upgrade", "--unikernel", "hello", "--network", "::/0"]
    call_command("token_add", "ci", "--team", "robur", "--user", alice.email, *options)
    text = capsys.readouterr().out.strip()
    call_command("token_list", "--team", "robur", "--json")
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["scopes"], told["unikernels"], told["networks"]) == (
        ["read", "upgrade"],
        ["hello"],
        ["::/0"],
    )
    assert told["id"] in text
    call_command("token_list", "--team", "robur")
    assert "read, upgrade  only hello  from ::/0" in capsys.readouterr().out


def test_each_scope_is_told_in_words() -> None:
    assert set(ABOUT) == set(Scope)
