"""What the server answers to ``/compare``, with its two swapped lists."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from unikernels.builds.simulator.catalogue import INPUTS, SimulatedBuild

Pairs = Mapping[str, str]


def comparison(left: SimulatedBuild, right: SimulatedBuild) -> dict[str, Any] | None:
    """The answer; None: a build lacks one of the files."""
    if not all(build.artifact(path) for build in (left, right) for path in INPUTS):
        return None
    return {
        "left": _side(left),
        "right": _side(right),
        "env_diff": _swapped(_pairs(left, "build-environment"), _pairs(right, "build-environment")),
        "package_diff": _swapped(_pairs(left, "system-packages"), _pairs(right, "system-packages")),
        "opam_diff": {
            "opam_diff": _opam_files(left, right),
            "version_diff": _versions(left.opam, right.opam),
            "only_in_left": _only(left.opam, right.opam, descending=True),
            "only_in_right": _only(right.opam, left.opam, descending=True),
            "duniverse_diff": {"left": [], "right": [], "detailed_diff": []},
        },
    }


def _side(build: SimulatedBuild) -> dict[str, Any]:
    binary = build.main_binary
    return build.as_json() | {"main_binary_size": len(binary.data) if binary else None}


def _pairs(build: SimulatedBuild, path: str) -> Pairs:
    artifact = build.artifact(path)
    lines = artifact.data.decode().splitlines() if artifact else []
    return dict(line.partition("=")[::2] for line in lines)


def _swapped(left: Pairs, right: Pairs) -> dict[str, Any]:
    return {
        "left_packages": _only(right, left),
        "right_packages": _only(left, right),
        "different_versions": _versions(left, right),
    }


def _only(these: Pairs, those: Pairs, *, descending: bool = False) -> list[dict[str, str]]:
    names = sorted(these.keys() - those.keys(), reverse=descending)
    return [{"name": name, "version": these[name]} for name in names]


def _versions(left: Pairs, right: Pairs) -> list[dict[str, str]]:
    return [
        {"name": name, "version_left": left[name], "version_right": right[name]}
        for name in sorted(left.keys() & right.keys())
        if left[name] != right[name]
    ]


def _opam_files(left: SimulatedBuild, right: SimulatedBuild) -> list[dict[str, Any]]:
    both = sorted(left.opam_files.keys() & right.opam_files.keys(), reverse=True)
    return [
        {
            "package_version": f"{name}.{right.opam[name]}",
            "effectively_equal": False,
            "diff": _diff(name, left.opam_files[name], right.opam_files[name]),
        }
        for name in both
        if left.opam.get(name) == right.opam.get(name) and left.opam_files[name] != right.opam_files[name]
    ]


def _diff(name: str, left: str, right: str) -> str:
    """A unified diff; the real one does not end with a newline either."""
    lines = difflib.unified_diff(
        left.splitlines(), right.splitlines(), f"left/{name}/opam", f"right/{name}/opam", lineterm=""
    )
    return "\n".join(lines)
