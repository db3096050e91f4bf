"""Jobs and builds, and what the server derives from them; nothing derived is stored."""

from __future__ import annotations

import base64
import hashlib
import threading
import uuid as uuids
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

INPUTS = ("opam-switch", "build-environment", "system-packages")  # without one of them nothing is compared
_NAMESPACE = uuids.UUID("6f1d1b3e-7a51-4d0e-9d0c-1c5f6f0e7a11")
_DURATION = timedelta(minutes=13, seconds=47)


@dataclass(frozen=True)
class Artifact:
    """A file of a build."""

    path: str
    data: bytes = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def etag(self) -> str:
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


@dataclass(frozen=True)
class Notes:
    """The Solo5 notes of a main binary, as the server reads them."""

    target: str
    version: int
    devices: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        kinds = {"net": "NET_BASIC", "block": "BLOCK_BASIC"}
        devices = [{"name": name, "type": kinds[kind]} for name, kind in self.devices]
        return {
            "solo5_manifest": {"type": "solo5.manifest", "version": 1, "devices": devices},
            "solo5_abi": {"type": "solo5.abi", "target": self.target, "version": self.version},
        }


@dataclass(frozen=True)
class SimulatedBuild:
    """One build. ``opam`` is package -> version and ``opam_files`` package -> text, instead of parsing them."""

    job: str
    uuid: str
    platform: str
    started: datetime
    artifacts: tuple[Artifact, ...] = ()
    notes: Notes | None = None
    opam: Mapping[str, str] = field(default_factory=dict)
    opam_files: Mapping[str, str] = field(default_factory=dict)

    @property
    def main_binary(self) -> Artifact | None:
        """The only file under bin/; with none or several there is none."""
        found = [artifact for artifact in self.artifacts if artifact.path.startswith("bin/")]
        return found[0] if len(found) == 1 else None

    def artifact(self, path: str) -> Artifact | None:
        return next((artifact for artifact in self.artifacts if artifact.path == path), None)

    def as_json(self, job: str | None = None) -> dict[str, Any]:
        """Without the notes, as in a comparison. *job* is echoed unchecked."""
        return {
            "job": job or self.job,
            "uuid": self.uuid,
            "platform": self.platform,
            "start_time": _written(self.started),
            "finish_time": _written(self.started + _DURATION),
            "main_binary": self.main_binary is not None,
        }


@dataclass(frozen=True, slots=True)
class SimulatedJob:
    """What the server knows of a job besides its builds."""

    name: str
    section: str = "Unikernels"
    synopsis: str | None = None


class Catalogue:
    """All jobs and builds; may change while it is served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, SimulatedJob] = {}
        self._builds: dict[str, SimulatedBuild] = {}

    def add_job(self, job: SimulatedJob) -> None:
        with self._lock:
            self._jobs[job.name] = job

    def add(self, build: SimulatedBuild) -> SimulatedBuild:
        with self._lock:
            self._jobs.setdefault(build.job, SimulatedJob(build.job))
            self._builds[build.uuid] = build
        return build

    def vacuum(self, uuid: str) -> None:
        """Forget a build, as operators do with old ones."""
        with self._lock:
            del self._builds[uuid]

    def build(self, uuid: str) -> SimulatedBuild | None:
        with self._lock:
            return self._builds.get(uuid.lower())

    def builds(self, job: str | None = None, platform: str | None = None) -> list[SimulatedBuild]:
        """Newest first."""
        with self._lock:
            found = [
                build
                for build in self._builds.values()
                if job in {None, build.job} and platform in {None, build.platform}
            ]
        return sorted(found, key=lambda build: (build.started, build.uuid), reverse=True)

    def latest(self, job: str, platform: str | None = None) -> SimulatedBuild | None:
        """The newest with a main binary."""
        return next((build for build in self.builds(job, platform) if build.main_binary), None)

    def by_hash(self, digest: str) -> SimulatedBuild | None:
        """The newest of all builds with any file of this SHA-256."""
        for build in self.builds():
            if any(artifact.sha256 == digest for artifact in build.artifacts):
                return build
        return None

    def jobs(self) -> dict[str, list[SimulatedJob]]:
        """Section -> jobs with a successful build; sections descend, names ascend."""
        with self._lock:
            jobs = sorted(self._jobs.values(), key=lambda job: job.name)
        there = [job for job in jobs if self.latest(job.name)]
        sections = sorted({job.section for job in there}, reverse=True)
        return {section: [job for job in there if job.section == section] for section in sections}

    def knows(self, job: str) -> bool:
        with self._lock:
            return job in self._jobs

    def lines(self, job: str, platform: str | None = None) -> Iterator[SimulatedBuild]:
        """The newest build anywhere for each distinct main binary of a job."""
        seen: set[str] = set()
        for build in self.builds(job, platform):
            binary = build.main_binary
            if binary is not None and binary.sha256 not in seen:
                seen.add(binary.sha256)
                yield self.by_hash(binary.sha256) or build


def stable_uuid(*parts: object) -> str:
    """The same for the same parts, in every run."""
    return str(uuids.uuid5(_NAMESPACE, "/".join(map(str, parts))))


def inputs(
    opam: Mapping[str, str], system: Mapping[str, str], environment: Mapping[str, str]
) -> Iterable[Artifact]:
    """The three files that a comparison reads."""
    installed = "\n".join(f'  "{name}.{version}"' for name, version in sorted(opam.items()))
    texts = {
        "opam-switch": f'opam-version: "2.0"\ninstalled: [\n{installed}\n]\n',
        "build-environment": "".join(f"{key}={value}\n" for key, value in sorted(environment.items())),
        "system-packages": "".join(f"{name}={version}\n" for name, version in sorted(system.items())),
    }
    return [Artifact(path, texts[path].encode()) for path in INPUTS]


def _written(moment: datetime) -> str:
    """Whole seconds of UTC, which the server writes in its own way."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S-00:00")
