"""The same action from elsewhere: what a page does, as curl, as a command and as a workflow step."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

# Through the environment: a secret never becomes part of the script's text.
_WORKFLOW_TOKEN = ("  env:", "    MOLLYMAWK_TOKEN: ${{ secrets.MOLLYMAWK_TOKEN }}")


@dataclass(frozen=True, slots=True)
class Same:
    """One action, three ways; an empty one is not offered."""

    curl: str
    command: str = ""
    workflow: str = ""

    @property
    def ways(self) -> str:
        """``curl, command or workflow``."""
        words = ["curl", *(["command"] if self.command else []), *(["workflow"] if self.workflow else [])]
        return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def same(
    method: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    upload: str = "",
    command: str = "",
    step: str = "",
) -> Same:
    """*method* on *path* below ``/api/v1``; *command* goes after ``manage.py``, *step* names the workflow step."""
    curl = _curl(method, path, body, upload)
    workflow = ""
    if step:
        lines = [f"    {line}" for line in curl.splitlines()]
        workflow = "\n".join([f"- name: {step}", *_WORKFLOW_TOKEN, "  run: |", *lines])
    return Same(curl, f"./manage.py {command}" if command else "", workflow)


def _curl(method: str, path: str, body: Mapping[str, Any] | None, upload: str) -> str:
    parts = ["curl --fail-with-body"]
    if method != "GET":
        parts[0] += f" -X {method}"
    parts.append('-H "Authorization: Bearer $MOLLYMAWK_TOKEN"')
    if body is not None:
        parts.append('-H "Content-Type: application/json"')
        parts.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    if upload:
        parts.append('-H "Content-Type: application/octet-stream"')
        parts.append(f"--data-binary @{upload}")
    parts.append(shlex.quote(f"{settings.SITE_URL}/api/v1{path}"))
    return " \\\n  ".join(parts)
