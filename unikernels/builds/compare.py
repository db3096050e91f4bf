"""What changed between two builds, from the answer of ``/compare/<old>/<new>``.

The server swaps two of its lists: in ``env_diff`` and ``package_diff`` what stands under ``left_packages``
exists only in the right (newer) build, and the other way round. Everything else is straight. This is put
right here, once; nobody else reads the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from unikernels.builds.answers import integer, items, mapping, moment, tidy, uuid, word

MAX_DIFF = 200_000  # characters of one opam file diff that are kept; real ones have some thousand

# Swapped by the server since its JSON exists (December 2024): to be turned when it is corrected there.
_ADDED, _REMOVED = "left_packages", "right_packages"


@dataclass(frozen=True, slots=True)
class Package:
    """A package or variable and its version or value (may be empty)."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Change:
    """A package that both builds have, in different versions; nothing says that ``new`` is the higher."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What was added, removed and changed."""

    added: tuple[Package, ...] = ()
    removed: tuple[Package, ...] = ()
    changed: tuple[Change, ...] = ()

    @property
    def count(self) -> int:
        return len(self.added) + len(self.removed) + len(self.changed)


@dataclass(frozen=True, slots=True)
class OpamFile:
    """A package of the same version in both whose opam file differs; ``diff`` is a unified diff or empty."""

    name: str
    version: str
    diff: str


@dataclass(frozen=True, slots=True)
class Vendored:
    """Sources that were copied into the build (duniverse); versions are addresses of sources.

    ``changed`` has only names. ``error`` is what the server says when it could not compare them.
    """

    added: tuple[Package, ...] = ()
    removed: tuple[Package, ...] = ()
    changed: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two builds; ``size`` of its main binary in bytes. The job is the true one."""

    job: str
    uuid: str
    platform: str
    started: datetime
    finished: datetime
    has_binary: bool
    size: int | None


@dataclass(frozen=True, slots=True)
class Changes:
    """All that changed from ``old`` to ``new``."""

    old: Side
    new: Side
    opam: Difference = Difference()
    system: Difference = Difference()
    environment: Difference = Difference()
    opam_files: tuple[OpamFile, ...] = ()
    vendored: Vendored = Vendored()

    @property
    def size_change(self) -> int | None:
        """Bytes by which the main binary grew."""
        if self.old.size is None or self.new.size is None:
            return None
        return self.new.size - self.old.size

    @property
    def count(self) -> int:
        vendored = len(self.vendored.added) + len(self.vendored.removed) + len(self.vendored.changed)
        parts = (self.opam, self.system, self.environment)
        return sum(part.count for part in parts) + len(self.opam_files) + vendored


def parse(answer: object) -> Changes:
    """Read the answer of ``/compare``. Raises ``BadAnswer`` when it does not tell the two builds."""
    told = mapping(answer)
    opam = _mapping_or_empty(told.get("opam_diff"))
    return Changes(
        old=_side(told.get("left")),
        new=_side(told.get("right")),
        opam=Difference(
            items(opam.get("only_in_right"), _package),
            items(opam.get("only_in_left"), _package),
            items(opam.get("version_diff"), _change),
        ),
        system=_swapped(told.get("package_diff")),
        environment=_swapped(told.get("env_diff")),
        opam_files=items(opam.get("opam_diff"), _opam_file),
        vendored=_vendored(opam.get("duniverse_diff")),
    )


def _mapping_or_empty(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _side(value: object) -> Side:
    told = mapping(value)
    size = told.get("main_binary_size")
    return Side(
        job=word(told.get("job"), "job"),
        uuid=uuid(told.get("uuid")),
        platform=word(told.get("platform"), "platform"),
        started=moment(told.get("start_time")),
        finished=moment(told.get("finish_time")),
        has_binary=bool(told.get("main_binary")),
        size=None if size is None else integer(size),
    )


def _swapped(value: object) -> Difference:
    told = _mapping_or_empty(value)
    return Difference(
        items(told.get(_ADDED), _package),
        items(told.get(_REMOVED), _package),
        items(told.get("different_versions"), _change),
    )


def _package(value: object) -> Package:
    told = mapping(value)
    return Package(word(told.get("name"), "name of a package"), tidy(told.get("version")))


def _source(value: object) -> Package:
    told = mapping(value)
    return Package(word(told.get("name"), "name of a package"), tidy(told.get("value")))


def _change(value: object) -> Change:
    told = mapping(value)
    name = word(told.get("name"), "name of a package")
    return Change(name, tidy(told.get("version_left")), tidy(told.get("version_right")))


def _opam_file(value: object) -> OpamFile:
    told = mapping(value)
    name, _, version = word(told.get("package_version"), "name of a package").partition(".")
    diff = told.get("diff")
    return OpamFile(name, version, diff[:MAX_DIFF] if isinstance(diff, str) else "")


def _vendored(value: object) -> Vendored:
    if isinstance(value, str):
        return Vendored(error=tidy(value))
    told = _mapping_or_empty(value)
    return Vendored(
        items(told.get("right"), _source),
        items(told.get("left"), _source),
        items(told.get("detailed_diff"), lambda item: word(mapping(item).get("name"), "name of a package")),
    )
