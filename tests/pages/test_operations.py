"""Operations: the list, one of them, polling it, cancelling it."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.pages.world import World
from unikernels.models import Operation

HTMX = {"HX-Request": "true"}


def test_a_poll_goes_on_while_it_runs_and_stops_with_its_end(world: World, deployer: Client) -> None:
    client, path = deployer, f"/operations/{world.busy.pk}/"
    assert client.get(path, headers=HTMX).status_code == 200

    Operation.objects.filter(pk=world.busy.pk).update(state="succeeded", finished_at=world.now)
    last = client.get(path, headers=HTMX)

    assert last.status_code == 286
    assert "succeeded" in last.text
    assert "<html" not in last.text


def test_what_was_rolled_back_says_why_and_what_runs(world: World, viewer: Client) -> None:
    page = viewer.get(f"/operations/{world.taken_back.pk}/").text

    assert "Rolled back: It ended within 10 s. Version 1 runs again." in page
    assert "zone file: no SOA record" in page
    assert "Goes back to what ran before" in page


def test_only_deployers_are_offered_to_cancel(world: World, viewer: Client, deployer: Client) -> None:
    path = f"/operations/{world.busy.pk}/"

    assert 'data-dialog="ask-cancel"' in deployer.get(path).text
    assert 'data-dialog="ask-cancel"' not in viewer.get(path).text
    assert viewer.post(f"{path}cancel/").status_code == 403


def test_a_cancel_is_asked_for_and_shown(world: World, deployer: Client) -> None:
    path = f"/operations/{world.busy.pk}/"
    page = deployer.post(f"{path}cancel/", follow=True).text

    assert "Cancel is asked for." in page
    assert "Cancel was asked for" in page
    assert Operation.objects.get(pk=world.busy.pk).cancel_asked_at is not None


def test_what_has_ended_cannot_be_cancelled_and_says_so(world: World, deployer: Client) -> None:
    page = deployer.post(f"/operations/{world.taken_back.pk}/cancel/", follow=True).text

    assert "This operation has ended: rolled back." in page


@pytest.mark.parametrize(("show", "number"), [("", 2), ("running", 1), ("bad", 1), ("rubbish", 2)])
def test_the_list_can_be_narrowed(world: World, deployer: Client, show: str, number: int) -> None:
    page = deployer.get(f"/operations/?show={show}").text

    assert page.count('<th scope="row">') == number


def test_what_was_said_yes_to_is_told_in_words_and_a_rollback_was_asked_nothing(
    world: World, viewer: Client
) -> None:
    Operation.objects.filter(pk=world.busy.pk).update(accepted=["no-way-back", "failing-checks"])
    path = f"/operations/{world.busy.pk}/"
    assert "no way back, checks that failed before" in viewer.get(path).text

    Operation.objects.filter(pk=world.busy.pk).update(kind="rollback")
    assert "Accepted" not in viewer.get(path).text


def test_what_is_under_way_is_told_once(world: World, viewer: Client) -> None:
    Operation.objects.filter(pk=world.busy.pk).update(memo={"note": "Waits for the disc."})

    page = viewer.get(f"/operations/{world.busy.pk}/").text
    assert "<span>Waits for the disc.</span>" in page
    assert ": Waits for the disc." not in page
