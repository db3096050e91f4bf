"""Bringing over what the original stored: everything once, nothing overwritten, no secret repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, Event, Quota, Team, User
from accounts.services.tokens import MAX_DAYS
from albatross.edge import client_for
from albatross.messages import Policy
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from tests.commands.conftest import Ran, Run, run
from unikernels.inventory.services import reconcile

__all__ = ["run"]

OLD = "6bc27967-30cd-4090-af8f-3997c47c25e1"
SPENT = "3cb6fd7a-57a1-4d1c-a6b9-cc6e6c7a2c11"
LONG = "0d9fb4e4-3c36-4a2c-8f4a-9f6d6a6b7c01"
POLICY = Policy(unikernels=3, cpuids=frozenset({0}), memory=128, block=None, bridges=frozenset({"service"}))

Import = Callable[..., Ran]


def token(value: str, days: int) -> dict[str, Any]:
    made = timezone.now() - timedelta(days=30)
    return {
        "token_type": "Bearer",
        "name": "CI",
        "value": value,
        "created_at": f"{made:%Y-%m-%d %H:%M:%S}-00:00",
        "expires_in": 86_400 * days,
        "usage_count": 7,
    }


def user(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "email": f"{name}@example.org",
        "password": "aGFzaA==",
        "uuid": "1f42",
        "tokens": [],
        "cookies": [{"name": "molly_session", "value": "secret"}],
        "active": True,
        "super_user": False,
        "unikernel_updates": [],
        "scaling_policies": [],
    } | changes


def stored(
    *users: dict[str, Any], instances: list[dict[str, Any]] | None = None, **changes: Any
) -> dict[str, Any]:
    return {"version": 10, "users": users, "configuration": instances or [], "email": None} | changes


def server(host: SimulatedInstance) -> dict[str, Any]:
    ip, _, port = host.address.rpartition(":")
    return {
        "name": "eu-1",
        "server_ip": ip,
        "server_port": int(port),
        "certificate": host.ca_pem,
        "private_key": host.key_pem,
    }


@pytest.fixture
def bring(run: Run, tmp_path: Path, db: None) -> Import:
    """``manage.py import_mollymawk`` of this document, which lies on a block device of zeros."""

    def bring(document: object, *options: str) -> Ran:
        path = tmp_path / "data"
        path.write_bytes(json.dumps(document).encode() + b"\0" * 512)
        return run("import_mollymawk", path, "--json", *options)

    return bring


def results(ran: Ran) -> dict[tuple[str, str], str]:
    return {(item["what"], item["name"]): item["result"] for item in ran.json["items"]}


def test_people_keep_their_domain_and_ask_for_a_new_password(bring: Import) -> None:
    ran = bring(stored(user("admin", super_user=True), user("hannes"), user("idle", active=False)))
    assert ran.code == 0
    assert set(results(ran).values()) == {"brought"}
    found = {row.email: (row.is_superuser, row.is_active) for row in User.objects.all()}
    assert found == {
        "admin@example.org": (True, True),
        "hannes@example.org": (False, True),
        "idle@example.org": (False, False),
    }
    assert set(Team.objects.values_list("name", "domain")) == {
        ("admin-2", "admin"),  # the name is reserved here, the domain is what they have on the instances
        ("hannes", "hannes"),
        ("idle", "idle"),
    }
    assert not User.objects.get(email="hannes@example.org").check_password("")


def test_again_is_harmless(bring: Import) -> None:
    document = stored(user("hannes", tokens=[token(OLD, 90)]))
    bring(document)
    changed = stored(user("hannes", super_user=True, active=False, tokens=[token(OLD, 300)]))
    ran = bring(changed)
    assert set(results(ran).values()) == {"there"}
    row = User.objects.get()
    assert (row.is_superuser, row.is_active) == (False, True)
    assert ApiToken.objects.count() == 1
    assert Event.objects.filter(kind="token.brought").count() == 1


def test_a_dry_run_tells_the_same_and_does_nothing(bring: Import) -> None:
    document = stored(user("hannes", tokens=[token(OLD, 90)]))
    told = results(bring(document, "--dry-run"))
    assert not User.objects.exists()
    assert not Team.objects.exists()
    assert told == results(bring(document))


def test_an_old_token_goes_on_working_until_its_end(bring: Import) -> None:
    tokens = [token(OLD, 90), token(SPENT, 29), token(LONG, 2000), token("not a uuid", 90)]
    ran = bring(stored(user("hannes", tokens=tokens)))
    assert ran.code == 1
    by_result = sorted(item["result"] for item in ran.json["items"] if item["what"] == "token")
    assert by_result == ["brought", "brought", "failed", "left"]
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {OLD}")
    assert api.get("/api/unikernels").json()["success"] is True
    assert api.get("/api/v1/unikernels/").status_code == 200
    for dead in (SPENT, LONG.replace("0d9f", "0d9e"), OLD.upper()):
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {dead}")
        assert api.get("/api/unikernels").status_code == 400
    last = ApiToken.objects.latest("expires_at").expires_at
    assert last
    assert last <= timezone.now() + timedelta(days=MAX_DAYS)
    assert OLD not in json.dumps(list(ApiToken.objects.values()), default=str)


def test_an_instance_is_tested_and_its_policies_are_granted(
    bring: Import, simulated: SimulatedInstance
) -> None:
    document = stored(user("hannes"), instances=[server(simulated)])
    assert results(bring(document))["instance", "eu-1"] == "brought"
    instance = Instance.objects.get()
    client_for(instance).unikernels(("hannes",), policy=POLICY)  # what the original does to set one
    reconcile(instance)
    again = results(bring(document))
    assert again["instance", "eu-1"] == "there"
    assert again["policy", "hannes on eu-1"] == "brought"
    quota = Quota.objects.get()
    assert (quota.policy(), quota.state) == (POLICY, Quota.State.APPLIED)
    assert results(bring(document))["policy", "hannes on eu-1"] == "there"


def test_what_cannot_be_brought_is_said_without_its_secrets(bring: Import) -> None:
    away = {
        "name": "eu-2",
        "server_ip": "127.0.0.1",
        "server_port": 1,
        "certificate": "PEM",
        "private_key": "KEY",
    }
    ran = bring(stored(user("hannes"), {"name": "half"}, instances=[away], email={"server": "192.0.2.1"}))
    assert ran.code == 1
    found = results(ran)
    assert found["user", "hannes@example.org"] == "brought"
    assert found["instance", "eu-2"] == "failed"
    assert found["mail", "server"] == "left"
    assert [item["result"] for item in ran.json["items"] if item["what"] == "entry"] == ["failed"]
    assert "KEY" not in ran.out
    assert "secret" not in ran.out


def test_a_domain_that_somebody_has_stays_theirs(bring: Import, robur: Team) -> None:
    ran = bring(stored(user("robur", tokens=[token(OLD, 90)])))
    assert results(ran)["user", "robur@example.org"] == "brought"
    assert results(ran)["token", "CI of robur@example.org"] == "failed"
    assert not robur.memberships.filter(user__email="robur@example.org").exists()


@pytest.mark.parametrize("document", [[], {"version": 8, "users": []}, {"users": []}, "text"])
def test_another_file_is_refused(document: object, bring: Import) -> None:
    ran = bring(document)
    assert (ran.code, ran.out) == (2, "")
    assert not User.objects.exists()
