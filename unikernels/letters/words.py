"""What all letters about unikernels do the same way: who reads them, links, moments, console lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from accounts.models import Team, User
from unikernels.models import Unikernel

HIDDEN = "[hidden]"
MAX_LINE = 200  # characters of a console line: a letter is no log
SHORTEST_SECRET = 6  # characters; shorter values of arguments (yes, 1, eth0) would blot out the whole text


def readers_of(team: Team | None) -> list[User]:
    """The members of *team* who may log in; what belongs to nobody here is nobody's mail."""
    return list(User.objects.filter(memberships__team=team, is_active=True)) if team else []


def place_of(unikernel: Unikernel) -> str:
    """``robur:hello on fra-1``."""
    return f"{unikernel.full_name} on {unikernel.instance.name}"


def link_to(page: str, *parts: object) -> str:
    """The address of one of our pages, for a letter."""
    return f"{settings.SITE_URL}{reverse(f'pages:{page}', args=parts)}"


def moment(at: datetime) -> str:
    """``2026-11-22 10:12 UTC``."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def letter(*paragraphs: str) -> str:
    """Paragraphs with an empty line between; empty ones are left out."""
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def quoted(lines: Iterable[str], secrets: Sequence[str]) -> str:
    """Console lines for a letter: short, and without any of *secrets*."""
    return "\n".join(f"  {without(line, secrets)[:MAX_LINE]}" for line in lines)


def without(text: str, secrets: Sequence[str]) -> str:
    """*text* with each of *secrets* hidden, the longest first: one may stand in another."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def secrets_in(arguments: Iterable[str]) -> list[str]:
    """What of a unikernel's arguments must not be mailed: each whole, and the value of each option."""
    found = {text for argument in arguments for text in (argument, argument.partition("=")[2])}
    return [text for text in found if len(text) >= SHORTEST_SECRET]
