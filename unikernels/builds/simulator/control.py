"""How people and other processes reach into a running simulator: HTTP below ``/_simulator``.

::

    GET     /_simulator/faults                       those that are due
    POST    /_simulator/faults  {"kind": "cut", "path": "*/f/bin/*", "times": 2}
    DELETE  /_simulator/faults                       none is due any more
    POST    /_simulator/builds  {"job": "web", "behaviour": {"http": {"text": "3"}}}   a new build
    DELETE  /_simulator/builds/<uuid>                vacuum

The words of a fault are those of ``faults.Fault``, the words of a build those of ``publishing.publish``.
"""

from __future__ import annotations

import json
from typing import Any

from unikernels.builds.simulator import replies
from unikernels.builds.simulator.catalogue import Catalogue
from unikernels.builds.simulator.faults import Faults
from unikernels.builds.simulator.publishing import publish
from unikernels.builds.simulator.replies import Reply

PREFIX = "/_simulator/"
MAX_BODY = 2**20  # bytes
_FAULTS, _BUILDS = f"{PREFIX}faults", f"{PREFIX}builds"


def answer(catalogue: Catalogue, faults: Faults, method: str, path: str, body: bytes) -> Reply:
    """Do what was asked for; 400 with the reason when it cannot be understood."""
    try:
        words: dict[str, Any] = json.loads(body or b"{}")
        if path == _FAULTS:
            return _faults(faults, method, words)
        if path == _BUILDS and method == "POST":
            build = publish(catalogue, **words)
            binary = build.main_binary
            told = {"uuid": build.uuid, "sha256": binary.sha256 if binary else None}
            return replies.as_json(told)
        if path.startswith(f"{_BUILDS}/") and method == "DELETE":
            catalogue.vacuum(path.removeprefix(f"{_BUILDS}/"))
            return replies.as_json({})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return replies.text(f"{type(error).__name__}: {error}", 400)
    return replies.not_found()


def _faults(faults: Faults, method: str, words: dict[str, Any]) -> Reply:
    if method == "POST":
        faults.add(**words)
    elif method == "DELETE":
        faults.clear()
    return replies.as_json({"faults": faults.as_json()})
