"""Uploading images: as the body or in a form, streamed to disk, told what they need."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from accounts.models import Team, User
from albatross.simulator.images import build_image
from tests.api.caller import Caller, check
from tests.api.house import House, image_of_team
from tests.cast import ClientOf
from unikernels.images import store
from unikernels.models import Image, TeamImage

IMAGE = build_image(devices=[("service", "net"), ("data", "block")], padding=1000)
DIGEST = hashlib.sha256(IMAGE).hexdigest()
RAW = "application/octet-stream"


def upload(caller: Caller, data: bytes, query: str = "", kind: str = RAW, **headers: Any) -> Any:
    answer = caller.client.generic("POST", f"/api/v1/images/{query}", data, content_type=kind, **headers)
    if answer.status_code != 411:
        check("post", "/api/v1/images/", answer)
    return answer


def form(data: bytes, **fields: Any) -> bytes:
    return encode_multipart(BOUNDARY, {"file": SimpleUploadedFile("web.spt", data), **fields})


def test_an_image_is_uploaded_as_the_body(house: House, deployer: Caller) -> None:
    answer = upload(deployer, IMAGE, "?name=web.hvt")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["digest"], body["name"], body["team"]) == (DIGEST, "web.hvt", "robur")
    assert body["size"] == len(IMAGE)
    assert (body["target"], body["abi_version"]) == ("hvt", 2)
    assert body["devices"] == [{"name": "service", "kind": "net"}, {"name": "data", "kind": "block"}]
    assert store.path_of(DIGEST).read_bytes() == IMAGE
    assert deployer.get(answer.headers["Location"].removeprefix("http://testserver")).json() == body


def test_an_image_is_uploaded_in_a_form(house: House, deployer: Caller) -> None:
    answer = upload(deployer, form(IMAGE), kind=MULTIPART_CONTENT)
    assert answer.status_code == 201
    assert (answer.json()["digest"], answer.json()["name"]) == (DIGEST, "web.spt")


def test_a_browser_uploads_in_a_form(house: House, alice: User, client_of: ClientOf) -> None:
    answer = upload(Caller(client_of(alice)), form(IMAGE), "?team=robur", MULTIPART_CONTENT)
    assert answer.status_code == 201


def test_a_compressed_image_is_known_by_its_plain_form(house: House, deployer: Caller) -> None:
    assert upload(deployer, zlib.compress(IMAGE)).json()["digest"] == DIGEST
    assert store.path_of(DIGEST).read_bytes() == IMAGE


def test_the_same_image_twice_is_one(house: House, deployer: Caller) -> None:
    first = upload(deployer, IMAGE, "?name=first").json()
    assert upload(deployer, IMAGE, "?name=second").json() == first
    assert TeamImage.objects.filter(image__digest=DIGEST).count() == 1


def test_nothing_tells_that_another_team_has_an_image(house: House, deployer: Caller) -> None:
    other = image_of_team(Team.objects.create(name="other", domain="other"), padding=77)
    digest = other.image.digest
    assert deployer.get(f"images/{digest}/").status_code == 404
    answer = upload(deployer, store.path_of(digest).read_bytes(), "?name=mine")
    assert answer.status_code == 201
    assert answer.json()["name"] == "mine"
    assert answer.json()["added_at"] > other.added_at.isoformat()


def test_a_dry_run_tells_what_an_image_needs_and_keeps_nothing(
    house: House, deployer: Caller, tmp_path: Path
) -> None:
    plan = upload(deployer, IMAGE, "?dry_run=true").json()
    assert plan["possible"] is True
    assert "service (net), data (block)" in plan["steps"][0]
    assert not store.held(DIGEST)
    refused = upload(deployer, b"no image", "?dry_run=true").json()
    assert refused["possible"] is False
    assert not Image.objects.filter(digest=DIGEST).exists()


@pytest.mark.parametrize(
    "data",
    [b"no image at all", IMAGE[:200], b"\x1f\x8b" + IMAGE, zlib.compress(IMAGE)[:-9]],
    ids=["text", "cut", "gzip", "cut while compressed"],
)
def test_what_is_no_image_is_refused_with_the_reason(data: bytes, house: House, deployer: Caller) -> None:
    answer = upload(deployer, data, "?name=x.hvt")
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert deployer.get("images/", limit=200).json()["items"][0]["digest"] != DIGEST


def test_nothing_is_no_image(house: House, deployer: Caller) -> None:
    for data, kind in ((b"", RAW), (encode_multipart(BOUNDARY, {}), MULTIPART_CONTENT)):
        answer = upload(deployer, data, kind=kind, CONTENT_LENGTH=str(len(data)))
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "file"
    text = encode_multipart(BOUNDARY, {"file": "not a file"})
    assert upload(deployer, text, kind=MULTIPART_CONTENT).status_code == 400


@pytest.mark.parametrize("kind", [RAW, MULTIPART_CONTENT])
def test_what_is_too_large_is_refused_before_it_is_read(
    kind: str, house: House, deployer: Caller, settings: Any
) -> None:
    settings.MAX_IMAGE_BYTES = 500
    data = IMAGE if kind == RAW else form(IMAGE)
    answer = upload(deployer, data, kind=kind, CONTENT_LENGTH=str(2**40))
    assert answer.status_code == 413


def test_a_body_that_is_longer_than_an_image_may_be_is_cut_off(
    house: House, deployer: Caller, settings: Any
) -> None:
    settings.MAX_IMAGE_BYTES = 500
    assert upload(deployer, IMAGE).status_code == 413
    assert upload(deployer, form(IMAGE), kind=MULTIPART_CONTENT).status_code == 422
    assert not store.held(DIGEST)


def test_a_stream_of_unknown_length_is_refused(house: House, deployer: Caller) -> None:
    answer = upload(deployer, IMAGE, CONTENT_LENGTH="")
    assert answer.status_code == 411
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_json_is_no_image(house: House, deployer: Caller) -> None:
    assert upload(deployer, b"{}", kind="application/json").status_code == 415


def test_a_viewer_uploads_nothing(house: House, viewer: Caller) -> None:
    assert upload(viewer, IMAGE).status_code == 403
    assert not store.held(DIGEST)


def test_an_image_is_removed(house: House, deployer: Caller) -> None:
    upload(deployer, IMAGE)
    path = f"images/{DIGEST}/"
    assert deployer.delete(path, dry_run="true").json()["possible"] is True
    assert deployer.get(path).status_code == 200
    answer = deployer.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert deployer.get(path).status_code == 404
    assert deployer.delete(path).status_code == 404


def test_an_image_that_a_version_needs_stays(house: House, deployer: Caller) -> None:
    path = f"images/{house.image.image.digest}/"
    assert deployer.delete(path, dry_run="true").json()["possible"] is False
    assert deployer.delete(path).status_code == 422
    assert deployer.get(path).status_code == 200


@pytest.mark.parametrize("digest", ["x", "0" * 64, "..", "A" * 64])
def test_a_digest_that_nobody_has_is_missing(digest: str, house: House, deployer: Caller) -> None:
    assert deployer.client.get(f"/api/v1/images/{digest}/").status_code == 404
