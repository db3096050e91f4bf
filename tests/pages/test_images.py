"""Images: what teams have, uploading with and without JavaScript, removing, examples."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from albatross.simulator.images import build_image, examples
from tests.api.house import image_of_team
from tests.pages.world import World
from unikernels.models import Image, TeamImage

HTMX = {"HX-Request": "true"}
BYTES = build_image(devices=[("service", "net")], padding=77)


def file(data: bytes = BYTES, name: str = "shop.hvt") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def send(client: Client, data: bytes = BYTES, **fields: Any) -> Any:
    headers = fields.pop("headers", {})
    return client.post("/images/upload/", {"team": "robur", "file": file(data), **fields}, headers=headers)


def test_an_image_is_kept_and_shown(world: World, deployer: Client) -> None:
    response = send(deployer)

    assert response.headers["Location"] == "/images/"
    page = deployer.get("/images/").text
    assert "shop.hvt is in the store of robur." in page
    assert '<th scope="row">shop.hvt</th>' in page


def test_on_the_way_to_a_deploy_it_leads_on_to_what_it_needs(world: World, deployer: Client) -> None:
    response = send(deployer, then="deploy")
    digest = TeamImage.objects.get(name="shop.hvt").image.digest

    assert response.headers["Location"] == f"/deploy/robur/{digest}/"


def test_with_javascript_the_page_is_led_on_too(world: World, deployer: Client) -> None:
    response = send(deployer, headers=HTMX)

    assert response.headers["HX-Redirect"] == "/images/"


def test_the_same_bytes_again_are_no_trouble_and_no_second_image(world: World, deployer: Client) -> None:
    send(deployer)
    before = Image.objects.count()

    assert send(deployer).status_code == 302
    assert Image.objects.count() == before


def test_what_another_team_has_is_taken_in_like_new(world: World, stranger: Client, charlie: User) -> None:
    response = stranger.post("/images/upload/", {"team": "charlie", "file": file(build_image(devices=[]))})

    assert response.status_code == 302
    assert world.plain_image.image.digest == TeamImage.objects.get(team=charlie.personal_team).image.digest


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("data", [b"", b"rubbish", BYTES[:100], b"\x7fELF" + bytes(100)])
def test_what_is_no_image_is_refused_in_words(
    world: World, deployer: Client, data: bytes, headers: dict[str, str]
) -> None:
    response = send(deployer, data, headers=headers)

    assert response.status_code == 422
    assert "shop.hvt is not taken" in response.text
    assert ("<html" in response.text) is not bool(headers)
    assert not TeamImage.objects.filter(name="shop.hvt").exists()


def test_a_file_beyond_the_limit_is_refused_with_the_limit(
    world: World, deployer: Client, settings: Any
) -> None:
    settings.MAX_IMAGE_BYTES = 2**20
    response = send(deployer, bytes(2**20 + 1))

    assert "1 MB are allowed" in response.text


def test_no_file_is_told_beside_the_field(world: World, deployer: Client) -> None:
    response = deployer.post("/images/upload/", {"team": "robur"})

    assert response.status_code == 422
    assert "This field is required." in response.text


def test_nobody_uploads_for_a_team_of_others(world: World, stranger: Client) -> None:
    assert send(stranger).status_code == 422
    assert not TeamImage.objects.filter(name="shop.hvt").exists()


def test_a_viewer_uploads_for_nobody_but_themselves(world: World, viewer: Client) -> None:
    assert send(viewer).status_code == 422
    assert not TeamImage.objects.filter(name="shop.hvt").exists()


def test_what_a_version_needs_is_not_offered_for_removal_and_kept(world: World, deployer: Client) -> None:
    path = f"/images/robur/{world.web_image.image.digest}/remove/"
    assert path not in deployer.get("/images/").text

    response = deployer.post(path, follow=True)

    assert "it is the way back to it" in response.text
    assert TeamImage.objects.filter(pk=world.web_image.pk).exists()


def test_what_nothing_needs_is_removed_after_a_question(world: World, deployer: Client) -> None:
    path = f"/images/robur/{world.plain_image.image.digest}/remove/"
    assert "Remove hello.hvt?" in deployer.get(path).text

    response = deployer.post(path, follow=True)

    assert "hello.hvt is removed from robur." in response.text
    assert not TeamImage.objects.filter(pk=world.plain_image.pk).exists()


def test_removing_twice_finds_nothing_the_second_time(world: World, deployer: Client) -> None:
    path = f"/images/robur/{world.plain_image.image.digest}/remove/"
    deployer.post(path)

    assert deployer.post(path).status_code == 404


def test_images_say_who_uses_them(world: World, viewer: Client) -> None:
    page = viewer.get("/images/").text

    assert f'<a href="/unikernels/{world.dns.pk}/">dns-primary</a>' in page
    assert "and 2 more" in page


def test_a_team_does_not_learn_what_others_do_with_the_same_bytes(
    world: World, stranger: Client, charlie: User
) -> None:
    image_of_team(charlie.personal_team, devices=[("service", "net")], padding=120_000)

    assert "static-website" not in stranger.get("/images/").text


def test_examples_are_offered_only_where_they_run(world: World, deployer: Client, settings: Any) -> None:
    assert deployer.get("/images/examples/hello/").status_code == 404
    assert "No image at hand" not in deployer.get("/deploy/").text

    settings.EXAMPLE_IMAGES = True

    assert "/images/examples/hello/" in deployer.get("/deploy/").text
    response = deployer.get("/images/examples/hello/")
    assert response.content == examples()["hello"].image
    assert response.headers["Content-Disposition"] == 'attachment; filename="hello.hvt"'
    assert deployer.get("/images/examples/none/").status_code == 404


# --- space -------------------------------------------------------------------------------------------


def test_the_space_of_a_team_is_told_each_image_once(world: World, viewer: Client, stranger: Client) -> None:
    images = {copy.image_id: copy.image.size for copy in world.team.images.select_related("image")}

    assert viewer.get("/images/").context["spaces"] == [(world.team, sum(images.values()))]
    assert stranger.get("/images/").context["spaces"] == []


def test_what_the_versions_of_a_unikernel_take_is_told_below_them(world: World, viewer: Client) -> None:
    page = viewer.get(f"/unikernels/{world.dns.pk}/").text

    assert "Their images take 4.2 MB of the store." in page
