"""Instances, quotas and block devices, against a simulated instance that really answers."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import Event, Quota, Team
from albatross.messages import Policy
from albatross.models import Instance, ObservedPolicy
from albatross.simulator import SimulatedInstance
from tests.pages.world import World
from unikernels.inventory.services import reconcile
from unikernels.models import Block

POLICY = Policy(8, frozenset({0, 1}), 1024, 256, frozenset({"service"}))
LIMITS = {"unikernels": "4", "memory": "256", "block": "64", "cpuids": "0-1", "bridges": "service"}


@pytest.fixture
def host(tmp_path: Path, simulated_network: str) -> Iterator[SimulatedInstance]:
    with SimulatedInstance(tmp_path / "instance", network=simulated_network) as host:
        yield host


@pytest.fixture
def earth(host: SimulatedInstance, superuser: Client) -> Instance:
    """The simulated instance, added by the page and looked at once."""
    assert superuser.post("/add-instance/", form_of(host)).status_code == 302
    instance = Instance.objects.get(name="earth")
    reconcile(instance)
    instance.refresh_from_db()
    return instance


def form_of(host: SimulatedInstance, **changes: str) -> dict[str, str]:
    fields = {
        "name": "earth",
        "address": host.address,
        "server_ca": host.server_ca,
        "certificate": host.ca_pem,
        "key": host.key_pem,
        "check_networks": "10.0.0.0/24, 10.1.0.0/24",
    }
    return fields | changes


# --- instances ---------------------------------------------------------------------------------------


def test_an_instance_is_added_once_it_answered(host: SimulatedInstance, superuser: Client) -> None:
    response = superuser.post("/add-instance/", form_of(host), follow=True)

    assert "earth answered and is added." in response.text
    assert Instance.objects.get(name="earth").check_networks == ["10.0.0.0/24", "10.1.0.0/24"]


def test_one_that_does_not_answer_is_not_kept_and_the_input_is(
    host: SimulatedInstance, superuser: Client
) -> None:
    response = superuser.post("/add-instance/", form_of(host, address="127.0.0.1:9"))

    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert 'value="127.0.0.1:9"' in response.text
    assert not Instance.objects.exists()


def test_adding_it_twice_makes_one(host: SimulatedInstance, superuser: Client, earth: Instance) -> None:
    response = superuser.post("/add-instance/", form_of(host))

    assert response.status_code == 422
    assert Instance.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "no where:1"),
        ("certificate", "rubbish"),
        ("key", "rubbish"),
        ("check_networks", "x"),
        ("name", "a b"),
    ],
)
def test_a_wrong_field_is_told_beside_it(
    host: SimulatedInstance, superuser: Client, field: str, value: str
) -> None:
    response = superuser.post("/add-instance/", form_of(host, **{field: value}))

    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.text


def test_the_key_is_never_shown_again_and_kept_when_it_is_left_empty(
    host: SimulatedInstance, superuser: Client, earth: Instance
) -> None:
    form = superuser.get("/instances/earth/edit/").text
    assert host.key_pem.strip().splitlines()[1] not in form

    response = superuser.post("/instances/earth/edit/", form_of(host, key="", check_networks="10.9.0.0/24"))

    assert response.status_code == 302
    changed = Instance.objects.get(pk=earth.pk)
    assert changed.check_networks == ["10.9.0.0/24"]
    assert changed.sealed_key == earth.sealed_key


def test_a_retry_asks_for_a_look_now(superuser: Client, earth: Instance) -> None:
    response = superuser.post("/instances/earth/retry/", follow=True)

    assert "earth is asked again now." in response.text
    assert Event.objects.filter(kind="instance.retried").exists()


def test_an_instance_is_forgotten_only_by_its_name(superuser: Client, earth: Instance) -> None:
    wrong = superuser.post("/instances/earth/remove/", {"typed": "mars"})
    assert wrong.status_code == 422
    assert Instance.objects.filter(pk=earth.pk).exists()

    right = superuser.post("/instances/earth/remove/", {"typed": "earth"}, follow=True)

    assert "earth is forgotten." in right.text
    assert not Instance.objects.filter(pk=earth.pk).exists()


def test_one_with_unikernels_of_teams_is_not_forgotten_and_says_which(
    world: World, superuser: Client
) -> None:
    response = superuser.post("/instances/fra-1/remove/", {"typed": "fra-1"}, follow=True)

    assert "destroy them first" in response.text
    assert "robur:static-website" in response.text


@pytest.mark.parametrize(
    "path",
    ["/add-instance/", "/instances/fra-1/edit/", "/instances/fra-1/remove/", "/instances/fra-1/retry/"],
)
def test_owners_of_teams_change_no_instance(world: World, deployer: Client, path: str) -> None:
    assert deployer.post(path, {"typed": "fra-1"}).status_code == 404


def test_what_is_degraded_says_why_and_since_when(world: World, viewer: Client) -> None:
    page = viewer.get("/instances/hel-2/").text

    assert "connection refused" in page
    assert "6 times since" in page


def test_what_belongs_to_nobody_is_shown_to_superusers_alone(
    world: World, superuser: Client, deployer: Client
) -> None:
    assert "wiki" in superuser.get("/instances/fra-1/").text
    assert "wiki" not in deployer.get("/instances/fra-1/").text


# --- quotas ------------------------------------------------------------------------------------------


def grant(superuser: Client, limits: dict[str, str], path: str = "/quotas/robur/earth/") -> Any:
    """Look at what *limits* mean for robur, and grant them."""
    page = superuser.post(path, limits).text
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen is not None, page
    return superuser.post(path, limits | {"seen": html.unescape(seen[1])}, follow=True)


def test_nothing_is_granted_before_it_was_seen_what_it_means(world: World, superuser: Client) -> None:
    before = Quota.objects.get(pk=world.quota.pk).policy()
    page = superuser.post("/quotas/robur/fra-1/", LIMITS | {"memory": "16"}).text

    assert '<span class="muted">1024 MB</span> → 16 MB' in page
    assert "352 MB of memory" in page
    assert "fra-1 refuses less than that" in page
    superuser.post("/quotas/robur/fra-1/", LIMITS | {"seen": "{}"})
    assert Quota.objects.get(pk=world.quota.pk).policy() == before


def test_a_quota_is_granted_and_holds_on_the_instance(
    superuser: Client, earth: Instance, robur: Team, host: SimulatedInstance
) -> None:
    response = grant(superuser, LIMITS)

    assert "robur has this quota on earth." in response.text
    quota = Quota.objects.get(team=robur)
    assert (quota.state, quota.cpuids, quota.bridges) == ("applied", [0, 1], ["service"])


def test_a_domain_is_closed_by_a_grant_of_nothing(superuser: Client, earth: Instance, robur: Team) -> None:
    nothing = {"unikernels": "0", "memory": "0", "block": "", "cpuids": "", "bridges": ""}
    grant(superuser, nothing)

    assert Quota.objects.get(team=robur).cpuids == []
    assert superuser.get("/quotas/robur/earth/").status_code == 200
    assert superuser.get("/quotas/").status_code == 200


def test_what_the_instance_does_not_have_is_refused_and_the_input_kept(
    superuser: Client, earth: Instance, robur: Team
) -> None:
    response = superuser.post("/quotas/robur/earth/", LIMITS | {"bridges": "service, nowhere"})

    assert response.status_code == 422
    assert "has no bridge nowhere" in response.text
    assert 'value="service, nowhere"' in response.text
    assert not Quota.objects.exists()


@pytest.mark.parametrize("cpuids", ["x", "3-1", "1-", "99999", "-1"])
def test_cpu_ids_that_are_none_are_told(world: World, superuser: Client, cpuids: str) -> None:
    response = superuser.post("/quotas/robur/fra-1/", LIMITS | {"cpuids": cpuids})

    assert response.status_code == 422
    assert 'id="id_cpuids_error"' in response.text


def test_an_instance_without_a_limit_says_so_and_not_the_largest_number_of_ocaml(
    world: World, superuser: Client
) -> None:
    ObservedPolicy.objects.filter(instance=world.near, path="").update(unikernels=2**62 - 1)

    for path in ("/quotas/", "/quotas/robur/fra-1/", "/instances/fra-1/"):
        page = superuser.get(path).text
        assert "no limit" in page
        assert "4,611,686" not in page


def test_superusers_see_what_is_granted_enforced_used_and_free(world: World, superuser: Client) -> None:
    Quota.objects.filter(pk=world.quota.pk).update(memory=2048)
    page = superuser.get("/quotas/").text

    assert "352 of 2,048 MB" in page
    assert "672 free, 1,024 enforced" in page
    assert "changed outside" in page
    assert "The whole instance" in page


def test_members_see_their_bars(world: World, viewer: Client) -> None:
    page = viewer.get("/quotas/").text

    assert "352 / 1,024 MB" in page
    assert 'aria-label="Memory: 352 of 1024 MB"' in page
    assert "The whole instance" not in page


def test_a_pending_quota_says_why(world: World, viewer: Client) -> None:
    Quota.objects.filter(pk=world.quota.pk).update(state="pending", problem="It says: policy not ok.")

    assert "The instance does not hold all of it yet: It says: policy not ok." in viewer.get("/quotas/").text


def test_the_two_selects_lead_to_the_form(world: World, superuser: Client) -> None:
    response = superuser.get("/quotas/choose/?for=robur&on=fra-1")

    assert response.headers["Location"] == "/quotas/robur/fra-1/"


# --- block devices -----------------------------------------------------------------------------------


def test_a_block_device_is_made_where_the_deploy_needs_one(
    world: World, superuser: Client, earth: Instance
) -> None:
    grant(superuser, LIMITS)
    reconcile(earth)
    path = f"/deploy/robur/{world.store_image.image.digest}/?instance=earth"
    typed = {"name": "shop", "memory": "16", "arguments": "--hello", "restart": "never", "net-0": "service"}

    page = superuser.post(path, typed | {"action": "create-0", "new-0-name": "files", "new-0-size": "8"}).text

    assert Block.objects.get(instance=earth, name="files").size == 8
    assert '<option value="files" selected>files (8 MB)</option>' in page
    assert "8 / 64 MB" in page
    assert 'value="shop"' in page
    assert "--hello" in page


@pytest.mark.parametrize(
    ("new", "words"),
    [(("files", ""), "a size in whole MB"), (("files", "999"), "MB"), (("a b", "8"), "letters, digits")],
)
def test_a_block_device_that_cannot_be_made_is_told_and_the_input_kept(
    world: World, superuser: Client, earth: Instance, new: tuple[str, str], words: str
) -> None:
    grant(superuser, LIMITS)
    path = f"/deploy/robur/{world.store_image.image.digest}/?instance=earth"
    typed = {"name": "shop", "action": "create-0", "new-0-name": new[0], "new-0-size": new[1]}

    page = superuser.post(path, typed).text

    assert 'role="alert"' in page
    assert words in page
    assert 'value="shop"' in page
    assert not Block.objects.filter(instance=earth).exists()


def test_a_block_device_is_made_and_removed_by_its_name(
    superuser: Client, earth: Instance, robur: Team
) -> None:
    grant(superuser, LIMITS)
    given: dict[str, Any] = {"team": "robur", "instance": "earth", "name": "files", "megabytes": "8"}
    made = superuser.post("/blocks/", given, follow=True)
    assert "files with 8 MB is made on earth." in made.text
    block = Block.objects.get(name="files")

    assert superuser.post(f"/blocks/{block.pk}/remove/", {"typed": "other"}).status_code == 422
    removed = superuser.post(f"/blocks/{block.pk}/remove/", {"typed": "files"}, follow=True)

    assert "files is removed from earth." in removed.text
    assert not Block.objects.filter(pk=block.pk).exists()


def test_a_block_device_in_use_says_who_uses_it_and_is_not_offered_for_removal(
    world: World, deployer: Client
) -> None:
    page = deployer.get("/blocks/").text

    assert f'<a href="/unikernels/{world.store.pk}/">store</a>' in page
    assert f"/blocks/{world.data.pk}/remove/" not in page


def test_viewers_make_and_remove_no_block_device(world: World, viewer: Client) -> None:
    given = {"team": "robur", "instance": "fra-1", "name": "files", "megabytes": "8"}

    assert viewer.post("/blocks/", given).status_code == 422  # robur is no choice of theirs
    assert viewer.post(f"/blocks/{world.spare.pk}/remove/", {"typed": "spare"}).status_code == 403
    assert Block.objects.filter(pk=world.spare.pk).exists()
