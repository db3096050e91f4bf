"""What is wrong now. Few rules, each with a reason to get up for; every one is a question to the database.

===============  ==================================================  ============================  =========
rule             fires while                                         who is told                   recovery
===============  ==================================================  ============================  =========
silent           nothing was learnt of an instance for 5 minutes     superusers, teams that run    told
                                                                     something there
loop             a unikernel ends and is started again and again     its team                      told
memory           a unikernel uses 90 % of its memory                its team                      told
check            a check of a unikernel is down                      its team                      told
failed           the last change of something failed                 nobody: it had its letter     no
quota            90 % of a share is used                             its team                      told
token-week       a token ends within 7 days                          its maker, the owners         no
token-day        a token ends within a day                           its maker, the owners         no
===============  ==================================================  ============================  =========
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from accounts.models import ApiToken, Team
from albatross.models import Instance
from unikernels.checks.standing import ASKED
from unikernels.events import dismissed_since
from unikernels.letters.checks import to_do
from unikernels.letters.words import moment, place_of
from unikernels.models import Check, CheckResult, Operation, Unikernel
from unikernels.operations.machine import State
from unikernels.operations.story import verdict
from unikernels.quotas.fill import Fill, fills
from unikernels.statistics.models import Starts
from unikernels.statistics.newest import newest

SILENT_AFTER = timedelta(minutes=5)  # a restart of a host and its daemons is over by then
NEARLY_FULL = 0.9
MB = 2**20  # bytes; what Albatross and Solo5 count memory in
# A share of three unikernels is used up on purpose; of a larger one somebody wants to know beforehand.
FEWEST = {"unikernels": 10}
FAILED_FOR = timedelta(days=7)  # what nobody mends in that time, nobody wants to
WEEK, DAY = timedelta(days=7), timedelta(days=1)
MAX_REASON = 1_000  # characters of what an instance says of itself


class Rule(enum.StrEnum):
    """See the table above. The values stand in the database."""

    SILENT = "silent"
    LOOP = "loop"
    MEMORY = "memory"
    CHECK = "check"
    FAILED = "failed"
    QUOTA = "quota"
    TOKEN_WEEK = "token-week"  # noqa: S105 - no secret
    TOKEN_DAY = "token-day"  # noqa: S105 - no secret


# A token that is about to end does not recover: it was replaced, or it has ended.
RECOVERING = frozenset({Rule.SILENT, Rule.LOOP, Rule.MEMORY, Rule.CHECK, Rule.QUOTA})


@dataclass(frozen=True, slots=True)
class Firing:
    """That a rule is true of *subject*, in words."""

    subject: str
    title: str
    text: str
    path: str
    team: Team | None = None
    instance: Instance | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """That nothing can be said of *subject* now: what is open stays open, and nothing fires."""

    subject: str


def silent(now: datetime) -> Iterator[Firing | Unknown]:
    """Instances that do not answer, or that nobody asks. One that is to be asked anew did not answer yet."""
    for pk in Instance.objects.filter(status=Instance.Status.UNKNOWN).values_list("pk", flat=True):
        yield Unknown(_instance(pk))
    long_ago = now - SILENT_AFTER
    degraded = Q(status=Instance.Status.DEGRADED, degraded_since__lte=long_ago)
    unasked = Q(status=Instance.Status.ONLINE, seen_at__lte=long_ago)
    for instance in Instance.objects.filter(degraded | unasked):
        seen = f"It was last seen {moment(instance.seen_at)}." if instance.seen_at else "It was never seen."
        answers = instance.status == Instance.Status.ONLINE
        why = "No watcher process runs." if answers else instance.trouble_text[:MAX_REASON]
        yield Firing(
            subject=_instance(instance.pk),
            title=f"{instance.name} {'is not asked' if answers else 'does not answer'}",
            text=f"{seen} {why} What runs there goes on running, unseen.",
            path=reverse("pages:instance", args=[instance.name]),
            instance=instance,
        )


def loop(_now: datetime) -> Iterator[Firing]:
    """Unikernels in a crash loop, as ``unikernels.statistics`` recognises it. One that went missing has not
    recovered; one that was stopped from here is in none.
    """
    looping = Starts.objects.filter(looping_since__isnull=False, unikernel__team__isnull=False)
    for starts in looping.exclude(unikernel__state=Unikernel.Presence.STOPPED).select_related(
        "unikernel__instance", "unikernel__team"
    ):
        unikernel = starts.unikernel
        yield Firing(
            subject=_unikernel(unikernel.pk),
            title=f"{place_of(unikernel)} crashes again and again",
            text="It ends and is started again. Read its console; put another version in place.",
            path=reverse("pages:unikernel", args=[unikernel.pk]),
            team=unikernel.team,
            instance=unikernel.instance,
        )


def memory(now: datetime) -> Iterator[Firing | Unknown]:
    """Unikernels that use nearly all of their memory: the next request may be the one too many.

    Once touched, memory stays with the process: this is the most it used since its start.
    """
    uses = newest(now)
    running = Unikernel.objects.filter(state=Unikernel.Presence.RUNNING, team__isnull=False)
    full = []
    for pk, limit in running.values_list("pk", "observed__memory"):
        used = uses[pk][1] if pk in uses else None
        if used is None or not limit:
            yield Unknown(_unikernel(pk))
        elif used >= NEARLY_FULL * limit * MB:
            full.append(pk)
    for unikernel in running.filter(pk__in=full).select_related("instance", "team"):
        yield _of_memory(unikernel, uses[unikernel.pk][1] or 0)


def _of_memory(unikernel: Unikernel, used: float) -> Firing:
    limit = unikernel.observed["memory"]
    return Firing(
        subject=_unikernel(unikernel.pk),
        title=f"{place_of(unikernel)}: {used / MB:.0f} of {limit} MB of memory used",
        text="It ends when it needs more than it has. Configure it with more memory, or restart it.",
        path=reverse("pages:unikernel", args=[unikernel.pk]),
        team=unikernel.team,
        instance=unikernel.instance,
    )


def check(_now: datetime) -> Iterator[Firing | Unknown]:
    """Checks that are down. Of one that cannot be asked nothing is known; a stopped unikernel is not asked."""
    ours = Check.objects.filter(unikernel__team__isnull=False)
    unknown = ours.filter(state=Check.State.UNKNOWN, unikernel__state__in=ASKED)
    for pk in unknown.values_list("pk", flat=True):
        yield Unknown(f"check:{pk}")
    results = CheckResult.objects.filter(check_row=OuterRef("pk"), outcome=CheckResult.Outcome.FAILED)
    down = ours.filter(state=Check.State.DOWN).annotate(said=results.order_by("-at").values("text")[:1])
    for row in down.select_related("unikernel__instance", "unikernel__team"):
        unikernel = row.unikernel
        yield Firing(
            subject=f"check:{row.pk}",
            title=f"{place_of(unikernel)}: check {row.name} is down",
            text=" ".join(
                filter(None, [row.said, f"It is {unikernel.state}, as last seen.", to_do(unikernel)])
            ),
            path=reverse("pages:check", args=[unikernel.pk, row.pk]),
            team=unikernel.team,
            instance=unikernel.instance,
        )


def failed(now: datetime) -> Iterator[Firing]:
    """Unikernels and block devices whose last change failed, until one works or somebody dismisses what is
    gone. What touched nothing says nothing.
    """
    ends = (State.SUCCEEDED, State.ROLLED_BACK, State.FAILED)
    later = Operation.objects.filter(state__in=ends, pk__gt=OuterRef("pk"))
    mended = Exists(later.filter(unikernel=OuterRef("unikernel"))) | Exists(
        later.filter(block=OuterRef("block"))
    )
    recent = Operation.objects.filter(
        state=State.FAILED, finished_at__gt=now - FAILED_FOR, team__isnull=False
    )
    rows = recent.exclude(mended | dismissed_since()).select_related(
        "unikernel__instance", "instance", "team"
    )
    for operation in rows:
        yield Firing(
            subject=f"operation:{operation.pk}",
            title=f"{operation.name} on {operation.on.name}: {operation.kind.replace('_', ' ')} failed",
            text=verdict(operation).sentence,
            path=reverse("pages:operation", args=[operation.pk]),
            team=operation.team,
            instance=operation.on,
        )


def _instance(pk: int) -> str:
    return f"instance:{pk}"


def _unikernel(pk: int) -> str:
    return f"unikernel:{pk}"


def quota(_now: datetime) -> Iterator[Firing]:
    """Shares of instances that are nearly used up."""
    for fill in fills():
        if fill.limit >= FEWEST.get(fill.resource, 1) and fill.used >= NEARLY_FULL * fill.limit:
            yield _of_fill(fill)


def _of_fill(fill: Fill) -> Firing:
    share = fill.quota
    what = {"unikernels": "unikernels", "memory": "MB of memory", "block": "MB of block devices"}[
        fill.resource
    ]
    return Firing(
        subject=f"quota:{share.pk}:{fill.resource}",
        title=f"{share.team.name} on {share.instance.name}: {fill.used} of {fill.limit} {what} used",
        text="What needs more than is left will be refused. Destroy what is not needed, or ask a superuser.",
        path=reverse("pages:quotas"),
        team=share.team,
        instance=share.instance,
    )


def token_week(now: datetime) -> Iterator[Firing]:
    """Tokens with more than a day and at most a week left."""
    return _tokens(now, more_than=DAY, at_most=WEEK)


def token_day(now: datetime) -> Iterator[Firing]:
    """Tokens with at most a day left."""
    return _tokens(now, more_than=timedelta(), at_most=DAY)


def _tokens(now: datetime, *, more_than: timedelta, at_most: timedelta) -> Iterator[Firing]:
    ending = ApiToken.objects.filter(
        revoked_at=None,
        created_by__is_active=True,
        expires_at__gt=now + more_than,
        expires_at__lte=now + at_most,
    )
    for token in ending.select_related("team"):
        if token.expires_at is None or token.expires_at - token.created_at < 2 * at_most:
            continue  # who makes a token for some days knows when it ends
        yield Firing(
            subject=f"token:{token.key_id}",
            title=f"Token {token.name} of {token.team.name} ends {moment(token.expires_at)}",
            text="What uses it is refused from then on. Make a new one, and revoke this one.",
            path=reverse("team-tokens", args=[token.team.name]),
            team=token.team,
        )


FIND: Mapping[Rule, Callable[[datetime], Iterator[Firing | Unknown]]] = MappingProxyType(
    {
        Rule.SILENT: silent,
        Rule.LOOP: loop,
        Rule.MEMORY: memory,
        Rule.CHECK: check,
        Rule.FAILED: failed,
        Rule.QUOTA: quota,
        Rule.TOKEN_WEEK: token_week,
        Rule.TOKEN_DAY: token_day,
    }
)
