"""What the real builder-web answered, through our client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builds import recorded
from unikernels.builds import compare
from unikernels.builds.address import Place, place_of
from unikernels.builds.client import Client
from unikernels.builds.errors import (
    NotComparable,
    NotThere,
    ServerFailed,
    UnknownBinary,
)
from unikernels.builds.fetching import digest_in
from unikernels.builds.web import Web

DNS = "dns-primary-git"
FIRST, SECOND = "3ceaaf30-8142-48ea-91d9-3080f9b439fc", "9dfb369b-ab13-4fae-a276-55daa05f1119"
NEWEST, FREEBSD = "6fced11d-2bd8-41e6-847a-8387cdde8d51", "3a124c64-7e02-4f05-b7c1-dce27f7695f5"
DIGEST = "1aa9e5c7f7c961c3838ba7fe61d1cb8544bd6cd21e292003d4b6a252a41ab5e2"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with recorded.playing() as address:
        yield address


@pytest.fixture
def real(address: str) -> Client:
    return Client(address)


def test_a_build_is_found_by_the_hash_of_its_binary(real: Client) -> None:
    build = real.by_digest(DIGEST)
    assert (build.job, build.uuid, build.platform) == (DNS, FIRST, "debian-12")
    assert build.solo5 is not None
    assert (build.solo5.target, build.solo5.devices) == ("spt", (("service", "net"),))
    assert build.started.isoformat() == "2026-11-12T02:31:10+00:00"


def test_unknown_bytes_are_unknown(real: Client) -> None:
    with pytest.raises(UnknownBinary):
        real.by_digest("ab" * 32)


def test_the_newest_build_stays_on_the_platform(real: Client) -> None:
    assert real.latest(DNS, "debian-12").uuid == NEWEST


@pytest.mark.parametrize("rest", ["", "/", "/main-binary", "/f/bin/primary-git.spt"])
def test_a_path_names_its_build(rest: str) -> None:
    assert place_of(f"/job/{DNS}/build/{FIRST.upper()}{rest}") == Place(DNS, FIRST)


@pytest.mark.parametrize(
    "path", ["/", f"/job/{DNS}", f"/job/{DNS}/build/latest", f"/job//build/{FIRST}", f"/{FIRST}"]
)
def test_other_paths_name_none(path: str) -> None:
    assert place_of(path) is None


def test_a_job_has_a_line_for_each_binary(real: Client) -> None:
    lines = real.job_builds(DNS)
    assert lines[0].uuid == FREEBSD
    assert [line.binary.size for line in lines if line.binary and line.uuid == FIRST] == [79880]


def test_a_build_of_a_package_has_no_notes(real: Client) -> None:
    build = real.build("albatross", "f3194a3b-381e-43e7-952c-466e473a1797")
    assert build.has_binary
    assert build.solo5 is None


def test_an_image_may_need_no_device(real: Client) -> None:
    build = real.build("traceroute", "ab57f985-4332-43da-a75a-2e199b58ba8d")
    assert build.solo5 is not None
    assert build.solo5.devices == ()


def test_a_failed_build_has_no_binary(real: Client) -> None:
    assert not real.build(DNS, "b120a366-f0bb-49cf-82f2-dc05873f9bd0").has_binary


def test_the_etag_of_a_binary_is_its_hash(address: str) -> None:
    with Web(address).get(f"/job/{DNS}/build/{FIRST}/main-binary", uuid=FIRST) as answer:
        assert digest_in(answer) == DIGEST
        assert answer.length == 79880


def test_two_builds_are_compared_the_right_way_round(real: Client) -> None:
    changes = real.compare(FIRST, SECOND)
    assert [package.name for package in changes.system.added] == ["libnew1"]
    assert [package.name for package in changes.system.removed] == ["libold1", "zlib-old"]
    assert "NEW_VAR_ONLY_IN_RIGHT" in {package.name for package in changes.environment.added}
    assert {package.name for package in changes.environment.removed} == {"OLD_VAR_ONLY_IN_LEFT"}
    assert {package.name for package in changes.opam.added} == {"mirage-logs"}
    assert {package.name for package in changes.opam.removed} == {"metrics", "metrics-lwt"}
    assert compare.Change("tls", "2.0.2", "2.0.3") in changes.opam.changed
    assert [(file.name, file.version) for file in changes.opam_files] == [("ke", "0.6")]
    assert changes.opam_files[0].diff.startswith("--- left/ke/opam\n+++ right/ke/opam\n@@")
    assert changes.size_change == 0


def test_builds_without_their_files_are_not_comparable(real: Client) -> None:
    with pytest.raises(NotComparable):
        real.compare(NEWEST, "b120a366-f0bb-49cf-82f2-dc05873f9bd0")


def test_a_crash_in_a_comparison_is_a_failure_of_the_server(real: Client) -> None:
    with pytest.raises(ServerFailed):
        real.compare("b6d9f6f4-5cdc-48b9-9a64-00c790010259", "98daa4bf-7559-4f89-b3fb-95ee22432045")


def test_what_is_not_there_is_told_by_the_status(address: str) -> None:
    with Web(address).get("/all-builds?x=1", as_json=True) as answer, pytest.raises(NotThere):
        answer.expect(NotThere, "nothing")
