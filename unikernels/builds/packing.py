"""What changed between two builds, as JSON that stays readable (pure)."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from unikernels.builds.answers import Solo5
from unikernels.builds.compare import Change, Changes, Difference, OpamFile, Package, Side, Vendored

MAX_DIFFS = 1_000_000  # characters of all opam file diffs together; what is over it is left out


def pack_changes(changes: Changes) -> dict[str, Any]:
    """*changes* as plain JSON."""
    packed = asdict(replace(changes, opam_files=_within_limit(changes.opam_files)))
    for side in (packed["old"], packed["new"]):
        side |= {name: side[name].isoformat() for name in ("started", "finished")}
    return packed


def unpack_changes(data: dict[str, Any]) -> Changes:
    """What ``pack_changes`` packed."""
    return Changes(
        old=_side(data["old"]),
        new=_side(data["new"]),
        opam=_difference(data["opam"]),
        system=_difference(data["system"]),
        environment=_difference(data["environment"]),
        opam_files=tuple(OpamFile(**file) for file in data["opam_files"]),
        vendored=_vendored(data["vendored"]),
    )


def pack_solo5(notes: Solo5 | None) -> list[Any] | None:
    """Target, version and devices."""
    return None if notes is None else [notes.target, notes.version, [list(pair) for pair in notes.devices]]


def unpack_solo5(data: list[Any] | None) -> Solo5 | None:
    """What ``pack_solo5`` packed."""
    if data is None:
        return None
    target, version, devices = data
    return Solo5(target, version, tuple((name, kind) for name, kind in devices))


def _within_limit(files: tuple[OpamFile, ...]) -> tuple[OpamFile, ...]:
    kept, room = [], MAX_DIFFS
    for file in files:
        room -= len(file.diff)
        kept.append(replace(file, diff=_storable(file.diff) if room >= 0 else ""))
    return tuple(kept)


def _storable(text: str) -> str:
    """PostgreSQL keeps neither NUL nor half a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _side(data: dict[str, Any]) -> Side:
    moments = {name: datetime.fromisoformat(data[name]) for name in ("started", "finished")}
    return Side(**{**data, **moments})


def _difference(data: dict[str, Any]) -> Difference:
    return Difference(
        _packages(data["added"]),
        _packages(data["removed"]),
        tuple(Change(**change) for change in data["changed"]),
    )


def _vendored(data: dict[str, Any]) -> Vendored:
    return Vendored(
        _packages(data["added"]), _packages(data["removed"]), tuple(data["changed"]), data["error"]
    )


def _packages(listed: list[dict[str, Any]]) -> tuple[Package, ...]:
    return tuple(Package(**package) for package in listed)
