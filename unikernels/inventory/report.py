"""One look at an instance: three questions at its root, which carry no policy."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max
from django.utils import timezone

from albatross.edge import client_for
from albatross.messages import BlockState, Info, Policy
from albatross.models import Instance
from albatross.names import Name
from unikernels.inventory.facts import storable
from unikernels.models import Block

log = logging.getLogger(__name__)

MAX_PATH_TEXT = 511  # of the columns: eight labels; the host itself may make deeper ones


@dataclass(frozen=True, slots=True)
class Report:
    """What an instance told; ``asked_at`` is before the first question. Paths colon separated.

    ``last_block`` is the newest row of a block device at that time: a report says nothing of later ones.
    """

    asked_at: datetime
    last_block: int
    policies: Mapping[str, Policy]
    unikernels: Mapping[Name, Info]
    blocks: Mapping[Name, BlockState]


def ask(instance: Instance) -> Report:
    """Ask *instance*. Raises ``AlbatrossError`` and ``SealBroken``."""
    asked_at = timezone.now()
    last_block = Block.objects.aggregate(last=Max("pk"))["last"] or 0
    client = client_for(instance)
    policies = {path_text(name): policy for name, policy in client.policies() if _holds_policy(name, policy)}
    blocks = {block.name: block for block in client.blocks() if _holds(block.name)}
    unikernels = {name: info for name, info in client.unikernels() if _holds(name)}
    return Report(asked_at, last_block, policies, unikernels, blocks)


def path_text(name: Name) -> str:
    """The path of *name* as it stands in a row."""
    return ":".join(name.path)


def _holds(name: Name) -> bool:
    """Whether a row can hold what has this name."""
    fits = name.label is not None and len(path_text(name)) <= MAX_PATH_TEXT
    if not fits:
        log.warning("left out of the inventory: %.100r", str(name))
    return fits


def _holds_policy(name: Name, policy: Policy) -> bool:
    """Whether a row can hold *policy* exactly: it is sent back, so nothing in it may change."""
    fits = len(path_text(name)) <= MAX_PATH_TEXT and all(storable(b) == b for b in policy.bridges)
    if not fits:
        log.warning("left out of the inventory: the policy of %.100r", str(name))
    return fits
