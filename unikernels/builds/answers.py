"""What a builder-web server answers, read leniently and kept as plain values.

The JSON of builder-web changed many times since December 2024 and will change again. So: unknown keys are
ignored, unknown words kept, one bad item never empties a list, and only what nothing can be done without is
required (``BadAnswer`` otherwise). The forms that deployments may still have:

==================  ===============================================================================
2025-01 to 2026-05  ``jobs`` is a list of names
until 2026-04       no ``solo5_manifest``
until 2026-05       no ``solo5_abi``, no ``latest``, no ``jobs_by_section``; ``synopsis`` may be null today
2024-12             ``latest`` answers ``{"uuid": ...}`` instead of a redirect
2025-01             items of ``opam_diff`` without ``diff``
==================  ===============================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from unikernels.builds.errors import BadAnswer

MAX_WORD = 1000  # characters of a name, version or sentence; real ones have at most some hundred

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
DIGEST = re.compile(r"[0-9a-f]{64}")

_KINDS = {"NET_BASIC": "net", "BLOCK_BASIC": "block"}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Solo5:
    """What an image was built for; ``devices`` are pairs of name and kind (``net``, ``block``, or as told)."""

    target: str
    version: int
    devices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest successful build of a job over all platforms, when it is a Solo5 image."""

    uuid: str
    solo5: Solo5 | None


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the list; ``section`` and ``synopsis`` may be empty."""

    name: str
    section: str = ""
    synopsis: str = ""
    latest: Latest | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """A main binary: file name, SHA-256 in hexadecimal, size in bytes."""

    filename: str
    sha256: str
    size: int | None


@dataclass(frozen=True, slots=True)
class JobBuild:
    """One line of a job: the newest build that has this very binary (None: a failed build)."""

    uuid: str
    binary: Binary | None


@dataclass(frozen=True, slots=True)
class Build:
    """One run of a job. ``platform`` is that of the build host. Times are aware.

    The server only echoes the job of the address: trust ``job`` when it came from ``/hash`` or ``latest``.
    """

    job: str
    uuid: str
    platform: str
    started: datetime
    finished: datetime
    has_binary: bool
    solo5: Solo5 | None = None


def jobs(answer: object) -> list[Job]:
    """The jobs of ``/all-builds`` in the server's order."""
    told = mapping(answer)
    sections = _sections(told.get("jobs_by_section"))
    listed = told.get("jobs")
    if not isinstance(listed, list):
        raise BadAnswer("The answer holds no list of jobs.")
    return list(_readable(listed, lambda item: _job(item, sections)))


def job_builds(answer: object) -> list[JobBuild]:
    """The builds of ``/job/<job>``, one for each distinct binary, roughly newest first."""
    listed = mapping(answer).get("builds")
    if not isinstance(listed, list):
        raise BadAnswer("The answer holds no list of builds.")
    return list(_readable(listed, _job_build))


def build(answer: object) -> Build:
    """The answer of ``/job/<job>/build/<uuid>``."""
    told = mapping(answer)
    return Build(
        job=word(told.get("job"), "job"),
        uuid=uuid(told.get("uuid")),
        platform=word(told.get("platform"), "platform"),
        started=moment(told.get("start_time")),
        finished=moment(told.get("finish_time")),
        has_binary=bool(told.get("main_binary")),
        solo5=solo5(told),
    )


def solo5(told: Mapping[str, Any]) -> Solo5 | None:
    """The two notes of the main binary; None when they are absent or one cannot be read."""
    try:
        abi = mapping(told.get("solo5_abi"))
        devices = mapping(told.get("solo5_manifest")).get("devices")
        if not isinstance(devices, list):
            return None
        pairs = tuple(_device(mapping(device)) for device in devices)
        return Solo5(word(abi.get("target"), "target"), integer(abi.get("version")), pairs)
    except BadAnswer:
        return None


def mapping(value: object) -> Mapping[str, Any]:
    """*value* as an object of JSON."""
    if not isinstance(value, dict):
        raise BadAnswer("The answer does not have the shape that it should have.")
    return value


def items(value: object, read: Callable[[Any], _T]) -> tuple[_T, ...]:
    """What *read* makes of each item of a list; nothing of anything else; unreadable items are left out."""
    return tuple(_readable(value if isinstance(value, list) else [], read))


def word(value: object, what: str) -> str:
    """A text that is there, without control characters, cut to ``MAX_WORD``."""
    text = tidy(value)
    if not text:
        raise BadAnswer(f"The answer does not tell the {what}.")
    return text


def tidy(value: object) -> str:
    """A text of one line; empty when there is none."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value[:MAX_WORD] if c.isprintable())


def uuid(value: object) -> str:
    """A uuid in lower case."""
    text = tidy(value).lower()
    if not UUID.fullmatch(text):
        raise BadAnswer("The answer does not tell the uuid of a build.")
    return text


def integer(value: object) -> int:
    """A number, which JSON's true and false are not."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadAnswer("The answer has something else where a number should be.")
    return value


def moment(value: object) -> datetime:
    """A time; the server writes ``-00:00`` for UTC."""
    try:
        told = datetime.fromisoformat(tidy(value))
    except ValueError as error:
        raise BadAnswer("The answer has something else where a time should be.") from error
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _readable(listed: list[Any], read: Callable[[Any], _T]) -> Iterator[_T]:
    for item in listed:
        try:
            yield read(item)
        except BadAnswer:
            continue  # one bad item must not hide the others


def _sections(told: object) -> dict[str, str]:
    """Job name -> section."""
    found: dict[str, str] = {}
    for section, listed in (told if isinstance(told, dict) else {}).items():
        for name in items(listed, _job_name):
            found.setdefault(name, tidy(section))
    return found


def _job_name(item: object) -> str:
    return word(item if isinstance(item, str) else mapping(item).get("name"), "name of a job")


def _job(item: object, sections: Mapping[str, str]) -> Job:
    name = _job_name(item)
    told = item if isinstance(item, dict) else {}
    return Job(name, sections.get(name, ""), tidy(told.get("synopsis")), _latest(told.get("latest")))


def _latest(told: object) -> Latest | None:
    try:
        return Latest(uuid(mapping(told).get("uuid")), solo5(mapping(told)))
    except BadAnswer:
        return None


def _job_build(item: object) -> JobBuild:
    told = mapping(item)
    binary = told.get("main_binary")
    return JobBuild(uuid(told.get("uuid")), None if binary is None else _binary(mapping(binary)))


def _binary(told: Mapping[str, Any]) -> Binary:
    digest = tidy(told.get("sha256")).lower()
    if not DIGEST.fullmatch(digest):
        raise BadAnswer("The answer does not tell the SHA-256 of a binary.")
    size = told.get("size")
    known = size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None
    return Binary(tidy(told.get("filename")), digest, known)


def _device(told: Mapping[str, Any]) -> tuple[str, str]:
    kind = word(told.get("type"), "kind of a device")
    return word(told.get("name"), "name of a device"), _KINDS.get(kind, kind)
