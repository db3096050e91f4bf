"""Making builds: an image from a story, with the files that a build of a MirageOS unikernel has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from albatross.simulator.images import build_image
from unikernels.builds.simulator.catalogue import (
    Artifact,
    Catalogue,
    Notes,
    SimulatedBuild,
    inputs,
    stable_uuid,
)

PLATFORM = "debian-12"
OPAM: Mapping[str, str] = {
    "asn1-combinators": "0.3.2",
    "cstruct": "6.2.0",
    "dns": "10.2.3",
    "logs": "0.9.0",
    "lwt": "5.9.1",
    "mirage": "4.10.2",
    "mirage-crypto": "2.0.2",
    "mirage-net-solo5": "0.8.1",
    "mirage-runtime": "4.10.2",
    "mirage-solo5": "0.10.0",
    "ocaml": "5.3.0",
    "ocaml-base-compiler": "5.3.0",
    "ocaml-solo5": "1.1.0",
    "ptime": "1.2.0",
    "solo5": "0.9.2",
    "tcpip": "9.0.1",
    "tls": "2.0.2",
    "tls-mirage": "2.0.2",
    "x509": "1.0.6",
}
SYSTEM: Mapping[str, str] = {
    "gcc-12": "12.2.0-14+deb12u1",
    "git": "1:2.39.5-0+deb12u2",
    "libc6": "2.36-9+deb12u9",
    "libgmp-dev": "2:6.2.1+dfsg1-1.1",
    "libseccomp-dev": "2.5.4-1+deb12u1",
    "pkg-config": "1.8.1-1",
}
ENVIRONMENT: Mapping[str, str] = {
    "OPAMROOT": "/home/builder/.opam",
    "ORB_VERSION": "1.0.3",
    "OS": "linux",
    "OS_DISTRIBUTION": "debian",
    "OS_VERSION": "12",
    "PLATFORM": PLATFORM,
}
OPAM_FILE = 'opam-version: "2.0"\ndepends: [\n  "ocaml" {{>= "4.14.0"}}\n  "dune" {{>= "{dune}"}}\n]\n'


def unikernel(
    *,
    job: str,
    started: datetime,
    number: int,
    file: str = "",
    target: str = "hvt",
    version: int = 2,
    devices: Iterable[Sequence[str]] = (),
    behaviour: Mapping[str, Any] | None = None,
    padding: int = 0,
    platform: str = PLATFORM,
    opam: Mapping[str, str | None] | None = None,
    system: Mapping[str, str | None] | None = None,
    environment: Mapping[str, str | None] | None = None,
    dune: str = "2.7",
) -> SimulatedBuild:
    """A successful build of a unikernel. In *opam*, *system*, *environment*: None takes a package away."""
    pairs = tuple((name, kind) for name, kind in devices)
    image = build_image(target=target, version=version, devices=pairs, behaviour=behaviour, padding=padding)
    name = file or f"{job}.{target}"
    packages = _with(OPAM, opam)
    files = inputs(
        packages, _with(SYSTEM, system), _with(ENVIRONMENT, {"PLATFORM": platform, **(environment or {})})
    )
    return SimulatedBuild(
        job=job,
        uuid=stable_uuid(job, platform, number),
        platform=platform,
        started=started,
        artifacts=(Artifact(f"bin/{name}", image), Artifact(f"{name}.debug", image + b"symbols"), *files),
        notes=Notes(target, version, pairs),
        opam=packages,
        opam_files={"logs": OPAM_FILE.format(dune=dune)},
    )


def failed(*, job: str, started: datetime, number: int, platform: str = PLATFORM) -> SimulatedBuild:
    """A build that made nothing."""
    return SimulatedBuild(job, stable_uuid(job, platform, number), platform, started)


def publish(catalogue: Catalogue, *, job: str, same_bytes: bool = False, **words: Any) -> SimulatedBuild:
    """A new build of *job*, newer than all others there; words as for ``unikernel``, where what is not said
    is as in the latest build. *same_bytes*: rebuilt, with the very same result.
    """
    before = catalogue.builds(job)
    started = max([datetime.now(UTC), *(build.started + timedelta(hours=1) for build in before)])
    started = started.replace(microsecond=0)
    latest = catalogue.latest(job, words.get("platform"))
    number = 1000 + len(before)
    if same_bytes:
        if latest is None:
            raise ValueError(f"{job} has no build yet")
        again = stable_uuid(job, latest.platform, number)
        return catalogue.add(replace(latest, uuid=again, started=started))
    return catalogue.add(unikernel(job=job, started=started, number=number, **_as_before(latest) | words))


def _as_before(latest: SimulatedBuild | None) -> dict[str, Any]:
    if latest is None or latest.notes is None or latest.main_binary is None:
        return {}
    notes, file = latest.notes, latest.main_binary.path.removeprefix("bin/")
    return {"target": notes.target, "version": notes.version, "devices": notes.devices, "file": file}


def _with(base: Mapping[str, str], changes: Mapping[str, str | None] | None) -> dict[str, str]:
    merged: dict[str, str | None] = {**base, **(changes or {})}
    return {name: version for name, version in merged.items() if version is not None}
