"""Block devices: the list, the page of one, and moving bytes to and from it."""

from __future__ import annotations

from django.test import Client

from tests.pages.world import World


def test_the_list_leads_to_each_and_tells_how_full_the_quota_is(world: World, viewer: Client) -> None:
    page = viewer.get("/blocks/")

    assert f'<a href="/blocks/{world.data.pk}/">data</a>' in page.text
    assert [(bar.label, bar.used, bar.limit) for bar in page.context["meters"]] == [("On fra-1", 320, 512)]


def test_a_page_says_who_uses_it_and_which_versions_name_it(world: World, viewer: Client) -> None:
    page = viewer.get(f"/blocks/{world.data.pk}/").text

    assert f'<a href="/unikernels/{world.store.pk}/">store</a>' in page
    assert "version 1, the current one too" in page
    assert "no version that is kept" in viewer.get(f"/blocks/{world.spare.pk}/").text
