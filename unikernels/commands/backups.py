"""A backup in words."""

from __future__ import annotations

from typing import Any

from unikernels.commands.base import SUCCEEDED
from unikernels.commands.output import Output


def tell_backup(manifest: dict[str, Any], output: Output, sentence: str) -> int:
    """Tell what is in a backup, and *sentence*; the exit code."""
    members = manifest["members"].values()
    facts = {
        "made_at": manifest["made_at"],
        "rows": sum(manifest["rows"].values()),
        "files": len(members) - len(manifest["rows"]),
        "bytes": sum(member["size"] for member in members),
        "missing": len(manifest["missing"]),
    }
    if output.json:
        output.data(facts)
        return SUCCEEDED
    output.talk(sentence)
    told = {name: f"{value:,}" if isinstance(value, int) else value for name, value in facts.items()}
    output.facts(told)
    return SUCCEEDED
