"""Every metric that there is. ``docs/operations.md`` and the Grafana dashboard use these and no others.

The label of an Albatross instance is ``albatross``: ``instance`` is what Prometheus calls ourselves.
"""

from __future__ import annotations

from unikernels.metrics.text import Family

_UNIKERNEL = ("albatross", "team", "unikernel")
_CHECK = (*_UNIKERNEL, "check")
_QUOTA = ("albatross", "team", "resource")
_PROCESS = ("program", "host", "pid")

BUILD_INFO = Family("build_info", "1; the labels say what runs here.", ("version", "python", "database"))

UNIKERNEL_UP = Family("unikernel_up", "1 when it was running as last seen.", _UNIKERNEL)
UNIKERNEL_STATE = Family("unikernel_state", "1 for the state it is in.", (*_UNIKERNEL, "state"))
UNIKERNEL_UNSTABLE = Family("unikernel_unstable", "1 when its last change failed.", _UNIKERNEL)
UNIKERNEL_CHANGED_OUTSIDE = Family(
    "unikernel_changed_outside", "1 when what runs is not what was asked for here.", _UNIKERNEL
)
UNIKERNEL_STARTED = Family(
    "unikernel_started_timestamp_seconds",
    "When its process was started, by the clock of its instance; while it runs.",
    _UNIKERNEL,
)
UNIKERNEL_MEMORY = Family(
    "unikernel_memory_limit_bytes", "Memory that it was given; while it runs.", _UNIKERNEL
)
UNIKERNEL_STANDING = Family(
    "unikernel_standing",
    "1 for how it stands beside its builder: unknown, current, rebuilt, update, reconfigure.",
    (*_UNIKERNEL, "standing"),
)
UNIKERNEL_VERSION = Family(
    "unikernel_version", "Number of its current version; absent when it is not managed.", _UNIKERNEL
)
UNIKERNEL_LOOPING = Family("unikernel_looping", "1 when it ends and is started again and again.", _UNIKERNEL)
UNIKERNEL_CPU = Family(
    "unikernel_cpu", "CPUs that it uses, 1 is the whole of one; while statistics come.", _UNIKERNEL
)
UNIKERNEL_RESIDENT = Family(
    "unikernel_memory_resident_bytes", "Memory that it uses; while statistics come.", _UNIKERNEL
)
UNIKERNEL_RECEIVED = Family(
    "unikernel_received_bytes_per_second", "What it receives; while statistics come.", _UNIKERNEL
)
UNIKERNEL_SENT = Family(
    "unikernel_sent_bytes_per_second", "What it sends; while statistics come.", _UNIKERNEL
)

INSTANCE_UP = Family("instance_up", "1 when it is online and was seen within a minute.", ("albatross",))
INSTANCE_STATUS = Family(
    "instance_status", "1 for its status: unknown, online, degraded.", ("albatross", "status")
)
INSTANCE_SEEN = Family(
    "instance_seen_age_seconds", "Age of what is known of it; absent when never seen.", ("albatross",)
)
INSTANCE_FAILURES = Family("instance_failures", "Looks in a row that failed.", ("albatross",))

OPERATIONS = Family("operations", "Operations on record, by kind and state.", ("kind", "state"))
UNDER_WAY = Family("operations_under_way", "Operations that have not ended.")
OLDEST = Family("operations_oldest_age_seconds", "Age of the oldest that has not ended; 0 without any.")
LATE = Family(
    "operations_late_seconds",
    "How long the one that waits longest has been due without a worker; 0 without any.",
)

CHECK_UP = Family("check_up", "1 up, 0 down; absent while nothing is known.", _CHECK)
CHECK_STATE = Family("check_state", "1 for its state: unknown, up, down.", (*_CHECK, "state"))
CHECK_LATENCY = Family(
    "check_latency_seconds", "How long its last try took; absent before the first.", _CHECK
)

WINDOWS = Family("rollback_windows_open", "Upgrades that one press takes back.")

QUOTA_LIMIT = Family("quota_limit", "What a team may use: unikernels, memory (MB), block (MB).", _QUOTA)
QUOTA_USED = Family("quota_used", "What a team uses: unikernels, memory (MB), block (MB).", _QUOTA)
ALERTS = Family(
    "alerts_open",
    "Alerts that are open: silent, loop, memory, check, failed, quota, token-week, token-day.",
    ("rule",),
)

LETTERS_WAITING = Family("letters_waiting", "Letters that are to be sent.")
LETTERS_GIVEN_UP = Family("letters_given_up", "Letters of the last 30 days that could not be sent.")
DELIVERIES_LATE = Family(
    "webhook_deliveries_late_seconds",
    "How long the message to a webhook that is most overdue waits to be sent.",
)
BUILDER_FAILURES = Family("builder_failures", "Questions in a row that it did not answer.", ("builder",))
BUILDER_SEEN = Family(
    "builder_seen_age_seconds", "Time since its last answer; absent when it never answered.", ("builder",)
)
WATCHED = Family("watcher_instances", "Instances that a watcher process holds the lease of.", ("watcher",))
UNWATCHED = Family("instances_unwatched", "Instances that no watcher holds the lease of.")
CHECKS_LATE = Family(
    "checks_late_seconds", "How long the check that waits longest has been due; 0 without any."
)
BROKER_UP = Family("broker_up", "1 when it answers; without it what our processes tell is absent.")
QUEUED = Family("queue_messages", "Messages that wait for a worker.", ("queue",))
PROCESSES = Family(
    "processes",
    "Processes of ours that live, as they told within 30 s; each program has a number.",
    ("program",),
)
PROCESS_CPU = Family("process_cpu_seconds", "CPU time that it has used.", _PROCESS)
PROCESS_MEMORY = Family("process_memory_resident_bytes", "Memory that it uses.", _PROCESS)
PROCESS_STARTED = Family("process_started_timestamp_seconds", "When it was started.", _PROCESS)

OF_TEAMS = (
    BUILD_INFO,
    UNIKERNEL_UP,
    UNIKERNEL_STATE,
    UNIKERNEL_UNSTABLE,
    UNIKERNEL_CHANGED_OUTSIDE,
    UNIKERNEL_STARTED,
    UNIKERNEL_MEMORY,
    UNIKERNEL_STANDING,
    UNIKERNEL_VERSION,
    UNIKERNEL_LOOPING,
    UNIKERNEL_CPU,
    UNIKERNEL_RESIDENT,
    UNIKERNEL_RECEIVED,
    UNIKERNEL_SENT,
    INSTANCE_UP,
    INSTANCE_STATUS,
    INSTANCE_SEEN,
    INSTANCE_FAILURES,
    OPERATIONS,
    UNDER_WAY,
    OLDEST,
    LATE,
    CHECK_UP,
    CHECK_STATE,
    CHECK_LATENCY,
    WINDOWS,
    QUOTA_LIMIT,
    QUOTA_USED,
    ALERTS,
)
OF_THE_SYSTEM = (
    LETTERS_WAITING,
    LETTERS_GIVEN_UP,
    DELIVERIES_LATE,
    BUILDER_FAILURES,
    BUILDER_SEEN,
    WATCHED,
    UNWATCHED,
    CHECKS_LATE,
    BROKER_UP,
    QUEUED,
    PROCESSES,
    PROCESS_CPU,
    PROCESS_MEMORY,
    PROCESS_STARTED,
)
ALL = (*OF_TEAMS, *OF_THE_SYSTEM)
