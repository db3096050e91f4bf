"""Holding the bytes of a build: whole and verified, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from albatross.errors import ImageRefused
from tests.builds.conftest import build_row
from unikernels.builds import edge, errors
from unikernels.builds.download import hold_build
from unikernels.builds.simulator.faults import Kind
from unikernels.builds.simulator.publishing import publish
from unikernels.builds.simulator.server import Server
from unikernels.builds.web import Limits
from unikernels.images import store
from unikernels.models import Build, Builder, Image

BINARY = "*/f/bin/*"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, settings: object) -> None:
    """A store that is empty, so that nothing left behind can hide."""
    settings.IMAGE_DIR = tmp_path  # type: ignore[attr-defined]  # the fixture of pytest-django


def hold(build: Build, seen: list[tuple[int, int | None]] | None = None) -> Image:
    told = [] if seen is None else seen
    return hold_build(
        build=build, guard=lambda: 15.0, progress=lambda done, whole: told.append((done, whole))
    )


def left_behind() -> list[Path]:
    return [path for path in Path(settings.IMAGE_DIR).rglob("*") if path.is_file()]


def test_a_build_becomes_an_image_that_is_what_its_builder_said(builder: Server, robur_coop: Builder) -> None:
    build = build_row(builder, robur_coop, "opam-mirror")
    seen: list[tuple[int, int | None]] = []
    image = hold(build, seen)
    assert (image.digest, image.size) == (build.digest, build.size)
    assert image.devices == build.devices == [["service", "net"], ["tar", "block"]]
    assert store.held(image.digest)
    assert seen[-1] == (image.size, image.size)
    assert left_behind() == [store.path_of(image.digest)]


def test_bytes_that_are_here_are_not_asked_for_again(builder: Server, robur_coop: Builder) -> None:
    build = build_row(builder, robur_coop, "hello")
    first = hold(build)
    asked = len(builder.requests)
    assert hold(build) == first
    assert len(builder.requests) == asked


@pytest.mark.parametrize(
    ("fault", "words", "error", "retryable"),
    [
        (Kind.NOT_FOUND, {}, errors.NoBinary, False),
        (Kind.ERROR, {}, errors.ServerFailed, True),
        (Kind.CLOSE, {}, errors.CutOff, True),
        (Kind.CUT, {}, errors.CutOff, True),
        (Kind.WRONG_HASH, {}, errors.HashMismatch, False),
        (Kind.CORRUPT, {}, errors.HashMismatch, False),
        (Kind.NOT_ELF, {}, errors.HashMismatch, False),
        (Kind.WRONG_LENGTH, {}, errors.CutOff, True),
        (Kind.SHORT_LENGTH, {}, errors.BadAnswer, False),
        (Kind.ELSEWHERE, {"text": "http://127.0.0.2:1/"}, errors.RedirectedElsewhere, False),
    ],
)
def test_a_download_that_fails_leaves_nothing_behind(  # noqa: PLR0917  # a table
    builder: Server,
    robur_coop: Builder,
    fault: Kind,
    words: dict[str, str],
    error: type[errors.BuilderError],
    retryable: bool,
) -> None:
    build = build_row(builder, robur_coop, "hello")
    builder.faults.add(fault, BINARY, **words)
    with pytest.raises(error) as raised:
        hold(build)
    assert raised.value.retryable is retryable
    assert left_behind() == []
    assert not Image.objects.exists()
    assert hold(build).digest == build.digest  # and the next time it is there


@pytest.mark.parametrize(("fault", "seconds"), [(Kind.SLOW, 60), (Kind.DRIP, 0.01)])
def test_a_download_that_takes_too_long_leaves_nothing_behind(
    builder: Server, robur_coop: Builder, monkeypatch: pytest.MonkeyPatch, fault: Kind, seconds: float
) -> None:
    monkeypatch.setattr(edge, "DEFAULT_LIMITS", Limits(download=0.3))
    build = build_row(builder, robur_coop, "hello")
    builder.faults.add(fault, BINARY, seconds=seconds, times=None)
    with pytest.raises(errors.TimedOut):
        hold(build)
    assert left_behind() == []


def test_a_builder_that_is_silent_for_longer_than_a_lease_allows_is_given_up(
    builder: Server, robur_coop: Builder
) -> None:
    build = build_row(builder, robur_coop, "hello")
    builder.faults.add(Kind.SLOW, BINARY, seconds=60)
    with pytest.raises(errors.TimedOut):
        hold_build(build=build, guard=lambda: 0.3, progress=lambda *_: None)
    assert left_behind() == []


def test_a_binary_that_is_no_image_is_refused(builder: Server, robur_coop: Builder) -> None:
    build = build_row(builder, robur_coop, "signer")
    with pytest.raises(ImageRefused, match="not an ELF file"):
        hold(build)
    assert left_behind() == []
    assert not Image.objects.exists()


def test_more_bytes_than_are_taken_leave_nothing_behind(
    builder: Server, robur_coop: Builder, settings: object
) -> None:
    build = build_row(builder, robur_coop, "hello")
    settings.MAX_IMAGE_BYTES = 100  # type: ignore[attr-defined]  # the fixture of pytest-django
    with pytest.raises(errors.TooLarge):
        hold(build)
    assert left_behind() == []


class LeaseLost(Exception):
    pass


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_whoever_lost_the_lease_goes_no_further(builder: Server, robur_coop: Builder, calls: int) -> None:
    publish(builder.catalogue, job="hello", padding=600_000)
    build = build_row(builder, robur_coop, "hello")
    left = iter(range(calls - 1))

    def guard() -> float:
        if next(left, None) is None:
            raise LeaseLost
        return 15.0

    with pytest.raises(LeaseLost):
        hold_build(build=build, guard=guard, progress=lambda _done, _whole: None)
    assert left_behind() == []
    assert not Image.objects.exists()


def test_a_builder_that_is_gone_can_be_asked_again(builder: Server, robur_coop: Builder) -> None:
    build = build_row(builder, robur_coop, "hello")
    builder.shutdown()
    builder.server_close()
    with pytest.raises(errors.Unreachable) as raised:
        hold(build)
    assert raised.value.retryable
    assert left_behind() == []
