"""What mail can be about, in words for the page of choices, and whether people get it unasked (pure)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


class Topic(enum.StrEnum):
    """What a letter is about. The values stand in the database and in links to unsubscribe."""

    UPDATES = "updates"
    SUCCEEDED = "succeeded"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"
    CHECKS = "checks"
    ALERTS = "alerts"
    WEBHOOKS = "webhooks"
    QUOTAS = "quotas"


@dataclass(frozen=True, slots=True)
class About:
    """A topic in words; ``default`` holds for whoever said nothing."""

    title: str
    text: str
    default: bool


ABOUT: Mapping[Topic, About] = MappingProxyType(
    {
        Topic.FAILED: About(
            "Failed", "A change did not work and could not be taken back; the letter says what runs.", True
        ),
        Topic.ROLLED_BACK: About(
            "Rolled back", "A change did not work, or was taken back: the version before runs again.", True
        ),
        Topic.CHECKS: About("Checks", "A check of a unikernel goes down, or is up again.", True),
        Topic.ALERTS: About(
            "Alerts",
            "An instance is silent, a unikernel crashes again and again, memory or a quota is nearly used up, a token ends.",
            True,
        ),
        Topic.WEBHOOKS: About(
            "Webhooks",
            "A webhook of a team that you own was switched off: its receiver fails or is gone.",
            True,
        ),
        Topic.QUOTAS: About(
            "Quota", "Your request for more was answered; for superusers: a team asks for more.", True
        ),
        Topic.ABORTED: About("Aborted", "A change was refused or cancelled: nothing was touched.", True),
        Topic.SUCCEEDED: About("Succeeded", "A deploy, an upgrade or another change worked.", False),
        Topic.UPDATES: About(
            "Updates",
            "Newer builds of unikernels that are set to tell: one letter a day, only when there is something new.",
            True,
        ),
    }
)
