"""Every page is there for those who may see it, and for nobody else."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from tests.cast import ClientOf
from tests.pages.browser import pages_of_webhooks
from tests.pages.hooks import Hooks
from tests.pages.stage import alice, robur, stage, world
from tests.pages.storage import Storage
from tests.pages.updates import Updates
from tests.pages.world import World

__all__ = ["alice", "robur", "stage", "world"]

EVERYBODYS = (
    "/",
    "/unikernels/",
    "/operations/",
    "/images/",
    "/instances/",
    "/quotas/",
    "/alerts/",
    "/audit/",
    "/blocks/",
    "/help/",
    "/docs/api/",
    "/docs/api/deploy/",
)


def of_the_team(world: World) -> dict[str, int]:
    """Pages about things of robur, with the status that a viewer gets."""
    copy = world.web_image
    return {
        f"/unikernels/{world.web.pk}/": 200,
        f"/unikernels/{world.web.pk}/configure/": 403,
        f"/unikernels/{world.web.pk}/restart/": 403,
        f"/unikernels/{world.web.pk}/destroy/": 403,
        f"/unikernels/{world.web.pk}/checks/{world.up.pk}/": 200,
        f"/unikernels/{world.web.pk}/checks/{world.up.pk}/edit/": 403,
        f"/unikernels/{world.web.pk}/checks/{world.up.pk}/remove/": 403,
        f"/unikernels/{world.web.pk}/checks/add/http/": 403,
        f"/unikernels/{world.web.pk}/checks/add/dns/": 403,
        f"/unikernels/{world.web.pk}/checks/add/tcp/": 403,
        f"/unikernels/{world.web.pk}/restarts/": 403,
        f"/unikernels/{world.web.pk}/updates/": 403,
        f"/unikernels/{world.web.pk}/updates/openings/": 403,
        f"/operations/{world.busy.pk}/": 200,
        f"/operations/{world.busy.pk}/cancel/": 403,
        f"/deploy/robur/{copy.image.digest}/": 403,
        f"/images/robur/{copy.image.digest}/remove/": 403,
        f"/blocks/{world.spare.pk}/": 200,
        f"/blocks/{world.spare.pk}/upload/": 403,
        f"/blocks/{world.spare.pk}/download/": 403,
        f"/blocks/{world.spare.pk}/remove/": 403,
        f"/instances/{world.near.name}/": 200,
        f"/quotas/robur/{world.near.name}/meters/": 200,
    }


def of_storage(storage: Storage) -> dict[str, int]:
    """Pages about contents of block devices of robur, with the status that a viewer gets."""
    return {
        f"/blocks/{storage.mail.pk}/": 200,
        f"/blocks/{storage.world.spare.pk}/upload/{storage.file.pk}/": 403,
        f"/block-files/{storage.file.pk}/": 403,
        f"/block-files/{storage.file.pk}/remove/": 403,
        f"/operations/{storage.moving.pk}/": 200,
        f"/operations/{storage.moving.pk}/cancel/": 403,
    }


def of_builds(updates: Updates) -> dict[str, int]:
    """Pages about upgrades of things of robur, with the status that a viewer gets."""
    web = f"/unikernels/{updates.world.web.pk}"
    return {
        f"{web}/changes/": 200,
        f"{web}/upgrade/": 403,
        f"{web}/upgrade/?build={updates.new.pk}": 403,
        f"/unikernels/{updates.answers.pk}/upgrade/?version=1": 403,
        f"/deploy/robur/build/{updates.new.pk}/": 403,
        f"/operations/{updates.fetching.pk}/": 200,
    }


SUPERUSERS = (
    "/add-instance/",
    "/freeze/",
    "/instances/fra-1/edit/",
    "/instances/fra-1/remove/",
    "/quotas/robur/fra-1/",
)


@pytest.mark.parametrize("path", EVERYBODYS)
def test_pages_of_everybody_are_empty_for_strangers_and_say_so(
    world: World, stranger: Client, path: str
) -> None:
    response = stranger.get(path)

    assert response.status_code == 200
    assert "robur" not in response.text
    assert "static-website" not in response.text


@pytest.mark.parametrize("path", [*EVERYBODYS, "/deploy/"])
def test_members_see_their_pages(world: World, deployer: Client, path: str) -> None:
    assert deployer.get(path).status_code == 200


def test_pages_of_a_team_tell_strangers_nothing_and_viewers_what_they_lack(
    world: World, stranger: Client, viewer: Client, deployer: Client
) -> None:
    for path, for_viewer in of_the_team(world).items():
        assert stranger.get(path).status_code == 404, path
        answer = viewer.get(path)
        assert answer.status_code == for_viewer, path
        assert for_viewer == 200 or "this needs deployer" in answer.text, path
        assert deployer.get(path).status_code == 200, path


def test_pages_of_upgrades_tell_strangers_nothing_and_viewers_what_they_lack(
    updates: Updates, stranger: Client, viewer: Client, deployer: Client
) -> None:
    for path, for_viewer in of_builds(updates).items():
        assert stranger.get(path).status_code == 404, path
        assert viewer.get(path).status_code == for_viewer, path
        assert deployer.get(path).status_code == 200, path


def test_pages_of_storage_tell_strangers_nothing_and_viewers_what_they_lack(
    world: World, stranger: Client, viewer: Client, deployer: Client
) -> None:
    for path, for_viewer in of_storage(Storage(world)).items():
        assert stranger.get(path).status_code == 404, path
        assert viewer.get(path).status_code == for_viewer, path
        assert deployer.get(path).status_code == 200, path


def test_pages_of_webhooks_are_for_owners(
    world: World, stranger: Client, deployer: Client, alice: User, client_of: ClientOf
) -> None:
    for path in pages_of_webhooks(Hooks(world)).values():
        assert stranger.get(path).status_code == 404, path
        assert "this needs owner" in deployer.get(path).text, path
        assert client_of(alice).get(path).status_code == 200, path


@pytest.mark.parametrize("path", ["/builders/robur/", "/builders/robur/jobs/static-website/"])
def test_builders_tell_the_same_to_everybody_and_nothing_of_teams(
    updates: Updates, stranger: Client, deployer: Client, path: str
) -> None:
    assert "static-website" in deployer.get(path).text
    assert "static-website" in stranger.get(path).text
    assert "/deploy/robur/" not in stranger.get(path).text


@pytest.mark.parametrize("path", SUPERUSERS)
def test_what_superusers_do_is_not_there_for_others(
    world: World, deployer: Client, superuser: Client, path: str
) -> None:
    assert deployer.get(path).status_code == 404
    assert superuser.get(path).status_code == 200


@pytest.mark.parametrize("path", [*EVERYBODYS, "/deploy/", "/unikernels/1/"])
def test_who_is_not_logged_in_is_asked_to(db: None, client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/?next=")


def test_no_page_may_be_kept_by_a_cache(world: World, deployer: Client) -> None:
    assert deployer.get("/").headers["Cache-Control"] == "private, no-store"
