"""A team with many unikernels on one instance, as the inventory would have written them."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.actors import COMMAND, Actor
from accounts.models import Quota, Role, Team, User
from accounts.services import team_create, token_issue, user_add
from albatross.messages import Info, Policy
from albatross.models import Instance
from albatross.names import Name
from bench.codec import info
from unikernels.instances.health import mark_seen
from unikernels.inventory.policies import apply_policies
from unikernels.inventory.report import Report
from unikernels.inventory.services import adopt
from unikernels.inventory.unikernels import apply_unikernels
from unikernels.models import Unikernel

EVERYTHING = Policy(
    unikernels=200,
    cpuids=frozenset(range(8)),
    memory=100_000,
    block=10_000,
    bridges=frozenset({"service"}),
)


def populate(count: int) -> tuple[str, str]:
    """Make *count* managed unikernels of one team; the text of a token, and a session's cookie."""
    user = user_add(actor=COMMAND, email="bench@example.org", password="only a measurement")
    team = team_create(actor=COMMAND, name="measured", owner=user)
    instance = Instance.objects.create(name="host", address="192.0.2.1:1025", sealed_key="")
    _observe(instance, team, count)
    Quota.objects.create(
        team=team,
        instance=instance,
        unikernels=EVERYTHING.unikernels,
        memory=EVERYTHING.memory,
        block=EVERYTHING.block,
        cpuids=sorted(EVERYTHING.cpuids),
        bridges=sorted(EVERYTHING.bridges),
        state=Quota.State.APPLIED,
    )
    _, token = token_issue(actor=Actor(user, "session"), team=team, name="bench", role=Role.DEPLOYER)
    return token, session_of(user)


def _observe(instance: Instance, team: Team, count: int) -> None:
    now = timezone.now()
    report = Report(
        unikernels=dict(_unikernels(team.domain, count)),
        policies={"": EVERYTHING, team.domain: EVERYTHING},
        blocks={},
        last_block=0,
        asked_at=now,
    )
    mark_seen(instance, now)
    teams: dict[str | None, Team] = {team.domain: team}
    apply_policies(instance, report, teams)
    apply_unikernels(instance, report, teams)
    for unikernel in Unikernel.objects.filter(instance=instance):
        adopt(actor=COMMAND, unikernel=unikernel)
    apply_unikernels(instance, report, teams)


def _unikernels(domain: str, count: int) -> Iterator[tuple[Name, Info]]:
    for number in range(count):
        yield Name.of(domain, label=f"unikernel{number}"), info(number)


def session_of(user: User) -> str:
    """The cookie of a new session of *user*."""
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
