"""The first page: problems first, bounded work however much runs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Team, User
from albatross.models import Instance
from tests.api.house import share
from tests.cast import ClientOf, person
from tests.pages.world import World, crowd


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


@pytest.mark.parametrize(("path", "at_most"), [("/", 16), ("/unikernels/", 10), ("/instances/fra-1/", 16)])
def test_fifty_unikernels_cost_no_more_queries_than_ten(
    world: World, dave: User, client_of: ClientOf, path: str, at_most: int
) -> None:
    client = client_of(dave)
    few = queries(client, path)
    crowd(world.team, world.near, world.web_image.image, 40)

    assert queries(client, path) == few <= at_most


def test_problems_stand_before_everything_else_and_in_sentences(
    world: World, dave: User, client_of: ClientOf
) -> None:
    page = client_of(dave).get("/").text

    assert "has not answered for 2 min" in page
    assert "connection refused" in page
    assert "Rolled back: It ended within 10 s. Version 1 runs again." in page
    assert "is missing: it is gone, and nobody here stopped it." in page
    assert "was changed outside" in page
    assert page.index("has not answered") < page.index("Running now") < page.index('id="unikernels"')


def test_only_superusers_are_offered_to_retry_an_instance(
    world: World, dave: User, root: User, client_of: ClientOf
) -> None:
    assert "/instances/hel-2/retry/" not in client_of(dave).get("/").text
    assert "/instances/hel-2/retry/" in client_of(root).get("/").text


def test_a_problem_that_was_mended_since_is_none(world: World, dave: User, client_of: ClientOf) -> None:
    world.failed(world.old, finished_at=timezone.now() - timedelta(hours=2))
    client = client_of(dave)
    assert "It was created and ended within 10 s." in client.get("/").text

    world.failed(world.old, state="succeeded", running="", reason="")

    assert "It was created and ended within 10 s." not in client.get("/").text


def test_a_failure_of_the_day_before_yesterday_is_history(
    world: World, dave: User, client_of: ClientOf
) -> None:
    world.failed(world.old, finished_at=timezone.now() - timedelta(days=2))

    assert "It was created and ended within 10 s." not in client_of(dave).get("/").text


def test_the_list_can_be_narrowed_to_problems(world: World, dave: User, client_of: ClientOf) -> None:
    page = client_of(dave).get("/?only=problems").text
    rows = page[page.index("<tbody>") :]

    assert "dns-primary" in rows
    assert "static-website" not in rows


def test_an_instance_that_nobody_asks_is_told_apart_from_one_that_does_not_answer(
    world: World, dave: User, client_of: ClientOf
) -> None:
    Instance.objects.filter(pk=world.near.pk).update(seen_at=timezone.now() - timedelta(minutes=5))

    assert "has not been asked for 5 min: no watcher runs." in client_of(dave).get("/").text


def test_what_is_under_way_shows_its_steps(world: World, dave: User, client_of: ClientOf) -> None:
    page = client_of(dave).get("/").text
    running = page[page.index("Running now") :]

    assert "tlstunnel" in running
    assert 'aria-current="step"' in running


def test_a_poll_gets_the_living_part_alone(world: World, dave: User, client_of: ClientOf) -> None:
    part = client_of(dave).get("/", headers={"HX-Request": "true"}).text

    assert part.strip().startswith('<div id="live"')
    assert "<html" not in part


def test_a_poll_after_the_session_ended_reloads_the_page(db: None, client: Client) -> None:
    response = client.get("/", headers={"HX-Request": "true"})

    assert response.headers["HX-Refresh"] == "true"
    assert response.text == ""


def test_a_newcomer_with_a_quota_is_shown_the_way(
    robur: Team, world: World, dave: User, client_of: ClientOf
) -> None:
    newcomer = person("nora")
    share(newcomer.personal_team, world.near)

    page = client_of(newcomer).get("/").text

    assert "Nothing runs yet" in page
    assert 'href="/deploy/"' in page


def test_a_newcomer_without_a_quota_is_told_what_is_missing(charlie: User, client_of: ClientOf) -> None:
    page = client_of(charlie).get("/").text

    assert "A superuser grants your team a quota" in page
    assert 'href="/deploy/"' not in page


def test_the_team_switch_narrows_every_page_until_it_is_changed(
    world: World, root: User, client_of: ClientOf
) -> None:
    client = client_of(root)
    client.get("/?team=alice")
    assert "static-website" not in client.get("/unikernels/").text

    client.get("/?team=")
    assert "static-website" in client.get("/unikernels/").text


def test_a_team_of_others_cannot_be_switched_to(world: World, charlie: User, client_of: ClientOf) -> None:
    assert "static-website" not in client_of(charlie).get("/?team=robur").text
