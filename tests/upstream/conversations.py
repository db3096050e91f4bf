"""What scripts said to the original, and what it answered: recorded once, as curl commands.

The files that were uploaded are not kept with it: small images of the same needs stand for them.
"""

from __future__ import annotations

import itertools
import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from albatross.simulator.images import build_image

_FILE = Path(__file__).parent.parent / "data" / "upstream" / "conversations.json"
FILES = {
    "ticker.spt": build_image(target="spt"),
    "netticker.spt": build_image(target="spt", devices=[("service", "net")]),
    "blk.bin": b"\x07" * 4096,
}


@dataclass
class Conversation:
    """One request and its answer. *parts* are of a form, in order; *data* is another body."""

    id: str
    method: str
    path: str
    status: int | None
    answer: Any
    parts: list[tuple[str, str]] = field(default_factory=list)
    data: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def conversations() -> dict[str, Conversation]:
    """All of them, by id."""
    return {item["id"]: _read(item) for item in json.loads(_FILE.read_text(encoding="utf-8"))}


def _read(item: dict[str, Any]) -> Conversation:
    method, path, _ = item["request_line"].split(" ")
    told = Conversation(item["id"], method, path, item["response_status"], _answer(item["response_body"]))
    words = shlex.split(item["curl"])
    for option, value in itertools.pairwise(words):
        if option == "-F":
            name, _, text = value.partition("=")
            told.parts.append((name, text))
        elif option in {"-d", "--data-binary"}:
            told.data = value
        elif option == "-H":
            name, _, text = value.partition(": ")
            told.headers[name] = text
    return told


def _answer(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except ValueError:
        return text


def contains(ours: Any, theirs: Any) -> bool:
    """Whether everything of *theirs* stands in *ours*: objects may have more keys, lists not."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return all(name in ours and contains(ours[name], value) for name, value in theirs.items())
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(contains, ours, theirs))
    return bool(ours == theirs)
