"""From a report of the instance to what a look shows (pure)."""

from __future__ import annotations

from collections.abc import Collection

from albatross.messages import Info
from albatross.names import Name
from unikernels.configuration import Configuration
from unikernels.operations.arrival import differences
from unikernels.operations.facts import Look, Sight


def look_at(
    info: Info | None,
    *,
    now: float,
    took: float,
    name: Name,
    configuration: Configuration | None,
    digest: str,
    before: Look | None,
    own: Collection[str],
) -> Look:
    """What *info*, which came at *now* and *took* so many seconds, shows under *name*.

    *configuration* and *digest* are the target's (configuration None: the target is that nothing is
    there). *own* are the digests of every version of the operation: one of them seen at the wrong
    moment is an earlier send of ours arriving late, not somebody else.
    """
    if info is None:
        return Look(now, Sight.NOTHING, took=took)
    started, seen = info.started.milliseconds, info.digest.hex()
    differs = () if configuration is None else tuple(differences(configuration, digest, info, name))
    anew = before is None or before.started != started
    if configuration is not None and not differs and anew:
        return Look(now, Sight.TARGET, started, seen, took=took)
    return Look(now, _unwanted(started, seen, before, own), started, seen, differs, took)


def _unwanted(started: int, seen: str, before: Look | None, own: Collection[str]) -> Sight:
    if before is not None and seen == before.digest:
        return Sight.BEFORE if started == before.started else Sight.STALE
    return Sight.STALE if seen in own else Sight.OTHER
