"""What webhooks tell of (pure). The values stand in the database and in programs of others: none is renamed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType


class Kind(enum.StrEnum):
    """The type of a message."""

    OPERATION_SUCCEEDED = "operation.succeeded"
    OPERATION_ABORTED = "operation.aborted"
    OPERATION_CANCELLED = "operation.cancelled"
    OPERATION_ROLLED_BACK = "operation.rolled_back"
    OPERATION_FAILED = "operation.failed"
    OPERATION_REVERTED = "operation.reverted"
    NOT_REVERTED = "unikernel.not_reverted"
    UPDATE_AVAILABLE = "unikernel.update_available"
    CHECK_DOWN = "check.down"
    CHECK_UP = "check.up"
    ALERT_OPENED = "alert.opened"
    ALERT_OVER = "alert.over"
    QUOTA_CHANGED = "quota.changed"
    MEMBER_CHANGED = "member.changed"
    MEMBER_REMOVED = "member.removed"
    PING = "ping"


ABOUT: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.OPERATION_SUCCEEDED: "A change worked.",
        Kind.OPERATION_ABORTED: "A change was refused; nothing was touched.",
        Kind.OPERATION_CANCELLED: "A change was cancelled; nothing was touched.",
        Kind.OPERATION_ROLLED_BACK: "A change did not work: the version before runs again.",
        Kind.OPERATION_FAILED: "A change did not work; `running` says whether anything runs.",
        Kind.OPERATION_REVERTED: "An upgrade that had worked was taken back in its rollback window.",
        Kind.NOT_REVERTED: "An upgrade should have been taken back by itself, and could not be.",
        Kind.UPDATE_AVAILABLE: "A builder has something newer than what runs.",
        Kind.CHECK_DOWN: "A check of a unikernel went down.",
        Kind.CHECK_UP: "A check of a unikernel is up again.",
        Kind.ALERT_OPENED: "An alert: an instance is silent, a unikernel crashes again and again, memory or a quota is nearly used up, a token ends.",
        Kind.ALERT_OVER: "An alert is over.",
        Kind.QUOTA_CHANGED: "A quota was granted, applied, refused by its instance, or revoked.",
        Kind.MEMBER_CHANGED: "Somebody came into the team, or has another role.",
        Kind.MEMBER_REMOVED: "Somebody left the team.",
        Kind.PING: "A test, sent when somebody asks for it.",
    }
)

CHOICES = tuple(kind for kind in Kind if kind is not Kind.PING)  # a ping is always sent
