"""Where a builder-web server is, and the paths that it has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from unikernels.builds.answers import DIGEST, UUID
from unikernels.builds.errors import RequestRefused

DEFAULT_SERVER = "https://builds.robur.coop"
MAX_ADDRESS = 200  # characters
MAX_JOB = 200  # characters

# As the server writes them: it does not decode percent signs, so neither do we.
_JOB = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~%+@:,=-]+")
_PLACE = re.compile(r"/job/(?P<job>[^/?#]+)/build/(?P<uuid>[0-9A-Fa-f-]{36})(?:/[^?#]*)?")


@dataclass(frozen=True, slots=True)
class Place:
    """A build as a path names it."""

    job: str
    uuid: str


def server_url(text: str) -> str:
    """The address of a server in one form: ``https://builds.robur.coop``. Raises ``RequestRefused``.

    No path: the server's redirects name paths from its root. No user: the server spends 170 ms on each.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise RequestRefused(f"{text[:MAX_ADDRESS]!r} is not the address of a builder-web server.") from error
    plain = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc)
    if len(text) > MAX_ADDRESS or parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise RequestRefused("The address of a builder-web server looks like https://builds.robur.coop.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    standard = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if port in {None, standard} else f":{port}")


def job_path(job: str, rest: str = "", platform: str | None = None) -> str:
    """``/job/<job><rest>``. Raises ``RequestRefused`` for what is no name of a job."""
    if len(job) > MAX_JOB or not _JOB.fullmatch(job):
        raise RequestRefused(f"{job[:MAX_JOB]!r} is not the name of a job.")
    return f"/job/{job}{rest}" + (f"?{urlencode({'platform': platform})}" if platform else "")


def build_path(job: str, uuid: str, rest: str = "") -> str:
    """``/job/<job>/build/<uuid><rest>``. Raises ``RequestRefused``."""
    return job_path(job, f"/build/{known_uuid(uuid)}{rest}")


def compare_path(old: str, new: str) -> str:
    """``/compare/<old>/<new>``. Raises ``RequestRefused``."""
    return f"/compare/{known_uuid(old)}/{known_uuid(new)}"


def hash_path(digest: str) -> str:
    """``/hash?sha256=<digest>``. The server would take a wrong tail, so it is checked here."""
    return f"/hash?sha256={known_digest(digest)}"


def known_uuid(text: str) -> str:
    """A uuid in lower case. Raises ``RequestRefused``."""
    if not UUID.fullmatch(text.lower()):
        raise RequestRefused(f"{text[:40]!r} is not the uuid of a build.")
    return text.lower()


def known_digest(text: str) -> str:
    """A SHA-256 in lower-case hexadecimal. Raises ``RequestRefused``."""
    if not DIGEST.fullmatch(text.lower()):
        raise RequestRefused(f"{text[:70]!r} is not a SHA-256 in hexadecimal.")
    return text.lower()


def place_of(path: str) -> Place | None:
    """The build that a path names, whatever follows: deployments differ in a slash at the end."""
    match = _PLACE.fullmatch(path)
    if match is None or not UUID.fullmatch(match["uuid"].lower()):
        return None
    return Place(match["job"], match["uuid"].lower())
