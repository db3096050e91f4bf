"""The freeze switches and the banner."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Team, User
from tests.cast import ClientOf
from tests.pages.world import World
from unikernels.models import Freeze

BANNER = "are frozen</strong>"


@pytest.fixture
def owner(alice: User, client_of: ClientOf) -> Client:
    return client_of(alice)


def test_an_owner_freezes_a_team_and_every_page_of_it_says_so(
    world: World, owner: Client, viewer: Client, stranger: Client
) -> None:
    response = owner.post("/freeze/robur/", {"reason": "audit", "action": "freeze"}, follow=True)

    assert response.redirect_chain == [("/teams/robur/", 302)]
    for path in ("/", "/unikernels/", f"/unikernels/{world.web.pk}/", "/teams/"):
        page = viewer.get(path).text
        assert "Automatic upgrades of robur are frozen" in page, path
        assert "audit" in page
        assert "a rollback is never blocked" in page
    assert BANNER not in stranger.get("/").text


def test_lifting_it_takes_the_banner_away(world: World, owner: Client) -> None:
    owner.post("/freeze/robur/", {"action": "freeze"})
    assert "Lift the freeze" in owner.get("/teams/robur/").text

    response = owner.post("/freeze/robur/", {"action": "lift"}, follow=True)

    assert BANNER not in response.text
    assert not Freeze.objects.exists()


def test_the_switch_of_a_team_is_for_its_owners(
    world: World, deployer: Client, viewer: Client, stranger: Client
) -> None:
    assert deployer.post("/freeze/robur/", {"action": "freeze"}).status_code == 403
    assert viewer.post("/freeze/robur/", {"action": "freeze"}).status_code == 403
    assert stranger.post("/freeze/robur/", {"action": "freeze"}).status_code == 404
    assert not Freeze.objects.exists()
    page = deployer.get("/teams/robur/").text
    assert "not frozen" in page
    assert 'action="/freeze/robur/"' not in page


def test_the_switch_of_everything_is_for_superusers(
    world: World, owner: Client, superuser: Client, stranger: Client
) -> None:
    assert owner.post("/freeze/", {"action": "freeze"}).status_code == 404
    assert 'action="/freeze/"' not in owner.get("/instances/").text
    assert 'action="/freeze/"' in superuser.get("/instances/").text

    superuser.post("/freeze/", {"reason": "new hardware", "action": "freeze"})

    assert "Automatic upgrades of all teams are frozen" in stranger.get("/").text


def test_a_team_whose_own_freeze_is_under_the_great_one_sees_both(
    world: World, owner: Client, superuser: Client
) -> None:
    superuser.post("/freeze/", {"reason": "new hardware", "action": "freeze"})
    owner.post("/freeze/robur/", {"reason": "audit", "action": "freeze"})

    page = owner.get("/teams/robur/").text

    assert "A superuser has frozen everything" in page
    assert page.count("<aside") == 1
    assert page.count(BANNER) == 2


def test_the_banner_follows_the_switch_of_teams(world: World, superuser: Client) -> None:
    Freeze.objects.create(team=world.team)
    assert BANNER in superuser.get("/?team=").text

    assert BANNER not in superuser.get("/?team=alice").text


def test_many_frozen_teams_do_not_bury_the_page(world: World, superuser: Client) -> None:
    for number in range(5):
        Freeze.objects.create(team=Team.objects.create(name=f"t{number}", domain=f"t{number}"))

    page = superuser.get("/").text

    assert page.count(BANNER) == 3
    assert "And 2 more teams are frozen." in page


def test_two_who_lift_at_once_are_both_right(world: World, owner: Client) -> None:
    response = owner.post("/freeze/robur/", {"action": "lift"}, follow=True)

    assert response.status_code == 200
    assert "were not frozen for robur" in response.text


def test_a_reason_that_is_too_long_comes_back_with_words(world: World, owner: Client) -> None:
    response = owner.post("/freeze/robur/", {"reason": "x" * 201, "action": "freeze"})

    assert response.status_code == 422
    assert "at most 200 characters" in response.text
    assert not Freeze.objects.exists()


def test_a_reason_is_shown_as_text(world: World, owner: Client) -> None:
    owner.post("/freeze/robur/", {"reason": "<b>bold</b>", "action": "freeze"})

    assert "<b>bold" not in owner.get("/").text


def test_nobody_who_is_not_logged_in_learns_of_a_freeze(world: World, client: Client) -> None:
    Freeze.objects.create(team=None, reason="new hardware")

    assert "new hardware" not in client.get("/accounts/login/").text
